# SPDX-License-Identifier: Apache-2.0

"""The main job on real parts: compose, enrol, deploy, give back.

Two simulated pod managers, the service and a real Ironic on loopback; three
instances to ``active`` at once and a fourth that fails while it is enrolled;
then everything is deleted, and the books must be as they were. ``--keep``
leaves it all running instead, ``--stop`` ends what was left.
"""

import argparse
from collections.abc import Iterable
import logging
from pathlib import Path
import signal
import sys
import time
from typing import Any

from rich import console as consoles

from devstack import show as showing
from devstack import watch as watching
from devstack.lab import balance
from devstack.lab import ironic
from devstack.lab import kept
from devstack.lab import lab as labs
from devstack.lab import podm
from devstack.lab import processes
from devstack.watch import Request
from valence_integration import provisioner as provisioner_module
from valence_integration import states

PODS = {
    "hall-a": podm.Size(systems=6, cores=16, memory_mib=64 * 1024, assemble_seconds=2),
    "hall-b": podm.Size(systems=4, cores=32, memory_mib=256 * 1024, assemble_seconds=3),
}

REQUESTS = (
    Request("web-1", cores=8, memory_gib=32, storage_gib=100),
    Request("web-2", cores=16, memory_gib=64, storage_gib=200),
    Request("db-1", cores=32, memory_gib=256, storage_gib=400),
)

ILL_FATED = Request("db-2", cores=32, memory_gib=256, storage_gib=400)
"""Only hall-b has what it asks for, and there somebody forgot something."""

DEPLOY = {
    # A ramdisk deployment: the machine boots this image over virtual media.
    # Simulated machines do not fetch it.
    "instance_info": {"boot_iso": "http://127.0.0.1/images/node.iso"},
    "deploy_interface": "ramdisk",
}

LIMIT = 150
"""Seconds that a part of the story may take."""

DONE_COMPOSING = frozenset({"enroll-node", "deploy-node", *states.SETTLED})


class Failed(Exception):
    """The demonstration did not do what it shows; a sentence says what."""


class Demo:
    """One performance."""

    def __init__(
        self, lab: labs.Lab, show: showing.Show, provisioner: provisioner_module.Provisioner
    ) -> None:
        self.lab = lab
        self.show = show
        self.watch = watching.Watch(lab, provisioner)
        self.tracks = self.watch.tracks

    def follow(self, tracks: Iterable[watching.Track]) -> None:
        """Show what happens until all these have come to rest."""
        followed = list(tracks)
        self._until(lambda: watching.at_rest(followed))

    def _until(self, condition: Any) -> None:
        limit = time.monotonic() + LIMIT

        def pause() -> None:
            if time.monotonic() > limit:
                raise Failed(f"{LIMIT} s have passed, and it is not done. {self._whereabouts()}")
            time.sleep(watching.Watch.PACE)

        self.show.follow(self.watch, condition, pause)

    def _whereabouts(self) -> str:
        return ", ".join(f"{track.request.name}: {track.step}" for track in self.tracks)

    def provision(self) -> None:
        """Bring three instances to active at once, and have a fourth fail."""
        self.show.chapter("Three servers are asked for at once")
        for request in REQUESTS:
            self.watch.add(request, DEPLOY)
        wanted = list(self.tracks)
        self._until(lambda: all(track.step in DONE_COMPOSING for track in wanted))
        relic = self.forget_something()
        self.show.chapter(
            f"And a fourth, {ILL_FATED.name}, whose network card Ironic knows from an earlier life"
        )
        ill_fated = self.watch.add(ILL_FATED, DEPLOY)
        self.follow(self.tracks)
        for track in wanted:
            _expect(track, states.ACTIVE)
        _expect(ill_fated, states.ERROR)
        self.explain(ill_fated)
        self.lab.ironic_client().node.delete(relic)

    def forget_something(self) -> str:
        """Leave a record in Ironic as people do: a machine that was enrolled by hand once.

        It has the MAC addresses of what is still free of hall-b, so that Ironic
        refuses the ports of the next node that is composed there.
        """
        pod = self.lab.pods["hall-b"]
        client = self.lab.ironic_client()
        relic: str = client.node.create(driver="redfish", name="enrolled-by-hand-years-ago").uuid
        for mac in pod.free_macs():
            client.port.create(node_uuid=relic, address=mac)
        return relic

    def explain(self, track: watching.Track) -> None:
        """Say why an instance failed, and that nothing was kept of it."""
        fault = track.fault or {}
        detail, reason = fault.get("detail") or "", fault.get("reason") or ""
        self.show.say(f"\n{track.request.name} failed: {detail}")
        if reason not in detail:
            self.show.say(f"  In Ironic's words: {reason}")
        holders = {node["name"] for pod in self.lab.pods.values() for node in pod.pool()["nodes"]}
        if len(holders) != len(REQUESTS) or track.in_ironic:
            raise Failed(f"{track.request.name} failed, but was not given back.")
        self.show.say("  It was taken out of Ironic, and its hardware is back in the pool.")

    def destroy(self) -> None:
        """Have everything destroyed."""
        self.show.chapter("All of them are destroyed")
        self.watch.destroy(self.tracks)
        self.follow(self.tracks)
        for track in self.tracks:
            _expect(track, states.DELETED)


def _expect(track: watching.Track, state: str) -> None:
    if track.state != state:
        detail = (track.fault or {}).get("detail", "")
        raise Failed(f"{track.request.name} is {track.state}, and not {state}. {detail}")


def perform(lab: labs.Lab, show: showing.Show, keep: bool) -> None:
    """Run the story in a lab that has been started.

    :raises Failed: something was not as it must be.
    """
    show.names = {uuid: name for name, uuid in lab.enlist().items()}
    pods = ", ".join(f"{name} ({size.systems} systems)" for name, size in PODS.items())
    show.say(f"  pod managers registered: {pods}")
    with provisioner_module.Provisioner(lab.plugin_conf()) as provisioner:
        before = balance.take(lab)
        demo = Demo(lab, show, provisioner)
        moments = {"before": demo.watch.pools}
        demo.provision()
        moments["during"] = _books(lab)
        if keep:
            show.journeys(demo.tracks)
            return
        demo.destroy()
        moments["after"] = _books(lab)
        show.console.print()
        show.journeys(demo.tracks)
        show.pools(moments)
        compare(before, balance.take(lab), show)


def _books(lab: labs.Lab) -> dict[str, dict[str, Any]]:
    return {name: pod.pool() for name, pod in lab.pods.items()}


def compare(before: balance.Balance, after: balance.Balance, show: showing.Show) -> None:
    """Say that the books are as they were, or raise with what is not."""
    if differences := list(before.differences(after)):
        raise Failed("\n".join(["The books are not as they were:", *differences]))
    show.say(
        "Pools, Ironic and databases are exactly as at the start: "
        f"{len(after.pools)} fingerprints, {len(after.ironic_nodes)} nodes and "
        f"{len(after.ironic_ports)} ports in Ironic, {len(after.rows)} tables."
    )


HOW_TO_LOOK = """
It is left running. Look at it from the top of the checkout:

    . .lab/demo/rc
    {bin}/valence podmanager list
    {bin}/valence node list
    {bin}/baremetal node list
    {bin}/baremetal port list
    ls .lab/demo

Stop it, and remove what it left:

    make demo-stop
"""


def keep_running(lab: labs.Lab, show: showing.Show) -> None:
    """Leave the lab running, and say how to look at it and how to stop it."""
    kept.keep(lab)
    programs = Path(sys.executable).parent
    if programs.is_relative_to(labs.ROOT):
        programs = programs.relative_to(labs.ROOT)
    show.say(HOW_TO_LOOK.format(bin=programs))


def run(keep: bool, show: showing.Show) -> int:
    """Start a lab, run the story, clean up; return the exit code."""
    if kept.running():
        show.say("A demonstration was left running: `make demo-stop` ends it.")
        return 1
    began = time.monotonic()
    show.chapter("Starting pod managers, the service and Ironic")
    try:
        lab = labs.Lab(PODS, tell=lambda line: show.say(f"  {line}"))
    except ironic.IronicMissing as exc:
        show.say(str(exc))
        return 1
    logging.basicConfig(filename=lab.directory / "demo.log", level=logging.INFO)
    staying = False
    try:
        lab.start()
        perform(lab, show, keep)
        if keep:
            keep_running(lab, show)
            staying = True
    except (Failed, processes.ProcessFailed) as exc:
        show.say(f"\nFailed. {exc}\nThe logs are in {lab.directory}.")
        lab.stop()
        return 1
    except KeyboardInterrupt:
        show.say("\nStopping.")
        lab.stop()
        lab.remove()
        return 130
    finally:
        if not staying:
            lab.stop()
    if not keep:
        lab.remove()
        show.say(f"Done in {time.monotonic() - began:.0f} s.")
    return 0


def stop(show: showing.Show, quiet: bool) -> int:
    """Stop what was left running."""
    count = kept.stop()
    if count or not quiet:
        show.say(f"{count} processes stopped." if count else "Nothing was left running.")
    return 0


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Compose, enrol, deploy, give back.")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="stop what was left running")
    parser.add_argument("--quiet", action="store_true", help="say nothing if nothing was left")
    arguments = parser.parse_args()
    console = consoles.Console()
    if not console.is_terminal:
        console = consoles.Console(width=120)
    show = showing.Show(console)
    if arguments.stop:
        return stop(show, arguments.quiet)
    # As Ctrl-C: every way to be asked to end cleans up.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    return run(arguments.keep, show)


if __name__ == "__main__":
    sys.exit(main())
