# SPDX-License-Identifier: Apache-2.0

"""Searching the machine of a row on its pod manager: all of its facts, and all that is listed."""

from collections.abc import Sequence
import contextlib
import dataclasses

from valence import errors
from valence import podmanagers
from valence import wiring
from valence.flows import conflicts
from valence.flows import machine
from valence.objects import node as node_objects
from valence.podmanagers import odata
from valence.podmanagers.identity import Comparison
from valence.podmanagers.identity import Facts
from valence.podmanagers.identity import Verdict

#: Errors of one resource that cannot be read, though its pod manager answers. One that is
#: forbidden is one of them: of wrong credentials, the listing fails, too.
UNREADABLE = (
    errors.PodManagerFailed,
    errors.PodManagerRefused,
    errors.PodManagerUnauthorized,
)


class Search:
    """Searches the machine of a row on its pod manager.

    :param thorough: read the system of each node of other clients, too: it may be that of
        the row. Otherwise only of those that have the same path as the row's.
    :param deleted: Valence has deleted the node. Its system may be part of another node
        by now, and nodes of other clients that cannot be read are not it.
    """

    def __init__(
        self,
        context: wiring.Context,
        driver: podmanagers.Driver,
        row: node_objects.Node,
        *,
        thorough: bool = False,
        deleted: bool = False,
    ) -> None:
        self._context = context
        self._driver = driver
        self._row = row
        self._thorough = thorough and not deleted
        self._deleted = deleted
        self._expected = facts = machine.expected(context, row)
        self._has_marks = bool(facts.name or facts.description)
        # A response to Allocate was lost: a second node may have the marks, on another system.
        is_on_any_system = row.allocating or (deleted and self._has_marks)
        self._ignored = machine.SYSTEM_FACTS if is_on_any_system else frozenset[str]()
        self._unreadable: list[str] = []
        self._suspects: list[Comparison] = []

    def run(self) -> Facts | None:
        """Return the facts of the machine; None: the complete listing lacks it.

        A machine whose node is listed at the row's path and cannot be read has no facts but
        its path.

        :raises NodeIdentityConflict: a machine may be it, but is not identified.
        :raises PodManagerFailed: the listing is not complete.
        """
        if self._row.path is not None:
            with contextlib.suppress(errors.PodManagerNodeGone, *UNREADABLE):
                facts = self._match(self._driver.member(self._row.path))
                if facts is not None:
                    return facts
        return self.run_in(self._driver.members())

    def run_in(self, members: Sequence[Facts]) -> Facts | None:
        """Do the same in a complete listing, without reading the row's path first."""
        self._suspects.clear()
        self._unreadable.clear()
        for member in members:
            facts = self._read(member)
            found = self._match(facts) if facts is not None else None
            if found is not None:
                return found
        if self._suspects:
            raise conflicts.error(self._row, self._suspects[0])
        if any(self._is_at_path(path) for path in self._unreadable):
            return Facts(path=self._row.path or "", is_read=False)
        if self._unreadable and not self._deleted:
            raise errors.PodManagerFailed(
                f"Pod manager {self._row.podm_uuid} lists {self._unreadable[0]} and cannot read "
                f"it: it may be node {self._row.uuid}. See the log of the pod manager."
            )
        return None

    def _read(self, member: Facts) -> Facts | None:
        """Return the facts of a member; None: it is gone, or unreadable."""
        if member.is_read and (member.name or member.description or not self._has_marks):
            return member
        try:
            return self._driver.member(member.path)
        except errors.PodManagerNodeGone:
            if self._is_at_path(member.path):  # what is listed may be held still
                self._unreadable.append(member.path)
        except UNREADABLE:
            self._unreadable.append(member.path)
        return None

    def _match(self, facts: Facts) -> Facts | None:
        """Return the facts of a node with those of its system, if it is the row's."""
        if not self._thorough and self._is_excluded(self._compare(facts)):
            return None
        facts = self._driver.with_system(facts)
        comparison = self._compare(facts)
        if comparison.verdict is Verdict.UNKNOWN and self._expected.macs and facts.system_path:
            facts = dataclasses.replace(facts, macs=_macs(self._driver, facts.system_path))
            comparison = self._compare(facts)
        if comparison.verdict is Verdict.SAME:
            return facts
        if not self._is_excluded(comparison) and not machine.is_of_another_row(
            self._context, self._row, facts
        ):
            self._suspects.append(comparison)
        return None

    def _compare(self, facts: Facts) -> Comparison:
        return machine.compare(self._context, self._row, facts, self._ignored)

    def _is_excluded(self, comparison: Comparison) -> bool:
        """Return whether a node is certainly not the row's."""
        is_unlike = comparison.verdict is Verdict.UNKNOWN and not comparison.agree
        return comparison.verdict is Verdict.OTHER or (is_unlike and self._has_marks)

    def _is_at_path(self, path: str) -> bool:
        return self._row.path is not None and odata.same_path(self._row.path, path)


def _macs(driver: podmanagers.Driver, system_path: str) -> tuple[str, ...]:
    """Return the MAC addresses of a system; none if they cannot be read."""
    try:
        return tuple(interface.mac for interface in driver.interfaces(system_path))
    except (errors.PodManagerNodeGone, *UNREADABLE):
        return ()
