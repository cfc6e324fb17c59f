# SPDX-License-Identifier: Apache-2.0

"""A snapshot of the resources of a lab, to compare before and after."""

from collections.abc import Iterator
import dataclasses

import sqlalchemy as sa

from devstack.lab.lab import Lab

HISTORY = {
    "instances": "state != 'deleted'",
    "systems": "state = 'used'",
    "devices": "state = 'allocated'",
    "racks": "1 = 0",
    "inventories": "1 = 0",
    "released_nodes": "1 = 0",
}
"""Table -> the rows that count. Rows of deleted instances and released nodes stay, and hold no
resources; the inventory of the pods is read at any time."""

CONSTANT = ("alembic", "version", "installation")
"""Tables with these in their names describe the schema or the installation."""


@dataclasses.dataclass(frozen=True)
class Balance:
    """The resources of a lab at one moment.

    :ivar pools: name of a pod manager -> fingerprint of its assets and their holders.
    :ivar ironic_nodes: uuids.
    :ivar ironic_ports: MAC addresses.
    :ivar rows: ``database.table`` -> number of rows.
    """

    pools: dict[str, str]
    ironic_nodes: frozenset[str]
    ironic_ports: frozenset[str]
    rows: dict[str, int]

    def differences(self, later: "Balance") -> Iterator[str]:
        """Yield a sentence for each difference."""
        for name, fingerprint in self.pools.items():
            if later.pools.get(name) != fingerprint:
                yield f"the pool of pod manager {name} has changed"
        for kind, before, after in (
            ("node", self.ironic_nodes, later.ironic_nodes),
            ("port", self.ironic_ports, later.ironic_ports),
        ):
            for item in sorted(after - before):
                yield f"{kind} {item} was left in Ironic"
            for item in sorted(before - after):
                yield f"{kind} {item} is missing from Ironic"
        for table in sorted(self.rows.keys() | later.rows.keys()):
            before_rows, after_rows = self.rows.get(table, 0), later.rows.get(table, 0)
            if before_rows != after_rows:
                yield f"{table} had {before_rows} rows and has {after_rows}"


def take(lab: Lab) -> Balance:
    """Return a snapshot of a running lab."""
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


def _databases(lab: Lab) -> dict[str, str]:
    files = sorted(lab.plugin.directory.glob("*.sqlite"))
    return {**lab.service.connections, **{path.stem: f"sqlite:///{path}" for path in files}}


def _rows(url: str) -> Iterator[tuple[str, int]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            if any(word in name for word in CONSTANT):
                continue
            count = sa.select(sa.func.count()).select_from(sa.table(name))
            where = sa.text(HISTORY.get(name, "1 = 1"))
            yield name, connection.execute(count.where(where)).scalar_one()
