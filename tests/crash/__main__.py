# SPDX-License-Identifier: Apache-2.0

"""``python -m tests.crash``: kill at every point, or at a sample; or play seeds."""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Iterable
import contextlib
import sys
import time
import warnings

from tests.crash import cases
from tests.crash import crew as crews
from tests.crash import matrix
from tests.crash import peers
from tests.crash import scenarios
from tests.crash import schedule
from tests.crash import several
from tests.crash import shared as shares
from tests.crash import world as worlds
from tests.servers import ironic as real_ironic


def whole(
    crew: crews.Crew,
    names: list[str],
    size: int | None,
    on: str | None,
    say: Callable[[str], None],
) -> int:
    """Kill at every point, or at a sample of so many; the number of violations.

    :param on: board and database of several victims.
    """
    found = _listed(crew, names, on, say)
    total = len(found)
    if size is not None:
        found = matrix.sample(found, size)
    say(f"{total} points; killing at {len(found)}")
    tally: collections.Counter[tuple[str, str]] = collections.Counter()
    bad = unreached = 0
    asked_for = (crews.arguments(point, on) for point in found)
    for done, (point, answer) in enumerate(crew.do("kill", asked_for), 1):
        reached, violations, log = answer
        tally[point["scenario"], point["phase"]] += reached
        unreached += not reached
        if violations:
            bad += 1
            say(f"VIOLATION {point['scenario']}: {point['phase']} {point['label']}")
            say(f"          #{point['number']}, files in {log}")
            for line in violations:
                say(f"          {line}")
        elif not reached:
            say(f"not reached: {point}")
        if done % 100 == 0:
            say(f"{done} of {len(found)}")
    _table(tally, say)
    say(f"killed at {sum(tally.values())} of {total} points, {unreached} were not reached")
    say(f"{bad} violations" if bad else "nothing leaked, nothing was lost")
    return bad


def _listed(
    crew: crews.Crew, names: list[str], on: str | None, say: Callable[[str], None]
) -> list[matrix.Point]:
    """List the points of clean runs."""
    found: list[matrix.Point] = []
    for asked, answer in crew.do("points", ({"scenario": name, "on": on} for name in names)):
        scenario = scenarios.BY_NAME[asked["scenario"]]
        listed = [matrix.Point(scenario, matrix.Event(la, no), ph) for la, no, ph in answer]
        say(f"{len(listed):5d} points in {scenario.name}")
        found += listed
    return found


def told(crew: crews.Crew, names: Iterable[str], say: Callable[[str], None]) -> int:
    """Play named cases; the number of those that violated something."""
    bad = 0
    able = []
    for name in names:
        missing = several.missing(name) if name in several.CASES else None
        if missing:
            say(f"LEFT OUT, {missing} is not installed: {name}")
        else:
            able.append(name)
    for asked, violations in crew.do("case", ({"case": name} for name in able)):
        say(f"{'VIOLATION' if violations else 'well'}: {asked['case']}")
        for line in violations:
            say(f"          {line}")
        bad += bool(violations)
    return bad


def _named(words: str) -> list[str]:
    """List the cases that are meant: ``all``, those of ``one conductor``, or by their words."""
    if words == "one conductor":
        return list(cases.CASES)
    meant = [name for name in (*cases.CASES, *several.CASES) if words in ("all", name)]
    return meant or [name for name in (*cases.CASES, *several.CASES) if words in name]


def play(
    crew: crews.Crew, numbers: Iterable[int], kind: str, on: str | None, say: Callable[[str], None]
) -> int:
    """Play seeds; the number of those that violated something.

    :param kind: of the conductors.
    :param on: board and database of several of them.
    """
    kills = played = 0
    bad: list[int] = []
    ends: collections.Counter[str] = collections.Counter()
    each = ({"seed": number, "kind": kind, "on": on} for number in numbers)
    for asked, answer in crew.do("seed", each):
        killed, ended, violations, log = answer
        played += 1
        kills += killed
        ends.update(ended)
        if violations:
            bad.append(asked["seed"])
            say(f"VIOLATION seed {asked['seed']}, files in {log}")
            for line in (*violations, *str(crews.drawn(**asked)).splitlines()):
                say(f"          {line}")
        if played % 10 == 0:
            say(f"{played} seeds")
    told = ", ".join(f"{count} {state}" for state, count in sorted(ends.items()))
    rows = f"{sum(ends.values())} {worlds.TABLES[kind]}"
    say(f"{played} seeds of the {kind}, {rows} ({told}), {kills} kills")
    say(f"violated by seeds {sorted(bad)}" if bad else "nothing leaked, nothing was lost")
    return len(bad)


def _table(tally: collections.Counter[tuple[str, str]], say: Callable[[str], None]) -> None:
    phases = ("before", "racing", "sent", "answered")
    say(f"{'kills':44s}{''.join(f'{phase:>10s}' for phase in phases)}")
    for name in dict.fromkeys(name for name, _ in tally):
        say(f"{name:44s}{''.join(f'{tally[name, phase]:10d}' for phase in phases)}")


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="K", help="kill at K points of all")
    parser.add_argument("--only", default="", metavar="WORDS", help="scenarios with these words")
    parser.add_argument(
        "--case", metavar="NAME", help="play a named case, those of these words, or all"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="play N random schedules")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first of them")
    parser.add_argument("--seed", type=int, metavar="S", help="play this one again")
    parser.add_argument(
        "--several",
        metavar="BOARD+DATABASE",
        choices=["+".join(pair) for pair in shares.PAIRS],
        help="with several processes at a time on these: who lives goes on, nobody is started",
    )
    parser.add_argument(
        "--kind", choices=list(schedule.USERS), help="points, or seeds, of this kind of victim"
    )
    parser.add_argument("--real-ironic", action="store_true", help="not with the stand-in")
    parser.add_argument("--workers", type=int, default=2, help="trials at the same time")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; 1 when anything was violated."""
    options = _options(argv)
    warnings.simplefilter("ignore")
    wanted = scenarios.BY_NAME.items()
    names = [n for n, one in wanted if options.only in n and options.kind in (None, one.kind)]
    kind = options.kind or "plugin"
    if options.real_ironic:  # it fails only when it wants to
        own = scenarios.BY_NAME
        names = [n for n in names if all(peer != "ironic" for peer, _ in own[n].faults)]
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f}  {line}", flush=True)

    peers.warm()
    with contextlib.ExitStack() as stack:
        ironic = stack.enter_context(real_ironic.Ironic()).url if options.real_ironic else None
        # One Ironic: two simulators have the same MACs.
        crew = crews.Crew(1 if ironic else options.workers, ironic)
        stack.callback(crew.close)
        if options.seed is not None:
            say(str(crews.drawn(options.seed, kind, options.several)))
            bad = play(crew, [options.seed], kind, options.several, say)
        elif options.case is not None:
            bad = told(crew, _named(options.case), say)
        elif options.seeds is not None:
            numbers = range(options.first, options.first + options.seeds)
            bad = play(crew, numbers, kind, options.several, say)
        else:
            bad = whole(crew, names, options.sample, options.several, say)
            if not (options.only or options.kind or options.real_ironic or options.several):
                bad += told(crew, _named("all"), say)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
