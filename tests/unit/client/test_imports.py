# SPDX-License-Identifier: Apache-2.0

"""The imports between the modules of the client form no cycle, not even for types."""

import ast
import graphlib
import pathlib

from tests import base

ROOT = pathlib.Path(__file__).resolve().parents[3]


def modules() -> dict[str, pathlib.Path]:
    """Return name -> file of each module; the package files only re-export."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in (ROOT / "valenceclient").rglob("*.py")
        if path.name != "__init__.py"
    }


def imports_of(path: pathlib.Path) -> set[str]:
    """Return the names that a module imports anywhere, under TYPE_CHECKING too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


class TestImports(base.TestCase):
    def test_no_import_cycle(self) -> None:
        files = modules()
        graph = {name: imports_of(path) & set(files) for name, path in files.items()}
        self.assertIn("valenceclient.node", graph["valenceclient.errors"])
        try:
            tuple(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as exc:
            self.fail(f"Import cycle: {' -> '.join(exc.args[1])}")
