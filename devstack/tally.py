# SPDX-License-Identifier: Apache-2.0

"""Count test results, from the streams that stestr stored.

``python -m devstack.tally [--strict] [--listed FILE] RESULTS...`` reads subunit streams,
names every test that failed, was skipped or was not run, and prints as its last line
``N passed, N failed, N skipped``. It exits non-zero when a test failed, when a
stream has no test at all, with ``--listed``, when a test of that file has no result, and,
with ``--strict``, when a test was skipped that :data:`MAY_BE_SKIPPED` does not name.

A worker of stestr that dies leaves no trace of the tests that it had not run yet.
"""

import argparse
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
import sys

import subunit  # type: ignore[import-untyped]
import testtools

MAY_BE_SKIPPED: Mapping[str, str] = {}
"""Id of a test -> the reason why the project's own CI may skip it."""

PASSED = frozenset({"success", "xfail"})
SKIPPED = frozenset({"skip"})


class Tally:
    """Ids of tests by result; the skipped ones with their reason."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.skipped: dict[str, str] = {}
        self.empty: list[Path] = []

    def add(self, test: testtools.testresult.StreamSummary | object) -> None:
        """Count one finished test."""
        identity, status = test["id"], test["status"]  # type: ignore[index]
        if status in PASSED:
            self.passed.append(identity)
        elif status in SKIPPED:
            details = test["details"]  # type: ignore[index]
            reason = details["reason"].as_text() if "reason" in details else "no reason given"
            self.skipped[identity] = reason.strip()
        elif status != "exists":
            self.failed.append(identity)

    def read(self, path: Path) -> None:
        """Count every test of one stored stream."""
        before = self.total
        collector = testtools.StreamToDict(self.add)
        collector.startTestRun()
        if path.exists():
            with path.open("rb") as stream:
                subunit.ByteStreamToStreamResult(stream, "output").run(collector)
        collector.stopTestRun()
        if self.total == before:
            self.empty.append(path)

    @property
    def total(self) -> int:
        """The number of tests."""
        return len(self.passed) + len(self.failed) + len(self.skipped)

    def lacking(self, listed: Iterable[str]) -> set[str]:
        """Return the listed tests without a result, in whichever of their scenarios."""
        ran = {*self.passed, *self.failed, *self.skipped}
        return {*listed} - {identity.partition("(")[0] for identity in ran}

    def unexpected(self) -> set[str]:
        """Return the skipped tests that :data:`MAY_BE_SKIPPED` does not name."""
        return set(self.skipped) - set(MAY_BE_SKIPPED)


def report(tally: Tally) -> Iterable[str]:
    """Yield the lines of the report, the counts last."""
    for path in tally.empty:
        yield f"no test was run: {path}"
    for identity in sorted(tally.failed):
        yield f"failed: {identity}"
    for identity, reason in sorted(tally.skipped.items()):
        yield f"skipped: {identity}: {reason}"
    yield (f"{len(tally.passed)} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Count test results.")
    parser.add_argument("--strict", action="store_true", help="fail on an unlisted skip")
    parser.add_argument("--listed", type=Path, help="file with the ids of the tests to be run")
    parser.add_argument("results", nargs="+", type=Path, help="stored subunit streams")
    arguments = parser.parse_args()
    tally = Tally()
    for path in arguments.results:
        tally.read(path)
    listed = arguments.listed.read_text().split() if arguments.listed else []
    lacking = tally.lacking(listed)
    for identity in sorted(lacking):
        print(f"not run: {identity}")
    for line in report(tally):
        print(line)
    if lacking:
        return 1
    if arguments.strict and tally.unexpected():
        return 1
    return 1 if tally.failed or tally.empty else 0


if __name__ == "__main__":
    sys.exit(main())
