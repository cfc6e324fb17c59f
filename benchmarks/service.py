# SPDX-License-Identifier: Apache-2.0

"""Measure the service against many pod managers, and say what it costs.

``python -m benchmarks.service``; what the figures mean is told in
doc/source/contributor/benchmarks.rst.
"""

import argparse
from collections.abc import Sequence
import os
import sys

from rich import console
from rich import table

from benchmarks import listing
from benchmarks import refreshing
from devstack.lab import ironic

#: What is good enough, see the page of the manual.
GOAL_RATIO = 1.5
GOAL_PER_RESOURCE = 1.3
GOAL_EXPANDED = 4
GOAL_LISTING = 5.0

#: What the Valence of 2018 took of one pod manager with 48 systems, and for a compose.
THEN_LISTING = 389
THEN_COMPOSE = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 when a goal is missed."""
    options = parser().parse_args(argv)
    out = console.Console(width=None if sys.stdout.isatty() else 130)
    refreshes = [
        refreshing.measure(count, options.systems, ms / 1000, expand=expand)
        for expand in (False, True)
        for count in options.pod_managers
        for ms in options.latency_ms
    ]
    out.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", highlight=False)
    out.print(_refreshes(refreshes))
    if options.composes:
        latency = options.latency_ms[0] / 1000
        composed = [
            listing.compose(options.composes, count, latency) for count in options.pod_managers
        ]
        out.print(_composed(composed))
    ours = listing.ours(options.nodes)
    out.print(_listings(ours))
    beside = _beside(options)
    if beside is not None:
        out.print(_compared(beside))
    missed = [*_missed(refreshes), *_missed_listing(beside)]
    for goal in missed:
        out.print(f"missed: {goal}", highlight=False)
    out.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end", highlight=False)
    return 1 if missed else 0


def _beside(options: argparse.Namespace) -> listing.Beside | None:
    if not options.ironic_nodes:
        return None
    try:
        return listing.beside(options.ironic_nodes)
    except ironic.IronicMissing as exc:
        print(exc, file=sys.stderr)
        return None


def _missed(refreshes: Sequence[refreshing.Refresh]) -> list[str]:
    missed = []
    for one in refreshes:
        what = f"{one.pod_managers} pod managers at {one.latency * 1000:g} ms"
        if one.ratio > GOAL_RATIO:
            ratio = f"{one.ratio:.2f} times the slowest one (goal {GOAL_RATIO})"
            missed.append(f"{what}: {ratio}; starved for {one.starved:.1f} s")
        if one.listing_requests:
            missed.append(f"{what}: a listing cost {one.listing_requests} requests (goal 0)")
        if one.expand and one.first_requests > GOAL_EXPANDED * one.pod_managers:
            missed.append(f"{what}: {one.first_requests} requests with $expand")
        if not one.expand and one.per_resource > GOAL_PER_RESOURCE:
            missed.append(f"{what}: {one.per_resource:.2f} requests a resource")
    return missed


def _missed_listing(beside: listing.Beside | None) -> list[str]:
    if beside is None:
        return []
    ratio = beside.short.seconds / beside.ours.seconds
    goal = f"listing {beside.count} nodes is {ratio:.1f} times as fast as Ironic"
    return [] if ratio >= GOAL_LISTING else [f"{goal} (goal {GOAL_LISTING:g})"]


def _refreshes(refreshes: Sequence[refreshing.Refresh]) -> table.Table:
    systems = refreshes[0].systems if refreshes else 0
    made = table.Table(
        title=f"Reading pod managers of {systems} systems each (the Valence of 2018: "
        f"{THEN_LISTING} requests a pod manager, at every listing, one after the other)"
    )
    headings = ("pods", "ms", "$expand", "first s", "requests/pod", "per resource", "again s")
    more = (
        "requests/pod",
        "one alone s",
        "limit s",
        "our CPU s",
        "pods' CPU s",
        "ratio",
        "starved s",
        "listing s",
        "asked",
    )
    for heading in (*headings, *more):
        made.add_column(heading, justify="right")
    for one in refreshes:
        made.add_row(
            str(one.pod_managers),
            f"{one.latency * 1000:g}",
            "yes" if one.expand else "no",
            f"{one.first:.2f}",
            f"{one.first_requests / one.pod_managers:.0f}",
            "-" if one.expand else f"{one.per_resource:.2f}",
            f"{one.seconds:.2f}",
            f"{one.requests / one.pod_managers:.0f}",
            f"{one.single:.2f}",
            f"{one.limit:.2f}",
            f"{one.cpu:.2f}",
            f"{one.pods_cpu:.2f}",
            f"{one.ratio:.2f}",
            f"{one.starved:.1f}",
            f"{one.listing:.2f}",
            str(one.listing_requests),
        )
    return made


def _composed(composed: Sequence[listing.Composed]) -> table.Table:
    made = table.Table(
        title=f"Composing at the same time (the Valence of 2018: {THEN_COMPOSE} requests a node)"
    )
    for heading in ("nodes", "pods", "ms", "total s", "nodes/min", "requests a node"):
        made.add_column(heading, justify="right")
    for one in composed:
        made.add_row(
            str(one.count),
            str(one.pod_managers),
            f"{one.latency * 1000:g}",
            f"{one.seconds:.1f}",
            f"{one.count / one.seconds * 60:.0f}",
            f"{one.requests / one.count:.1f}",
        )
    return made


def _listings(ours: Sequence[listing.Listing]) -> table.Table:
    made = table.Table(title="Listing nodes")
    for heading in ("nodes", "total ms", "nodes/s, four at a time", "reading one ms"):
        made.add_column(heading, justify="right")
    for one in ours:
        made.add_row(
            str(one.count),
            f"{one.seconds * 1000:.0f}",
            f"{one.rate:.0f}",
            f"{one.one * 1000:.1f}",
        )
    return made


def _compared(beside: listing.Beside) -> table.Table:
    made = table.Table(title=f"Listing {beside.count} nodes, and Ironic in turns with it")
    for heading in ("who", "ms", "ratio", "CPU ms", "ratio"):
        made.add_column(heading, justify="right")
    ours = beside.ours
    for who, took in (
        ("Valence, every field", ours),
        ("Ironic, its short list", beside.short),
        ("Ironic, with details", beside.detailed),
    ):
        made.add_row(
            who,
            f"{took.seconds * 1000:.0f}",
            f"{took.seconds / ours.seconds:.1f}",
            f"{took.cpu * 1000:.0f}",
            f"{took.cpu / ours.cpu:.1f}" if ours.cpu else "-",
        )
    return made


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.service",
        description="Refresh, list and compose against simulated pod managers, and print what "
        "it costs beside what is possible.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = made.add_argument
    add("--pod-managers", type=int, nargs="+", default=[1, 8, 64], help="how many there are")
    add("--systems", type=int, default=48, help="of each pod manager")
    add("--latency-ms", type=float, nargs="+", default=[2, 20, 50], help="of each request")
    add("--nodes", type=int, nargs="+", default=[100, 1000, 10000], help="to list")
    add("--ironic-nodes", type=int, default=1000, help="of the real Ironic; 0: leave it out")
    add("--composes", type=int, default=48, help="nodes composed at the same time; 0: none")
    return made


if __name__ == "__main__":
    sys.exit(main())
