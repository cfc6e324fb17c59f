# SPDX-License-Identifier: Apache-2.0

"""What pod managers cannot compose, as the last refresh has read it."""

from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_log import log as logging
import sqlalchemy as sa

from valence.objects import podmanager
from valence.podmanagers.limitation import Limitation
from valence_conductor.db import engine as db_engine

LOG = logging.getLogger(__name__)


@db_engine.retried
def record(db: db_engine.Database, uuid: str, limitations: Sequence[Limitation]) -> None:
    """Record what a pod manager cannot compose, as it was just read."""
    values = values_of(limitations)
    with db.reader() as session:
        row = session.get(podmanager.PodManager, uuid)
    if row is None or row.limitations == values:
        return
    with db.writer() as session:
        table = podmanager.PodManager
        session.execute(sa.update(table).where(table.uuid == uuid).values(limitations=values))
    reasons = " ".join(limitation.reason for limitation in limitations)
    LOG.info("Limitations of pod manager %s: %s", uuid, reasons or "none")


def values_of(limitations: Sequence[Limitation]) -> list[dict[str, Any]]:
    """Return limitations as they are stored, and shown."""
    return [dataclasses.asdict(limitation) for limitation in limitations]
