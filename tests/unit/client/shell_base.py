# SPDX-License-Identifier: Apache-2.0

"""Base of the tests that run the ``valence`` program against a fake service."""

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
    """``self.run_program(...)`` takes the arguments of ``valence``."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = self.useFixture(clock.Clock())
        self.valence = testing.FakeValence()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        context = self.valence.intercept()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OS_", "VALENCE_"))}
        clean["VALENCE_ENDPOINT"] = self.valence.url
        self.environ(clean)
        root = logging.getLogger()
        self.addCleanup(setattr, root, "handlers", list(root.handlers))
        self.addCleanup(root.setLevel, root.level)
        # Handlers of earlier runs write to closed streams.
        root.handlers = []

    def environ(self, values: dict[str, str], clear: bool = True) -> None:
        patch = mock.patch.dict(os.environ, values, clear=clear)
        patch.start()
        self.addCleanup(patch.stop)

    def run_program(self, *argv: str, status: int = 0) -> str:
        """Run the program, check its exit status, and return its stdout."""
        logging.getLogger().handlers = []
        for stream in (self.stdout, self.stderr):
            stream.seek(0)
            stream.truncate()
        with mock.patch("sys.stdout", self.stdout), mock.patch("sys.stderr", self.stderr):
            try:
                exit_status = shell.Shell(self.stdout, self.stderr).run(list(argv))
            except SystemExit as exc:
                exit_status = int(exc.code or 0)
        self.assertEqual(status, exit_status, self.stderr.getvalue())
        return self.stdout.getvalue()

    def json(self, *argv: str) -> Any:
        """Run the program with ``-f json`` and return its parsed stdout."""
        return json.loads(self.run_program(*argv, "-f", "json"))

    def error_line(self, *argv: str, status: int = 1) -> str:
        """Run the program, which must fail, and return the one line of its stderr."""
        self.assertEqual("", self.run_program(*argv, status=status))
        lines = self.stderr.getvalue().splitlines()
        self.assertEqual(1, len(lines), self.stderr.getvalue())
        return lines[0]

    def body(self) -> Any:
        """Return the body of the last request with a body."""
        return next(call.body for call in reversed(self.valence.calls) if call.body is not None)
