# SPDX-License-Identifier: Apache-2.0

"""The base class of every test."""

import ast
from collections.abc import Callable
import logging
import os
import sys
import time
from typing import Any
from typing import TypeVar

from oslotest import base

T = TypeVar("T")

#: Seconds after which a condition that tests wait for never becomes true.
PATIENCE = 180.0

#: Loggers whose debug lines would hide the others.
VERBOSE = ("taskflow", "stevedore", "asyncio", "urllib3", "kazoo")

_parse = ast.parse


def _parse_again(*args: Any, **kwargs: Any) -> Any:
    """Parse, and repeat it after a SystemError that has no cause (gh-106905).

    Mocks and their signatures are parsed while servers in threads format tracebacks.
    """
    for _ in range(9):
        try:
            return _parse(*args, **kwargs)
        except SystemError:
            continue
    return _parse(*args, **kwargs)


# CPython before 3.11.8 and 3.12.2 has this bug, and Debian 12, which is supported, has 3.11.2.
if sys.version_info < (3, 11, 8) or (3, 12) <= sys.version_info < (3, 12, 2):
    ast.parse = _parse_again


def wait_for(
    condition: Callable[[], T], *, timeout: float = PATIENCE, what: Any = None, pause: float = 0.02
) -> T:
    """Wait until a condition is true, and return its value.

    :param timeout: seconds.
    :param what: for the message, a sentence, or a function that returns one at the end.
    :param pause: seconds between two attempts.
    :raises AssertionError: the condition was not true in time.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            sentence = what() if callable(what) else what or "the condition is true"
            raise AssertionError(f"Timed out after {timeout} s before this was true: {sentence}")
        time.sleep(pause)
    return value


class TestCase(base.BaseTestCase):
    """A test whose name is a sentence about behaviour."""

    def setUp(self) -> None:
        super().setUp()
        for name in VERBOSE:
            logging.getLogger(name).setLevel(logging.INFO)

    #: As the function.
    wait_for = staticmethod(wait_for)

    def need(self, missing: str | None) -> None:
        """Skip a test of a program that is not installed; in CI it must be installed.

        :param missing: the program; None if it is installed.
        """
        if missing and "CI" not in os.environ:
            self.skipTest(f"{missing} is not installed; bindep.txt names its package")
        self.assertIsNone(missing)
