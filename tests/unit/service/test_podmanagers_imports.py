# SPDX-License-Identifier: Apache-2.0

"""The order of the rooms of valence/podmanagers: a room imports only rooms below it."""

import ast
import pathlib

from tests import base
from valence import podmanagers

PACKAGE = "valence.podmanagers"
ROOT = pathlib.Path(podmanagers.__file__).parent

#: From the top.
ORDER = [
    {PACKAGE},
    {"rsd"},
    {"redfish"},
    {"http"},
    {"access", "base"},
    {"identity", "inventory", "messages", "service_identity"},
    {"distinct", "limitation", "odata"},
]

#: What any room may import of the rest of valence.
ALLOWED = {"valence.errors", "valence.jsontext", "valence.ownership"}


def imports(path: pathlib.Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{alias.name}" for node in found for alias in node.names}
    return {name for name in names if name.startswith("valence.")}


def room(name: str) -> str:
    return name.removeprefix(f"{PACKAGE}.").split(".")[0]


def level(room: str) -> int:
    """Return the number of the level of a room; one that has no place in ORDER is a driver."""
    drivers = next(number for number, rooms in enumerate(ORDER) if "rsd" in rooms)
    levels = {name: number for number, rooms in enumerate(ORDER) for name in rooms}
    return levels.get(room, drivers)


def is_allowed(importer: str, name: str) -> bool:
    if not name.startswith(f"{PACKAGE}."):
        return name in ALLOWED
    return room(name) == importer or level(room(name)) > level(importer)


class TestRooms(base.TestCase):
    def test_a_room_imports_only_rooms_below_it(self) -> None:
        broken = []
        for path in ROOT.rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            importer = PACKAGE if parts == ("__init__",) else parts[0]
            broken += [
                f"{'/'.join(parts)} imports {name}"
                for name in imports(path)
                if not is_allowed(importer, name)
            ]
        self.assertEqual([], sorted(broken))
