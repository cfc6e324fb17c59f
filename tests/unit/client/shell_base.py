# SPDX-License-Identifier: Apache-2.0

"""Run the program against a Valence at the transport."""

import io
import json
import logging
import os
from typing import Any
from unittest import mock

from tests import base
from tests.unit.client import clock
from valenceclient import shell
from valenceclient import testing


class ShellTest(base.TestCase):
    """``self.run_program(...)`` is what a person types after ``valence``."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = self.useFixture(clock.Clock())
        self.valence = testing.FakeValence()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        intercepting = self.valence.intercept()
        intercepting.__enter__()
        self.addCleanup(intercepting.__exit__, None, None, None)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OS_", "VALENCE_"))}
        clean["VALENCE_ENDPOINT"] = self.valence.url
        self.environ(clean)
        root = logging.getLogger()
        self.addCleanup(setattr, root, "handlers", list(root.handlers))
        self.addCleanup(root.setLevel, root.level)
        # A handler of an earlier run writes to an earlier stream.
        root.handlers = []

    def environ(self, values: dict[str, str], clear: bool = True) -> None:
        patch = mock.patch.dict(os.environ, values, clear=clear)
        patch.start()
        self.addCleanup(patch.stop)

    def run_program(self, *argv: str, status: int = 0) -> str:
        """Return what the program printed; its exit status must be ``status``."""
        logging.getLogger().handlers = []
        for stream in (self.stdout, self.stderr):
            stream.seek(0)
            stream.truncate()
        with mock.patch("sys.stdout", self.stdout), mock.patch("sys.stderr", self.stderr):
            try:
                ended = shell.Shell(self.stdout, self.stderr).run(list(argv))
            except SystemExit as exc:
                ended = int(exc.code or 0)
        self.assertEqual(status, ended, self.stderr.getvalue())
        return self.stdout.getvalue()

    def json(self, *argv: str) -> Any:
        """Return what the program printed, as the JSON it was asked for."""
        return json.loads(self.run_program(*argv, "-f", "json"))

    def complaint(self, *argv: str, status: int = 1) -> str:
        """Return the one line that a failing program writes on stderr."""
        self.assertEqual("", self.run_program(*argv, status=status))
        lines = self.stderr.getvalue().splitlines()
        self.assertEqual(1, len(lines), self.stderr.getvalue())
        return lines[0]

    def body(self) -> Any:
        """Return the body of the last request that had one."""
        return next(call.body for call in reversed(self.valence.calls) if call.body is not None)
