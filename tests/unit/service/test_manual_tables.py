# SPDX-License-Identifier: Apache-2.0

"""The tables of the manual about Redfish services: every row names tests that exist."""

import importlib
import pathlib
import re
from typing import Any

from docutils import core
from docutils import nodes
import testscenarios

from tests import base

MANUAL = pathlib.Path(__file__).parents[3] / "doc" / "source" / "service"

#: Only standard reStructuredText is read: roles of Sphinx are text.
ROLE = re.compile(r":\w+:`([^`]*)`")


def rows(page: pathlib.Path) -> list[list[str]]:
    """The rows of all tables of a page, without their headers."""
    document = core.publish_doctree(
        ROLE.sub(r"``\1``", page.read_text()), settings_overrides={"report_level": 5}
    )
    return [
        [entry.astext() for entry in row.findall(nodes.entry)]
        for body in document.findall(nodes.tbody)
        for row in body.findall(nodes.row)
    ]


def find(name: str) -> Any:
    """Return the class or the method that a dotted name leads to."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"There is no module of {name}")


class TestTables(testscenarios.WithScenarios, base.TestCase):
    scenarios = [(page.name, {"page": page}) for page in sorted(MANUAL.glob("redfish-*.rst"))]
    page: pathlib.Path

    def test_every_row_names_tests_that_exist(self) -> None:
        table = rows(self.page)
        self.assertTrue(table)
        for row in table:
            names = re.findall(r"tests\.[\w.]+", row[-1])
            self.assertTrue(names, row)
            for name in names:
                self.assertTrue(name.rpartition(".")[2].startswith("test_"), name)
                self.assertTrue(callable(find(name)), name)
