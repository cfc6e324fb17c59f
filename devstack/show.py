# SPDX-License-Identifier: Apache-2.0

"""The output of the demonstration: a live table in a terminal, plain lines elsewhere."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from rich import box
from rich import live
from rich import progress_bar
from rich import table
from rich import text
from rich.console import Console
from rich.console import Group
from rich.console import RenderableType

from devstack.watch import Track
from devstack.watch import Watch
from valence_integration import states

COLOURS = {
    states.ACTIVE: "bold green",
    states.DELETED: "green",
    states.ERROR: "bold red",
}

GAUGES = {"systems": "systems", "processor_cores": "cores", "memory_mib": "GiB"}
"""Resource of a pool -> the unit that is shown."""

TITLE = "bold"

DIVISORS = {"memory_mib": 1024}


class Show:
    """The output of one demonstration.

    :ivar names: uuid of a pod manager -> its name.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.names: Mapping[str, str] = {}

    def print(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, highlight=False)

    def heading(self, title: str) -> None:
        """Print the heading of a part of the demonstration."""
        self.console.print()
        self.console.print(text.Text(title, style="bold"))

    def follow(self, watch: Watch, until: Callable[[], bool], pause: Any) -> None:
        """Show the progress until a condition is true.

        :param pause: called between two refreshes.
        """
        if self.console.is_terminal:
            with live.Live(console=self.console, auto_refresh=False) as screen:
                while not until():
                    watch.refresh()
                    screen.update(self._screen(watch), refresh=True)
                    pause()
                screen.update(self._screen(watch), refresh=True)
            return
        while not until():
            for track in watch.refresh():
                self.print(f"  {watch.elapsed:6.1f} s  {track.request.name:<8} {track.step}")
            pause()

    def _screen(self, watch: Watch) -> Group:
        rows = table.Table(box=box.SIMPLE_HEAD)
        for column in ("instance", "request", "pod manager", "step", "in Ironic"):
            rows.add_column(column, no_wrap=True)
        rows.add_column("seconds", justify="right")
        for track in watch.tracks:
            started_at = track.steps[0][1] if track.steps else watch.elapsed
            rows.add_row(
                track.request.name,
                str(track.request),
                self._pod(track),
                text.Text(track.step, style=COLOURS.get(track.step, "yellow")),
                track.in_ironic,
                f"{(track.ended or watch.elapsed) - started_at:.1f}",
            )
        return Group(rows, self._gauges(watch.pools))

    def _pod(self, track: Track) -> str:
        return self.names.get(track.podm_uuid or "", "")

    def _gauges(self, pools: Mapping[str, Mapping[str, Any]]) -> table.Table:
        grid = table.Table.grid(padding=(0, 1))
        for name, pool in pools.items():
            cells: list[RenderableType] = [text.Text(f"  {name}", style="bold")]
            for resource, unit in GAUGES.items():
                used, total = _share(pool, resource)
                bar = progress_bar.ProgressBar(total=total, completed=used, width=14)
                cells += [bar, f"{used} of {total} {unit} "]
            grid.add_row(*cells)
        return grid

    def timings(self, tracks: Iterable[Track]) -> None:
        """Print the steps of each instance, with their seconds."""
        rows = table.Table(title="Steps of each instance", box=box.SIMPLE_HEAD, title_style=TITLE)
        for column in ("instance", "pod manager", "steps and their seconds", "end"):
            rows.add_column(column)
        rows.add_column("seconds", justify="right")
        for track in tracks:
            steps = list(track.timings())
            rows.add_row(
                track.request.name,
                self._pod(track),
                " > ".join(f"{step} {seconds:.1f}" for step, seconds in steps),
                text.Text(track.state, style=COLOURS.get(track.state, "")),
                f"{sum(seconds for _, seconds in steps):.1f}",
            )
        self.console.print(rows)

    def pools(self, moments: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Print how much of each pool was composed at each moment.

        :param moments: name of a moment -> name of a pod manager -> its pool.
        """
        rows = table.Table(box=box.SIMPLE_HEAD, title="Composed of the pools", title_style=TITLE)
        rows.add_column("pod manager")
        rows.add_column("holds")
        for moment in moments:
            rows.add_column(moment, justify="right")
        for name, pool in next(iter(moments.values())).items():
            for resource, unit in GAUGES.items():
                rows.add_row(
                    name,
                    f"{_share(pool, resource)[1]} {unit}",
                    *(str(_share(pools[name], resource)[0]) for pools in moments.values()),
                )
        self.console.print(rows)


def _share(pool: Mapping[str, Any], resource: str) -> tuple[int, int]:
    """Return how much of a resource is composed, and how much there is in total."""
    divisor = DIVISORS.get(resource, 1)
    return pool[resource]["composed"] // divisor, pool[resource]["total"] // divisor
