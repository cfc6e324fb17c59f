# SPDX-License-Identifier: Apache-2.0

"""The tables of the manual are those of the registry; ``python -m`` this module prints them."""

from collections.abc import Iterator
from collections.abc import Sequence
import pathlib

from podm_simulator.quirks import registry
from podm_simulator.quirks.behaviour import Quirk
from tests import base

PAGE = pathlib.Path(__file__).resolve().parents[3] / "doc" / "source" / "simulator.rst"

#: Name of a link to a page that is the source of quirks.
PLACES = (
    ("https://github.com/", ""),
    ("https://opendev.org/openstack/sushy/src/branch/master/", "sushy, "),
)


def source(text: str) -> str:
    """Return a source, with a link where it has an address."""
    parts = []
    for part in text.split("; "):
        address, separator, comment = part.partition(": ")
        for place, name in PLACES:
            if address.startswith(place):
                label = name + address.removeprefix(place).replace("/issues/", " #")
                label = label.replace("/pull/", " #")
                part = f"`{label} <{address}>`__{separator}{comment}"
        parts.append(part)
    return "; ".join(parts)


def table(quirks: Sequence[Quirk]) -> Iterator[str]:
    """Yield the lines of the table of a chapter."""
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield "   :widths: 22 48 30"
    yield ""
    yield "   * - Quirk"
    yield "     - What the pod manager does"
    yield "     - Source"
    for quirk in quirks:
        yield f"   * - ``{quirk.name}``"
        yield f"     - {quirk.text.replace('$', chr(92) + '$')}"
        yield f"     - {source(quirk.source)}"


def tables() -> str:
    """Return the tables of all chapters."""
    lines: list[str] = []
    for chapter, quirks in registry.CHAPTERS.items():
        lines += ["", chapter, "-" * len(chapter), "", *table(quirks)]
    return "\n".join(lines) + "\n"


class TestManual(base.TestCase):
    def test_the_manual_has_the_tables_of_all_quirks(self) -> None:
        page = PAGE.read_text()
        for line in tables().splitlines():
            self.assertIn(line, page, "run python -m tests.unit.simulator.test_quirks_manual")
        self.assertIn(tables(), page)

    def test_the_manual_names_the_groups_of_which_one_can_be_switched_on(self) -> None:
        page = " ".join(PAGE.read_text().split())
        for group in sorted({quirk.group for quirk in registry.ALL.values() if quirk.group}):
            names = [quirk.name for quirk in registry.ALL.values() if quirk.group == group]
            self.assertIn(", ".join(f"``{name}``" for name in names), page, group)


def groups() -> str:
    """Return the groups, each of which excludes all but one of its quirks."""
    lines = []
    for group in dict.fromkeys(quirk.group for quirk in registry.ALL.values() if quirk.group):
        names = [quirk.name for quirk in registry.ALL.values() if quirk.group == group]
        lines.append(f"* {', '.join(f'``{name}``' for name in names)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(groups())
    print(tables())
