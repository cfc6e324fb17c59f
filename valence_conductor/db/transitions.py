# SPDX-License-Identifier: Apache-2.0

"""State tables, and writes to rows that several processes may believe they own."""

from collections.abc import Collection
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence_conductor import errors


class Transitions:
    """A table of states and the transitions between them.

    :param table: state -> the states that may follow it. A state without any is terminal.
    """

    def __init__(self, table: Mapping[str, Collection[str]]) -> None:
        self.table = {state: frozenset(following) for state, following in table.items()}

    def check(self, old: str, new: str) -> None:
        """Raise IllegalTransition unless the table has this transition."""
        if new not in self.table.get(old, frozenset()):
            raise errors.IllegalTransition(f"a row may not go from {old!r} to {new!r}")


def compare_and_set(
    session: orm.Session | sa.Connection,
    table: type[Any],
    *,
    uuid: str,
    generation: int,
    state: str | Collection[str],
    values: Mapping[str, Any],
) -> None:
    """Write a row only if it still is in the generation and state that the writer expects.

    ``UPDATE ... WHERE uuid AND generation AND state``; the database decides.

    :param table: the mapped class, with columns uuid, generation and state.
    :param state: the expected state, or several of them.
    :raises Superseded: the row has changed; nothing was written.
    """
    states = [state] if isinstance(state, str) else list(state)
    where = (table.uuid == uuid, table.generation == generation, table.state.in_(states))
    result = session.execute(sa.update(table).where(*where).values(**values))
    if getattr(result, "rowcount", 0) != 1:
        raise errors.Superseded(
            f"{table.__tablename__} {uuid}: no longer in generation {generation} and "
            f"{' or '.join(states)}"
        )
