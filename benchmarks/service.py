# SPDX-License-Identifier: Apache-2.0

"""Measure the service against many pod managers, and print its costs.

``python -m benchmarks.service``; doc/source/contributor/benchmarks.rst explains the
figures.
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

#: The goals, as the page of the manual explains them.
GOAL_RATIO = 1.5
GOAL_PER_RESOURCE = 1.3
GOAL_EXPANDED = 4
GOAL_LISTING = 5.0

#: Requests of the Valence of 2018: a listing of one pod manager with 48 systems; a compose.
LISTING_2018 = 389
COMPOSE_2018 = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 1 when a goal is missed."""
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
    out.print(_listings(listing.list_nodes(options.nodes)))
    comparison = _compare(options)
    if comparison is not None:
        out.print(_comparison(comparison))
    missed = [*_missed(refreshes), *_missed_listing(comparison)]
    for goal in missed:
        out.print(f"missed: {goal}", highlight=False)
    out.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end", highlight=False)
    return 1 if missed else 0


def _compare(options: argparse.Namespace) -> listing.Comparison | None:
    if not options.ironic_nodes:
        return None
    try:
        return listing.compare(options.ironic_nodes)
    except ironic.IronicMissing as exc:
        print(exc, file=sys.stderr)
        return None


def _missed(refreshes: Sequence[refreshing.Refresh]) -> list[str]:
    missed = []
    for refresh in refreshes:
        case = f"{refresh.pod_managers} pod managers at {refresh.latency * 1000:g} ms"
        if refresh.ratio > GOAL_RATIO:
            ratio = f"{refresh.ratio:.2f} times the slowest one (goal {GOAL_RATIO})"
            missed.append(f"{case}: {ratio}; starved for {refresh.starved:.1f} s")
        if refresh.listing_requests:
            missed.append(f"{case}: a listing cost {refresh.listing_requests} requests (goal 0)")
        if refresh.expand and refresh.first_requests > GOAL_EXPANDED * refresh.pod_managers:
            missed.append(f"{case}: {refresh.first_requests} requests with $expand")
        if not refresh.expand and refresh.per_resource > GOAL_PER_RESOURCE:
            missed.append(f"{case}: {refresh.per_resource:.2f} requests a resource")
    return missed


def _missed_listing(comparison: listing.Comparison | None) -> list[str]:
    if comparison is None:
        return []
    ratio = comparison.short.seconds / comparison.valence.seconds
    goal = f"listing {comparison.count} nodes is {ratio:.1f} times as fast as Ironic"
    return [] if ratio >= GOAL_LISTING else [f"{goal} (goal {GOAL_LISTING:g})"]


def _refreshes(refreshes: Sequence[refreshing.Refresh]) -> table.Table:
    systems = refreshes[0].systems if refreshes else 0
    rows = table.Table(
        title=f"Reading pod managers of {systems} systems each (the Valence of 2018: "
        f"{LISTING_2018} requests a pod manager, at every listing, one after the other)"
    )
    headings = ("pods", "ms", "$expand", "first s", "requests/pod", "per resource", "again s")
    more = (
        "requests/pod",
        "one alone s",
        "limit s",
        "Valence CPU s",
        "pods' CPU s",
        "ratio",
        "starved s",
        "listing s",
        "listing requests",
    )
    for heading in (*headings, *more):
        rows.add_column(heading, justify="right")
    for refresh in refreshes:
        rows.add_row(
            str(refresh.pod_managers),
            f"{refresh.latency * 1000:g}",
            "yes" if refresh.expand else "no",
            f"{refresh.first:.2f}",
            f"{refresh.first_requests / refresh.pod_managers:.0f}",
            "-" if refresh.expand else f"{refresh.per_resource:.2f}",
            f"{refresh.seconds:.2f}",
            f"{refresh.requests / refresh.pod_managers:.0f}",
            f"{refresh.single:.2f}",
            f"{refresh.limit:.2f}",
            f"{refresh.cpu:.2f}",
            f"{refresh.pods_cpu:.2f}",
            f"{refresh.ratio:.2f}",
            f"{refresh.starved:.1f}",
            f"{refresh.listing:.2f}",
            str(refresh.listing_requests),
        )
    return rows


def _composed(composed: Sequence[listing.Composed]) -> table.Table:
    rows = table.Table(
        title=f"Composing at the same time (the Valence of 2018: {COMPOSE_2018} requests a node)"
    )
    for heading in ("nodes", "pods", "ms", "total s", "nodes/min", "requests a node"):
        rows.add_column(heading, justify="right")
    for result in composed:
        rows.add_row(
            str(result.count),
            str(result.pod_managers),
            f"{result.latency * 1000:g}",
            f"{result.seconds:.1f}",
            f"{result.count / result.seconds * 60:.0f}",
            f"{result.requests / result.count:.1f}",
        )
    return rows


def _listings(listings: Sequence[listing.Listing]) -> table.Table:
    rows = table.Table(title="Listing nodes")
    for heading in ("nodes", "total ms", "nodes/s, four at a time", "reading one ms"):
        rows.add_column(heading, justify="right")
    for result in listings:
        rows.add_row(
            str(result.count),
            f"{result.seconds * 1000:.0f}",
            f"{result.rate:.0f}",
            f"{result.one * 1000:.1f}",
        )
    return rows


def _comparison(comparison: listing.Comparison) -> table.Table:
    rows = table.Table(title=f"Listing {comparison.count} nodes, alternately with Ironic")
    for heading in ("service", "ms", "ratio", "CPU ms", "ratio"):
        rows.add_column(heading, justify="right")
    valence = comparison.valence
    for name, cost in (
        ("Valence, every field", valence),
        ("Ironic, its short list", comparison.short),
        ("Ironic, with details", comparison.detailed),
    ):
        rows.add_row(
            name,
            f"{cost.seconds * 1000:.0f}",
            f"{cost.seconds / valence.seconds:.1f}",
            f"{cost.cpu * 1000:.0f}",
            f"{cost.cpu / valence.cpu:.1f}" if valence.cpu else "-",
        )
    return rows


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    cli = argparse.ArgumentParser(
        prog="python -m benchmarks.service",
        description="Refresh, list and compose against simulated pod managers, and print the "
        "costs and their lower limits.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = cli.add_argument
    add("--pod-managers", type=int, nargs="+", default=[1, 8, 64], help="numbers of pod managers")
    add("--systems", type=int, default=48, help="of each pod manager")
    add("--latency-ms", type=float, nargs="+", default=[2, 20, 50], help="of each request")
    add("--nodes", type=int, nargs="+", default=[100, 1000, 10000], help="to list")
    add("--ironic-nodes", type=int, default=1000, help="of the real Ironic; 0: no comparison")
    add("--composes", type=int, default=48, help="nodes composed at the same time; 0: none")
    return cli


if __name__ == "__main__":
    sys.exit(main())
