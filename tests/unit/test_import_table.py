# SPDX-License-Identifier: Apache-2.0

"""The table of DESIGN: who in this house may import whom."""

import ast
import pathlib
import sys

import testscenarios

from tests import base

ROOT = pathlib.Path(__file__).resolve().parents[2]

#: package -> the packages of ours it may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "valenceclient": set(),
    "valence_conductor": set(),
    "valence_integration": {"valenceclient", "valence_conductor"},
    "valence": {"valence_conductor"},
    "podm_simulator": set(),
}

#: What `pip install .` alone brings: the client must live on it.
CLIENT_LIBRARIES = {"cliff", "keystoneauth1", "openstack", "osc_lib", "pbr", "requests"}


def imports_of(package: str) -> set[tuple[str, str]]:
    """Every (file, top-level module) that a package's source imports."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            found |= {(str(path.relative_to(ROOT)), name.split(".")[0]) for name in names}
    return found


class TestImportTable(testscenarios.WithScenarios, base.TestCase):
    scenarios = [(package, {"package": package}) for package in sorted(MAY_IMPORT)]
    package: str

    def test_a_package_imports_only_what_the_table_allows(self) -> None:
        forbidden = set(MAY_IMPORT) | {"tests", "devstack"}
        forbidden -= MAY_IMPORT[self.package] | {self.package}
        broken = sorted(
            f"{path} imports {name}"
            for path, name in imports_of(self.package)
            if name in forbidden
        )
        self.assertEqual([], broken)


class TestNova(base.TestCase):
    def test_nova_is_imported_by_its_driver_alone(self) -> None:
        importers = {
            path for package in MAY_IMPORT for path, name in imports_of(package) if name == "nova"
        }
        home = "valence_integration/nova/"
        self.assertEqual([], sorted(path for path in importers if not path.startswith(home)))
        self.assertIn(f"{home}driver.py", importers)


class TestClientIsLight(base.TestCase):
    def test_the_client_imports_nothing_but_its_own_requirements(self) -> None:
        allowed = CLIENT_LIBRARIES | set(sys.stdlib_module_names) | {"valenceclient"}
        heavy = sorted(
            f"{path} imports {name}"
            for path, name in imports_of("valenceclient")
            if name not in allowed
        )
        self.assertEqual([], heavy)
