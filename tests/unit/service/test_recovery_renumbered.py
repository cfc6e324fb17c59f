# SPDX-License-Identifier: Apache-2.0

"""A process dies, and the pod manager renumbers its nodes before the next one continues."""

from collections.abc import Callable
from typing import Any

import testscenarios

from podm_simulator.redfish.http import Request
from podm_simulator.redfish.http import Response
from tests.unit.service import identity_base
from tests.unit.service import test_recovery

#: How the numbers change: all are new, or those of the node and of another one are exchanged.
CHANGES = (
    "new numbers",
    "number of another row",
    "number of a stranger",
    "moved, then a stranger",
)


def points(*methods: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{when} {method}, {change}", {"point": (method, when), "change": change})
        for method in methods
        for when in ("before", "after")
        for change in CHANGES
    ]


class RenumberedTestCase(testscenarios.WithScenarios, identity_base.IdentityTestCase):
    """A node, one of another row, and one of a stranger.

    :ivar point: method of the driver during which the process dies, and when.
    """

    point: tuple[str, str]
    change: str

    def setUp(self) -> None:
        super().setUp()
        self.other = self.composed()
        self.kept = self.machine(self.other)
        self.changes.clear()
        self.points: list[tuple[str, str]] = []
        connections = self.service.drivers.connections
        get = connections.get
        connections.get = lambda access: test_recovery.Dying(get(access), self.points, self.move)  # type: ignore

    def own(self) -> Any | None:
        """Return the node of the simulator that is neither the stranger's nor the other row's."""
        known = (self.kept, self.stranger)
        nodes = [it for it in self.pod.pod.nodes.values() if it not in known]
        self.assertLessEqual(len(nodes), 1)
        return nodes[0] if nodes else None

    def move(self) -> None:
        changes: dict[str, Callable[[Any], None]] = {
            "number of another row": lambda own: self.exchange(own, self.kept),
            "number of a stranger": lambda own: self.exchange(own, self.stranger),
            "moved, then a stranger": self._replace,
        }
        own = self.own()
        if own is None or self.change not in changes:
            self.renumber()
        else:
            changes[self.change](own)

    def _replace(self, own: Any) -> None:
        """Assign a new number to the node, and its former one to a stranger."""
        numbers = {own.id: f"9{own.id}", self.stranger.id: own.id}
        self.renumber(lambda ident: numbers.get(ident, ident))

    def tearDown(self) -> None:
        self.assertEqual([], self.points, "the process did not die")
        self.assertNotIn(self.kept.uuid, [uuid for _method, uuid in self.changes])
        self.assertIn(self.kept, self.pod.pod.nodes.values())
        self.assertIn(self.stranger, self.pod.pod.nodes.values())
        self.assertEqual(self.path_of(self.kept), self.shown(self.other)["path"])
        super().tearDown()

    def assertComposed(self, row: dict[str, Any] | None) -> None:
        own = self.own()
        assert row is not None and own is not None
        self.assertEqual("composed", row["state"], row)
        shown = self.shown(row)
        self.assertIsNone(shown["fault"])
        self.assertEqual(self.path_of(own), shown["path"])
        self.assertEqual(own.system.path, shown["system_path"])

    def assertReleased(self, row: dict[str, Any]) -> None:
        self.assertIsNone(self.delete(row))
        self.assertIsNone(self.own())


class TestComposing(RenumberedTestCase):
    scenarios = points("allocate", "member", "state", "assemble", "read")

    def test_the_node_is_composed_once_and_released(self) -> None:
        self.points.append(self.point)
        row = self.settled(self.compose()["uuid"])
        self.assertComposed(row)
        self.assertReleased(row or {})


class TestReleasing(RenumberedTestCase):
    scenarios = points("member", "with_system", "delete", "members")

    def test_the_node_is_released(self) -> None:
        row = self.composed()
        self.points.append(self.point)
        self.assertReleased(row)


class TestRefused(RenumberedTestCase):
    """A DELETE is refused, and the numbers have changed before it is repeated."""

    scenarios = [
        (f"{status}, {change}", {"status": status, "change": change, "point": None})
        for status in (409, 500, 503)
        for change in CHANGES
    ]
    status: int

    def test_the_node_is_released(self) -> None:
        row = self.composed()
        handle, refused = self._handle, []

        def answer(request: Request, **options: Any) -> Response:
            if request.method == "DELETE" and not refused:
                refused.append(request.path)
                self.move()
                return Response(self.status, {}, headers={"Retry-After": "1"})
            return handle(request, **options)

        self._handle = answer
        self.assertReleased(row)
        self.assertEqual(1, len(refused))


class TestRegistering(RenumberedTestCase):
    scenarios = points("read", "interfaces", "bmc")

    def test_the_node_is_registered_as_itself(self) -> None:
        row = self.composed()
        self.points.append(self.point)
        self.api("POST", f"/v1/nodes/{row['uuid']}/register")
        node = self.settled(row["uuid"]) or {}
        own = self.own()
        assert own is not None
        self.assertEqual("ironic", node["managed_by"], node)
        (registered,) = self.ironic.nodes.values()
        system = registered["driver_info"]["redfish_system_id"]
        self.assertTrue(own.system.path.endswith(system.rpartition("/")[2]), system)
        self.assertComposed(node)
        self.api("POST", f"/v1/nodes/{row['uuid']}/unregister")
        self.settled(row["uuid"])
        self.assertReleased(row)
