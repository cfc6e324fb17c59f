# SPDX-License-Identifier: Apache-2.0

"""The log, for tests that count lines and search them for secrets."""

import logging
import re

import fixtures

#: The line that is logged for each change of a row's state.
CHANGE = re.compile(
    r"(?P<kind>Node|Instance) (?P<uuid>[0-9a-f-]{36}): (?P<old>\S+) -> (?P<new>\S+) "
    r"\(generation (?P<generation>\d+), request (?P<request>\S+)\)"
)


class LogLines(fixtures.Fixture):
    """Keep every record of every logger, whatever its level."""

    def __init__(self) -> None:
        self.records: list[logging.LogRecord] = []

    def _setUp(self) -> None:
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign]
        root = logging.getLogger()
        self.addCleanup(root.removeHandler, handler)
        self.addCleanup(root.setLevel, root.level)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)

    def changes(self, uuid: str) -> list[str]:
        """Return the changes of a row: ``old -> new``, with the generation."""
        matches = (CHANGE.fullmatch(line) for line in self.lines(logging.INFO))
        return [
            f"{m['old']} -> {m['new']} {m['generation']}"
            for m in matches
            if m and m["uuid"] == uuid
        ]

    def requests(self, uuid: str) -> list[str]:
        """Return the request ids in the changes of a row."""
        matches = (CHANGE.fullmatch(line) for line in self.lines(logging.INFO))
        return [m["request"] for m in matches if m and m["uuid"] == uuid]

    def lines(self, level: int = logging.DEBUG) -> list[str]:
        """Return the messages of this level and above."""
        return [record.getMessage() for record in self.records if record.levelno >= level]
