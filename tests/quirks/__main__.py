# SPDX-License-Identifier: Apache-2.0

"""``python -m tests.quirks``: play the main job under every single quirk, or run seeds."""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import contextlib
import dataclasses
import sys
import time
from typing import Any
import warnings

from podm_simulator.quirks import registry
from tests.crash import peers
from tests.crash import process
from tests.crash import rotation
from tests.crash import workers
from tests.quirks import draw
from tests.quirks import job

Report = Callable[[str], None]


class Worker:
    """Plays jobs, each in a world of its own."""

    def commands(self) -> process.Commands:
        """Return its commands."""
        return {"single": self.single, "seed": self.seed, "close": self.close}

    def __init__(self) -> None:
        self._has_violations = False

    def single(self, quirk: str) -> dict[str, Any]:
        """Play the job under one quirk; an empty name: without one."""
        return self._result(job.run(draw.Draw(0, (quirk,) if quirk else ())))

    def seed(self, seed: int, quirks: Sequence[str] | None = None) -> dict[str, Any]:
        """Play the job of a seed.

        :param quirks: instead of those of the seed.
        """
        drawn = draw.draw(seed)
        if quirks is not None:
            drawn = dataclasses.replace(drawn, quirks=tuple(quirks))
        is_strict = not drawn.lives and not drawn.faults
        return self._result(job.run(drawn, is_strict=is_strict))

    def close(self) -> bool:
        """Return whether there were violations."""
        return self._has_violations

    def _result(self, outcome: job.Outcome) -> dict[str, Any]:
        self._has_violations = self._has_violations or bool(outcome.violations)
        return dataclasses.asdict(outcome)


def run_singles(pool: workers.WorkerPool, names: Iterable[str], report: Report) -> int:
    """Play the job under each of the quirks alone; return the number of violations."""
    bad: list[str] = []
    count = 0
    for arguments, result in pool.map("single", ({"quirk": name} for name in names)):
        count += 1
        name = arguments["quirk"] or "no quirk"
        refused = [f"{step}: {code}" for step, code in result["ends"].items() if code]
        report(f"{'VIOLATION' if result['violations'] else 'passed'}: {name}")
        for line in refused:
            report(f"          {line}")
        if result["violations"]:
            bad.append(name)
            report(f"          repeat with make quirks QUIRK={name}; files in {result['folder']}")
        for line in result["violations"]:
            report(f"          {line}")
    report(f"{count} quirks, {len(bad)} violations {', '.join(bad)}".rstrip())
    return len(bad)


def run_seeds(
    pool: workers.WorkerPool, numbers: Iterable[int], minimize: bool, report: Report
) -> int:
    """Run seeds; return the number of those with violations.

    :param minimize: drop quirks one by one while the violation stays.
    """
    bad: list[int] = []
    count = kills = 0
    ends: collections.Counter[str] = collections.Counter()
    for arguments, result in pool.map("seed", ({"seed": number} for number in numbers)):
        seed = arguments["seed"]
        count += 1
        kills += result["kills"]
        ends.update(code or "succeeded" for code in result["ends"].values())
        if not result["violations"]:
            continue
        bad.append(seed)
        report(f"VIOLATION, repeat with make quirks SEED={seed}; files in {result['folder']}")
        for line in (*str(draw.draw(seed)).splitlines(), *result["violations"]):
            report(f"          {line}")
    if minimize:
        for seed in bad:
            report(f"seed {seed} needs only: {', '.join(_minimize(pool, seed)) or 'no quirk'}")
    text = ", ".join(f"{number} {code}" for code, number in sorted(ends.items()))
    report(f"{count} seeds, {kills} kills, steps: {text}")
    report(f"violated by seeds {sorted(bad)}" if bad else "nothing leaked, no machine was touched")
    return len(bad)


def _minimize(pool: workers.WorkerPool, seed: int) -> list[str]:
    """Return the quirks of a seed without those that its violation does not need."""
    needed = list(draw.draw(seed).quirks)
    for name in list(needed):
        fewer = [other for other in needed if other != name]
        ((_arguments, result),) = pool.map("seed", [{"seed": seed, "quirks": fewer}])
        if result["violations"]:
            needed = fewer
    return needed


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quirks", description=__doc__)
    parser.add_argument("--quirk", metavar="NAME", help="play it under this quirk alone")
    parser.add_argument("--seeds", type=int, metavar="N", help="play N random combinations")
    parser.add_argument(
        "--of", type=rotation.parse_day, metavar="YYYYMMDD", help="take the seeds of this day"
    )
    parser.add_argument("--first", type=int, metavar="S", help="the first seed")
    parser.add_argument("--seed", type=int, metavar="S", help="play this seed")
    parser.add_argument(
        "--minimize", action="store_true", help="find the quirks that a violation needs"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=6,
        help="jobs at the same time; each waits for most of its time",
    )
    options = parser.parse_args(argv)
    if options.quirk is not None and options.quirk not in registry.ALL:
        parser.error(f"there is no quirk {options.quirk}")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 1 when there are violations."""
    options = _options(argv)
    warnings.simplefilter("ignore")
    start = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - start:7.1f}  {line}", flush=True)

    peers.warm()
    with contextlib.ExitStack() as stack:
        pool = workers.WorkerPool(options.workers, lambda: Worker().commands())
        stack.callback(pool.close)
        if options.seed is not None:
            report(str(draw.draw(options.seed)))
            bad = run_seeds(pool, [options.seed], options.minimize, report)
        elif options.seeds is not None:
            day = options.of or rotation.today()
            first = options.first
            if first is None:
                first = rotation.first_seed(options.seeds, day)
                report(f"seeds {day:%Y%m%d}: {options.seeds} from {first}")
            numbers = range(first, first + options.seeds)
            bad = run_seeds(pool, numbers, options.minimize, report)
        else:
            names = ["", *registry.ALL] if options.quirk is None else [options.quirk]
            bad = run_singles(pool, names, report)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
