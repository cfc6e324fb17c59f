# SPDX-License-Identifier: Apache-2.0

"""The books of a lab: what is where, so that before and after can be compared."""

from collections.abc import Iterator
import dataclasses

import sqlalchemy as sa

from devstack.lab import lab as labs

HISTORY = {
    "instances": "state != 'deleted'",
    "systems": "state = 'used'",
    "devices": "state = 'allocated'",
    "racks": "1 = 0",
    "inventories": "1 = 0",
}
"""Table to the rows that count: a deleted instance is remembered, and holds nothing; what
the pods have is learnt sooner or later."""

CONSTANT = ("alembic", "version", "installation")
"""Tables whose names contain these say how the others look, or whose they are."""


@dataclasses.dataclass(frozen=True)
class Balance:
    """What a lab held at one moment.

    :ivar pools: pod manager to the fingerprint of what can be taken and who holds it.
    :ivar ironic_nodes: uuids.
    :ivar ironic_ports: MAC addresses.
    :ivar rows: ``database.table`` to the number of rows.
    """

    pools: dict[str, str]
    ironic_nodes: frozenset[str]
    ironic_ports: frozenset[str]
    rows: dict[str, int]

    def differences(self, later: "Balance") -> Iterator[str]:
        """Yield a sentence for everything that is not as it was."""
        for name, fingerprint in self.pools.items():
            if later.pools.get(name) != fingerprint:
                yield f"the pool of pod manager {name} is not as it was"
        for what, before, after in (
            ("node", self.ironic_nodes, later.ironic_nodes),
            ("port", self.ironic_ports, later.ironic_ports),
        ):
            for item in sorted(after - before):
                yield f"{what} {item} was left in Ironic"
            for item in sorted(before - after):
                yield f"{what} {item} is gone from Ironic"
        for table in sorted(self.rows.keys() | later.rows.keys()):
            before_rows, after_rows = self.rows.get(table, 0), later.rows.get(table, 0)
            if before_rows != after_rows:
                yield f"{table} had {before_rows} rows and has {after_rows}"


def take(lab: labs.Lab) -> Balance:
    """Read the books of a running lab."""
    ironic = lab.ironic_client()
    return Balance(
        pools={name: pod.pool()["fingerprint"] for name, pod in lab.pods.items()},
        ironic_nodes=frozenset(node.uuid for node in ironic.node.list(limit=0)),
        ironic_ports=frozenset(port.address for port in ironic.port.list(limit=0)),
        rows={
            f"{name}.{table}": count
            for name, url in _databases(lab).items()
            for table, count in _rows(url)
        },
    )


def _databases(lab: labs.Lab) -> dict[str, str]:
    files = sorted(lab.plugin.directory.glob("*.sqlite"))
    return {**lab.service.connections, **{path.stem: f"sqlite:///{path}" for path in files}}


def _rows(url: str) -> Iterator[tuple[str, int]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            if any(word in name for word in CONSTANT):
                continue
            counted = sa.select(sa.func.count()).select_from(sa.table(name))
            where = sa.text(HISTORY.get(name, "1 = 1"))
            yield name, connection.execute(counted.where(where)).scalar_one()
