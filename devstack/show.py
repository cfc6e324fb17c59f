# SPDX-License-Identifier: Apache-2.0

"""What the demonstration looks like: a live table in a terminal, plain lines elsewhere."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from rich import box
from rich import console as consoles
from rich import live
from rich import progress_bar
from rich import table
from rich import text

from devstack import watch as watching
from valence_integration import states

COLOURS = {
    states.ACTIVE: "bold green",
    states.DELETED: "green",
    states.ERROR: "bold red",
}

GAUGES = {"systems": "systems", "processor_cores": "cores", "memory_mib": "GiB"}
"""Line of a pool's books to the unit that people see."""

TITLE = "bold"

DIVISORS = {"memory_mib": 1024}


class Show:
    """Where the demonstration is seen.

    :param names: uuid of a pod manager to its name.
    """

    def __init__(self, console: consoles.Console) -> None:
        self.console = console
        self.names: Mapping[str, str] = {}

    def say(self, line: str) -> None:
        """Tell a thing that happened."""
        self.console.print(line, highlight=False)

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.print()
        self.console.print(text.Text(title, style="bold"))

    def follow(self, watch: watching.Watch, until: Callable[[], bool], pause: Any) -> None:
        """Show what happens until the condition holds.

        :param pause: called between two looks.
        """
        if self.console.is_terminal:
            with live.Live(console=self.console, auto_refresh=False) as screen:
                while not until():
                    watch.look()
                    screen.update(self._screen(watch), refresh=True)
                    pause()
                screen.update(self._screen(watch), refresh=True)
            return
        while not until():
            for track in watch.look():
                self.say(f"  {watch.elapsed:6.1f} s  {track.request.name:<8} {track.step}")
            pause()

    def _screen(self, watch: watching.Watch) -> consoles.Group:
        rows = table.Table(box=box.SIMPLE_HEAD)
        for column in ("instance", "asked for", "pod manager", "doing", "in Ironic"):
            rows.add_column(column, no_wrap=True)
        rows.add_column("seconds", justify="right")
        for track in watch.tracks:
            began = track.steps[0][1] if track.steps else watch.elapsed
            rows.add_row(
                track.request.name,
                str(track.request),
                self._pod(track),
                text.Text(track.step, style=COLOURS.get(track.step, "yellow")),
                track.in_ironic,
                f"{(track.ended or watch.elapsed) - began:.1f}",
            )
        return consoles.Group(rows, self._gauges(watch.pools))

    def _pod(self, track: watching.Track) -> str:
        return self.names.get(track.podm_uuid or "", "")

    def _gauges(self, pools: Mapping[str, Mapping[str, Any]]) -> table.Table:
        grid = table.Table.grid(padding=(0, 1))
        for name, pool in pools.items():
            cells: list[consoles.RenderableType] = [text.Text(f"  {name}", style="bold")]
            for line, unit in GAUGES.items():
                used, total = _share(pool, line)
                bar = progress_bar.ProgressBar(total=total, completed=used, width=14)
                cells += [bar, f"{used} of {total} {unit} "]
            grid.add_row(*cells)
        return grid

    def journeys(self, tracks: Iterable[watching.Track]) -> None:
        """Print what each instance went through."""
        rows = table.Table(
            title="Each instance's journey", box=box.SIMPLE_HEAD, title_style="bold"
        )
        for column in ("instance", "pod manager", "steps and their seconds", "end"):
            rows.add_column(column)
        rows.add_column("seconds", justify="right")
        for track in tracks:
            steps = list(track.journey())
            rows.add_row(
                track.request.name,
                self._pod(track),
                " > ".join(f"{step} {seconds:.1f}" for step, seconds in steps),
                text.Text(track.state, style=COLOURS.get(track.state, "")),
                f"{sum(seconds for _, seconds in steps):.1f}",
            )
        self.console.print(rows)

    def pools(self, moments: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Print what of the pools was composed at each moment.

        :param moments: name of a moment to the books of every pod manager.
        """
        rows = table.Table(box=box.SIMPLE_HEAD, title="Composed of the pools", title_style=TITLE)
        rows.add_column("pod manager")
        rows.add_column("holds")
        for moment in moments:
            rows.add_column(moment, justify="right")
        for name, pool in next(iter(moments.values())).items():
            for line, unit in GAUGES.items():
                rows.add_row(
                    name,
                    f"{_share(pool, line)[1]} {unit}",
                    *(str(_share(books[name], line)[0]) for books in moments.values()),
                )
        self.console.print(rows)


def _share(pool: Mapping[str, Any], line: str) -> tuple[int, int]:
    """Return how much of a line of the books is composed, and how much there is."""
    divisor = DIVISORS.get(line, 1)
    return pool[line]["composed"] // divisor, pool[line]["total"] // divisor
