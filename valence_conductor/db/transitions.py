# SPDX-License-Identifier: Apache-2.0

"""Writing a row that several processes may believe to own."""

from collections.abc import Collection
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from valence_conductor import errors


class Transitions:
    """A table of states: what may follow what.

    :param table: state -> the states that may follow it. A state that maps to
        nothing is terminal.
    """

    def __init__(self, table: Mapping[str, Collection[str]]) -> None:
        self.table = {state: frozenset(following) for state, following in table.items()}

    def check(self, old: str, new: str) -> None:
        """Refuse a step that the table does not have.

        :raises IllegalTransition: it does not have it.
        """
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
    """Write a row only if it is still what the writer believes it to be.

    ``UPDATE ... WHERE uuid AND generation AND state``; the database decides.

    :param table: the mapped class, with columns uuid, generation and state.
    :param state: the state, or the states, in which the row may be found.
    :raises Superseded: it is not; nothing was written.
    """
    states = [state] if isinstance(state, str) else list(state)
    where = (table.uuid == uuid, table.generation == generation, table.state.in_(states))
    written = session.execute(sa.update(table).where(*where).values(**values))
    if getattr(written, "rowcount", 0) != 1:
        raise errors.Superseded(
            f"{table.__tablename__} {uuid}: not in generation {generation} and "
            f"{' or '.join(states)} any more"
        )
