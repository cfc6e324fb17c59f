# SPDX-License-Identifier: Apache-2.0

"""``python -m tests.crash``: kill at every point, or at a sample of a day; or run seeds."""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import datetime
import sys
import time
import warnings

from tests.crash import cases
from tests.crash import matrix
from tests.crash import peers
from tests.crash import rotation
from tests.crash import scenarios
from tests.crash import schedule
from tests.crash import several
from tests.crash import shared as crash_shared
from tests.crash import workers
from tests.crash import world as crash_world
from tests.servers import ironic as real_ironic

Report = Callable[[str], None]


def run_matrix(
    pool: workers.WorkerPool,
    names: list[str],
    sample: tuple[int, datetime.date] | None,
    on: str | None,
    report: Report,
) -> int:
    """Kill at every point of scenarios, or at a sample; return the number of violations.

    :param sample: size and day.
    :param on: board and database of several victims.
    """
    points = _list_points(pool, names, on, report)
    total = len(points)
    if sample is not None:
        size, day = sample
        points = rotation.window(points, size, day, group=lambda point: point.kind)
        report(f"sample {day:%Y%m%d}: {len(points)} of {total} points; {_repeat(day)}")
    tally: collections.Counter[tuple[str, str]] = collections.Counter()
    bad = unreached = 0
    arguments = (workers.arguments(point, on) for point in points)
    for number, (point, result) in enumerate(pool.map("kill", arguments), 1):
        reached, violations, log = result
        tally[point["scenario"], point["phase"]] += reached
        unreached += not reached
        if violations:
            bad += 1
            report(f"VIOLATION {point['scenario']}: {point['phase']} {point['label']}")
            report(f"          #{point['number']}, files in {log}")
            for line in violations:
                report(f"          {line}")
        elif not reached:
            report(f"not reached: {point}")
        if number % 100 == 0:
            report(f"{number} of {len(points)}")
    _report_table(tally, report)
    report(f"killed at {sum(tally.values())} of {total} points, {unreached} were not reached")
    report(f"{bad} violations" if bad else "nothing leaked, nothing was lost")
    return bad


def _repeat(day: datetime.date) -> str:
    return f"repeat with --of {day:%Y%m%d} (make crash OF={day:%Y%m%d})"


def _list_points(
    pool: workers.WorkerPool, names: list[str], on: str | None, report: Report
) -> list[matrix.Point]:
    """Return the points of clean runs."""
    points: list[matrix.Point] = []
    for arguments, result in pool.map("points", ({"scenario": n, "on": on} for n in names)):
        scenario = scenarios.BY_NAME[arguments["scenario"]]
        listed = [matrix.Point(scenario, matrix.Event(la, no), ph) for la, no, ph in result]
        report(f"{len(listed):5d} points in {scenario.name}")
        points += listed
    return points


def run_cases(pool: workers.WorkerPool, names: Iterable[str], report: Report) -> int:
    """Run named cases; return the number of those with violations."""
    bad = 0
    runnable = []
    for name in names:
        missing = several.missing(name) if name in several.CASES else None
        if missing:
            report(f"SKIPPED, {missing} is not installed: {name}")
        else:
            runnable.append(name)
    for arguments, violations in pool.map("case", ({"case": name} for name in runnable)):
        report(f"{'VIOLATION' if violations else 'passed'}: {arguments['case']}")
        for line in violations:
            report(f"          {line}")
        bad += bool(violations)
    return bad


def _find_cases(words: str) -> list[str]:
    """Return the cases for ``all``, for ``one conductor``, of a name, or with these words."""
    if words == "one conductor":
        return list(cases.CASES)
    names = [*cases.CASES, *several.CASES]
    exact = [name for name in names if words in ("all", name)]
    return exact or [name for name in names if words in name]


def run_seeds(
    pool: workers.WorkerPool, numbers: Iterable[int], kind: str, on: str | None, report: Report
) -> int:
    """Run seeds; return the number of those with violations.

    :param kind: of the conductors.
    :param on: board and database of several of them.
    """
    kills = count = 0
    bad: list[int] = []
    ends: collections.Counter[str] = collections.Counter()
    each = ({"seed": number, "kind": kind, "on": on} for number in numbers)
    for arguments, result in pool.map("seed", each):
        seed_kills, seed_ends, violations, log = result
        count += 1
        kills += seed_kills
        ends.update(seed_ends)
        if violations:
            bad.append(arguments["seed"])
            report(f"VIOLATION seed {arguments['seed']}, files in {log}")
            for line in (*violations, *str(workers.draw_schedule(**arguments)).splitlines()):
                report(f"          {line}")
        if count % 10 == 0:
            report(f"{count} seeds")
    states = ", ".join(f"{number} {state}" for state, number in sorted(ends.items()))
    rows = f"{sum(ends.values())} {crash_world.TABLES[kind]}"
    report(f"{count} seeds of the {kind}, {rows} ({states}), {kills} kills")
    report(f"violated by seeds {sorted(bad)}" if bad else "nothing leaked, nothing was lost")
    return len(bad)


def _report_table(tally: collections.Counter[tuple[str, str]], report: Report) -> None:
    phases = ("before", "racing", "sent", "answered")
    report(f"{'kills':44s}{''.join(f'{phase:>10s}' for phase in phases)}")
    for name in dict.fromkeys(name for name, _ in tally):
        report(f"{name:44s}{''.join(f'{tally[name, phase]:10d}' for phase in phases)}")


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument(
        "--sample", type=int, metavar="K", help="kill at K of the points, others each day"
    )
    parser.add_argument("--only", default="", metavar="WORDS", help="scenarios with these words")
    parser.add_argument(
        "--case", metavar="NAME", help="run a named case, those with these words, or all"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="run N random schedules")
    parser.add_argument(
        "--of",
        type=rotation.parse_day,
        metavar="YYYYMMDD",
        help="take the sample, or the seeds, of this day instead of today",
    )
    parser.add_argument(
        "--first", type=int, metavar="S", help="the first seed, instead of that of the day"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="run this seed")
    parser.add_argument(
        "--several",
        metavar="BOARD+DATABASE",
        choices=["+".join(pair) for pair in crash_shared.PAIRS],
        help="with several processes on these: the others continue, none is started",
    )
    parser.add_argument(
        "--kind",
        choices=list(schedule.USERS),
        help="only points, or seeds, of this kind of victim",
    )
    parser.add_argument(
        "--real-ironic", action="store_true", help="use a real Ironic instead of the stand-in"
    )
    parser.add_argument("--workers", type=int, default=2, help="trials at the same time")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 1 when there are violations."""
    options = _options(argv)
    warnings.simplefilter("ignore")
    kind = options.kind or "plugin"
    day = options.of or rotation.today()
    start = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - start:7.1f}  {line}", flush=True)

    peers.warm()
    with contextlib.ExitStack() as stack:
        ironic = stack.enter_context(real_ironic.Ironic()).url if options.real_ironic else None
        # One worker for one Ironic: the pods of two workers have the same MAC addresses.
        pool = workers.WorkerPool(
            1 if ironic else options.workers, lambda: workers.Worker(ironic).commands()
        )
        stack.callback(pool.close)
        if options.seed is not None:
            report(str(workers.draw_schedule(options.seed, kind, options.several)))
            bad = run_seeds(pool, [options.seed], kind, options.several, report)
        elif options.case is not None:
            bad = run_cases(pool, _find_cases(options.case), report)
        elif options.seeds is not None:
            first = options.first
            if first is None:
                first = rotation.first_seed(options.seeds, day)
                report(f"seeds {day:%Y%m%d}: {options.seeds} from {first}; {_repeat(day)}")
            numbers = range(first, first + options.seeds)
            bad = run_seeds(pool, numbers, kind, options.several, report)
        else:
            sample = None if options.sample is None else (options.sample, day)
            bad = run_matrix(pool, _find_scenarios(options), sample, options.several, report)
            if not (options.only or options.kind or options.real_ironic or options.several):
                bad += run_cases(pool, _find_cases("all"), report)
    return 1 if bad else 0


def _find_scenarios(options: argparse.Namespace) -> list[str]:
    """Return the names of the scenarios for the options."""
    return [
        name
        for name, scenario in scenarios.BY_NAME.items()
        if options.only in name
        and options.kind in (None, scenario.kind)
        # A real Ironic accepts no faults.
        and not (options.real_ironic and any(peer == "ironic" for peer, _ in scenario.faults))
    ]


if __name__ == "__main__":
    sys.exit(main())
