# SPDX-License-Identifier: Apache-2.0

"""What every test of ours stands on."""

import ast
import logging
import os
import sys
from typing import Any

from oslotest import base

#: Their debug lines drown ours.
LOUD = ("taskflow", "stevedore", "asyncio", "urllib3", "kazoo")

_parse = ast.parse


def _parse_patiently(*args: Any, **kwargs: Any) -> Any:
    """Parse, and do so again where the interpreter gives up for no reason (gh-106905).

    Mocks and their signatures are parsed here while servers in threads format tracebacks.
    """
    for _ in range(9):
        try:
            return _parse(*args, **kwargs)
        except SystemError:
            continue
    return _parse(*args, **kwargs)


if sys.version_info < (3, 11, 8) or (3, 12) <= sys.version_info < (3, 12, 2):
    ast.parse = _parse_patiently


class TestCase(base.BaseTestCase):
    """A test whose name is a sentence about behaviour."""

    def setUp(self) -> None:
        super().setUp()
        for name in LOUD:
            logging.getLogger(name).setLevel(logging.INFO)

    def need(self, missing: str | None) -> None:
        """Skip a test of something that is not installed; in CI it must be.

        :param missing: the program that is; None: there is none.
        """
        if missing and "CI" not in os.environ:
            self.skipTest(f"{missing} is not installed; bindep.txt names its package")
        self.assertIsNone(missing)
