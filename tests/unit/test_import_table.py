# SPDX-License-Identifier: Apache-2.0

"""The import tables of DESIGN: which package and which room may import which.

Imports inside functions and under TYPE_CHECKING count like any other.
"""

import ast
from collections.abc import Iterable
from collections.abc import Mapping
import functools
import graphlib
import pathlib
import sys

import testscenarios

from tests import base

ROOT = pathlib.Path(__file__).resolve().parents[2]

#: package -> the packages of this repository that it may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "valenceclient": set(),
    "valence_conductor": set(),
    "valence_integration": {"valenceclient", "valence_conductor"},
    "valence": {"valence_conductor"},
    "podm_simulator": set(),
}

#: The rooms of valence/, from the API down to the hardware. A room imports only rooms of
#: floors below its own.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("cmd",),
    ("wsgi",),
    ("api",),
    ("service",),
    ("policies", "health", "ledger"),
    ("audit", "refresh"),
    ("flows",),
    ("wiring",),
    ("drivers", "scheduler"),
    ("credentials", "migrations"),
    ("objects",),
    ("ironic", "nova"),
    ("podmanagers",),
    ("ownership", "conf"),
    ("errors", "jsontext"),
)

#: What `pip install .` alone brings: the client must work with it.
CLIENT_LIBRARIES = {"cliff", "keystoneauth1", "openstack", "osc_lib", "pbr", "requests"}


@functools.cache
def modules_of(package: str) -> Mapping[str, pathlib.Path]:
    """Return dotted name -> file of every module of a package."""
    files = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


@functools.cache
def imports_of(package: str) -> frozenset[tuple[str, str]]:
    """Return (module, dotted name that it imports) of a whole package."""
    imports = set()
    for module, path in modules_of(package).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imports |= {(module, alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imports |= {(module, f"{node.module}.{alias.name}") for alias in node.names}
    return frozenset(imports)


def edges_of(package: str) -> set[tuple[str, str]]:
    """Return (module, module of the same package that it imports)."""
    modules, edges = modules_of(package), set()
    for module, name in imports_of(package):
        while name and name not in modules:  # the last part may be a class or a function
            name = name.rpartition(".")[0]
        if name and name != module:
            edges.add((module, name))
    return edges


def broken_floors(edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return the imports between modules of valence/ that do not lead to a lower floor."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    broken = []
    for importer, imported in edges:
        above, below = (f"{name}.".split(".")[1] for name in (importer, imported))
        if above and below and above != below and floor[above] >= floor[below]:
            broken.append(f"{importer} imports {imported}")
    return sorted(broken)


def cycle_of(edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return the modules of a cycle of imports; empty if there is none."""
    graph: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for importer, imported in edges:
        graph.add(importer, imported)
    try:
        graph.prepare()
    except graphlib.CycleError as exc:
        return list(exc.args[1])
    return []


class TestPackages(testscenarios.WithScenarios, base.TestCase):
    scenarios = [(package, {"package": package}) for package in sorted(MAY_IMPORT)]
    package: str

    def test_a_package_imports_only_what_the_table_allows(self) -> None:
        forbidden = set(MAY_IMPORT) | {"tests", "devstack"}
        forbidden -= MAY_IMPORT[self.package] | {self.package}
        broken = sorted(
            f"{module} imports {name}"
            for module, name in imports_of(self.package)
            if name.split(".")[0] in forbidden
        )
        self.assertEqual([], broken)

    def test_no_module_imports_itself_through_others(self) -> None:
        self.assertEqual([], cycle_of(edges_of(self.package)))


class TestRooms(base.TestCase):
    def test_every_room_is_on_a_floor(self) -> None:
        rooms = {name.split(".")[1] for name in modules_of("valence") if "." in name}
        self.assertEqual(set(), rooms - {room for rooms in FLOORS for room in rooms})

    def test_a_room_imports_only_rooms_of_floors_below(self) -> None:
        self.assertEqual([], broken_floors(edges_of("valence")))

    def test_an_import_upwards_and_one_on_the_same_floor_are_found(self) -> None:
        edges = [
            ("valence.objects.node", "valence.api.call"),
            ("valence.health", "valence.ledger"),
            ("valence.api.call", "valence.objects.node"),
            ("valence.objects.node", "valence.objects.base"),
        ]
        self.assertEqual(
            [
                "valence.health imports valence.ledger",
                "valence.objects.node imports valence.api.call",
            ],
            broken_floors(edges),
        )


class TestNova(base.TestCase):
    def test_nova_is_imported_by_its_driver_alone(self) -> None:
        importers = {
            module
            for package in MAY_IMPORT
            for module, name in imports_of(package)
            if name.split(".")[0] == "nova"
        }
        home = "valence_integration.nova."
        self.assertEqual([], sorted(name for name in importers if not name.startswith(home)))
        self.assertIn(f"{home}driver", importers)


class TestClientIsLight(base.TestCase):
    def test_the_client_imports_nothing_but_its_own_requirements(self) -> None:
        allowed = CLIENT_LIBRARIES | set(sys.stdlib_module_names) | {"valenceclient"}
        heavy = sorted(
            f"{module} imports {name}"
            for module, name in imports_of("valenceclient")
            if name.split(".")[0] not in allowed
        )
        self.assertEqual([], heavy)
