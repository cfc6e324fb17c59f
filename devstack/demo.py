# SPDX-License-Identifier: Apache-2.0

"""The main job on real parts: compose, enroll, deploy, release.

Two simulated pod managers, the service and a real Ironic on loopback. Three
instances become ``active`` at the same time, and a fourth fails while it is
enrolled; then all are deleted, and pools, Ironic and databases must be as before.
``--keep`` leaves everything running instead; ``--stop`` ends what was left running.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
import logging
from pathlib import Path
import signal
import sys
import time
from typing import Any

from rich.console import Console

from devstack.lab import balance
from devstack.lab import detached
from devstack.lab import podm
from devstack.lab.ironic import IronicMissing
from devstack.lab.lab import Lab
from devstack.lab.lab import ROOT
from devstack.lab.processes import ProcessFailed
from devstack.show import Show
from devstack.watch import all_settled
from devstack.watch import Request
from devstack.watch import Track
from devstack.watch import Watch
from valence_integration import states
from valence_integration.provisioner import Provisioner

PODS = {
    "hall-a": podm.Size(systems=6, cores=16, memory_mib=64 * 1024, assemble_seconds=2),
    "hall-b": podm.Size(systems=4, cores=32, memory_mib=256 * 1024, assemble_seconds=3),
}

REQUESTS = (
    Request("web-1", cores=8, memory_gib=32, storage_gib=100),
    Request("web-2", cores=16, memory_gib=64, storage_gib=200),
    Request("db-1", cores=32, memory_gib=256, storage_gib=400),
)

FAILING = Request("db-2", cores=32, memory_gib=256, storage_gib=400)
"""Only hall-b has this hardware, and its MAC addresses have a stale record in Ironic."""

DEPLOY = {
    # A ramdisk deployment: the machine boots this image over virtual media.
    # Simulated machines do not fetch it.
    "instance_info": {"boot_iso": "http://127.0.0.1/images/node.iso"},
    "deploy_interface": "ramdisk",
}

TIMEOUT = 150
"""Timeout of each part of the demonstration, in seconds."""

AFTER_COMPOSE = frozenset({"enroll-node", "deploy-node", *states.SETTLED})


class DemoFailed(Exception):
    """The demonstration did not have the expected result; the message has the reason."""


class Demo:
    """One run of the demonstration."""

    def __init__(self, lab: Lab, show: Show, provisioner: Provisioner) -> None:
        self.lab = lab
        self.show = show
        self.watch = Watch(lab, provisioner)
        self.tracks = self.watch.tracks

    def follow(self, tracks: Iterable[Track]) -> None:
        """Show the progress until all these instances are settled."""
        followed = list(tracks)
        self._until(lambda: all_settled(followed))

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT

        def pause() -> None:
            if time.monotonic() > deadline:
                steps = ", ".join(f"{track.request.name}: {track.step}" for track in self.tracks)
                raise DemoFailed(f"It is not done after {TIMEOUT} s. {steps}")
            time.sleep(Watch.INTERVAL)

        self.show.follow(self.watch, condition, pause)

    def provision(self) -> None:
        """Bring three instances to active at once; let a fourth fail.

        :raises DemoFailed: an instance ended in another state.
        """
        self.show.heading("Requesting three servers at once")
        for request in REQUESTS:
            self.watch.add(request, DEPLOY)
        tracks = list(self.tracks)
        self._until(lambda: all(track.step in AFTER_COMPOSE for track in tracks))
        stale_node = self.enroll_stale_node()
        self.show.heading(
            f"Requesting a fourth, {FAILING.name}, whose MAC address Ironic has in a stale record"
        )
        failing = self.watch.add(FAILING, DEPLOY)
        self.follow(self.tracks)
        for track in tracks:
            _expect(track, states.ACTIVE)
        _expect(failing, states.ERROR)
        self.explain(failing)
        self.lab.ironic_client().node.delete(stale_node)

    def enroll_stale_node(self) -> str:
        """Create a record in Ironic, such as one of a machine that was once enrolled by hand.

        It has the MAC addresses of the free systems of hall-b, so that Ironic
        refuses the ports of the next node that is composed there.

        :returns: the uuid of its node.
        """
        pod = self.lab.pods["hall-b"]
        client = self.lab.ironic_client()
        uuid: str = client.node.create(driver="redfish", name="enrolled-by-hand-years-ago").uuid
        for mac in pod.free_macs():
            client.port.create(node_uuid=uuid, address=mac)
        return uuid

    def explain(self, track: Track) -> None:
        """Print why an instance failed, and check that all of it was released.

        :raises DemoFailed: something of it is left.
        """
        fault = track.fault or {}
        detail, reason = fault.get("detail") or "", fault.get("reason") or ""
        self.show.print(f"\n{track.request.name} failed: {detail}")
        if reason not in detail:
            self.show.print(f"  Reason from Ironic: {reason}")
        holders = {node["name"] for pod in self.lab.pods.values() for node in pod.pool()["nodes"]}
        if len(holders) != len(REQUESTS) or track.in_ironic:
            raise DemoFailed(f"{track.request.name} failed, but was not released.")
        self.show.print("  It was removed from Ironic, and its hardware is back in the pool.")

    def destroy(self) -> None:
        """Destroy all instances.

        :raises DemoFailed: an instance ended in another state.
        """
        self.show.heading("Destroying all of them")
        self.watch.destroy(self.tracks)
        self.follow(self.tracks)
        for track in self.tracks:
            _expect(track, states.DELETED)


def _expect(track: Track, state: str) -> None:
    if track.state != state:
        detail = (track.fault or {}).get("detail", "")
        raise DemoFailed(f"{track.request.name} is {track.state}, and not {state}. {detail}")


def perform(lab: Lab, show: Show, keep: bool) -> None:
    """Run the demonstration in a started lab.

    :param keep: return while the instances are active.
    :raises DemoFailed: a result is not as expected.
    """
    show.names = {uuid: name for name, uuid in lab.enlist().items()}
    pods = ", ".join(f"{name} ({size.systems} systems)" for name, size in PODS.items())
    show.print(f"  pod managers registered: {pods}")
    with Provisioner(lab.plugin_conf()) as provisioner:
        before = balance.take(lab)
        demo = Demo(lab, show, provisioner)
        pools = {"before": demo.watch.pools}
        demo.provision()
        pools["during"] = _pools(lab)
        if keep:
            show.timings(demo.tracks)
            return
        demo.destroy()
        pools["after"] = _pools(lab)
        show.console.print()
        show.timings(demo.tracks)
        show.pools(pools)
        compare(before, balance.take(lab), show)


def _pools(lab: Lab) -> dict[str, dict[str, Any]]:
    return {name: pod.pool() for name, pod in lab.pods.items()}


def compare(before: balance.Balance, after: balance.Balance, show: Show) -> None:
    """Compare two snapshots, and print that they are equal.

    :raises DemoFailed: with the differences.
    """
    if differences := list(before.differences(after)):
        raise DemoFailed("\n".join(["Pools, Ironic or databases have changed:", *differences]))
    show.print(
        "Pools, Ironic and databases are exactly as at the start: "
        f"{len(after.pools)} fingerprints, {len(after.ironic_nodes)} nodes and "
        f"{len(after.ironic_ports)} ports in Ironic, {len(after.rows)} tables."
    )


INSTRUCTIONS = """
It is left running. Inspect it from the top of the checkout:

    . .lab/demo/rc
    {bin}/valence podmanager list
    {bin}/valence node list
    {bin}/baremetal node list
    {bin}/baremetal port list
    ls .lab/demo

Stop it, and remove its files:

    make demo-stop
"""


def keep_running(lab: Lab, show: Show) -> None:
    """Detach the lab from this process, and print how to inspect and to stop it."""
    detached.detach(lab)
    programs = Path(sys.executable).parent
    if programs.is_relative_to(ROOT):
        programs = programs.relative_to(ROOT)
    show.print(INSTRUCTIONS.format(bin=programs))


def run(keep: bool, show: Show) -> int:
    """Start a lab, run the demonstration, clean up; return the exit code."""
    if detached.running():
        show.print("A demonstration is still running: `make demo-stop` ends it.")
        return 1
    started_at = time.monotonic()
    show.heading("Starting pod managers, the service and Ironic")
    try:
        lab = Lab(PODS, report=lambda line: show.print(f"  {line}"))
    except IronicMissing as exc:
        show.print(str(exc))
        return 1
    logging.basicConfig(filename=lab.directory / "demo.log", level=logging.INFO)
    is_detached = False
    try:
        lab.start()
        perform(lab, show, keep)
        if keep:
            keep_running(lab, show)
            is_detached = True
    except (DemoFailed, ProcessFailed) as exc:
        show.print(f"\nFailed. {exc}\nThe logs are in {lab.directory}.")
        lab.stop()
        return 1
    except KeyboardInterrupt:
        show.print("\nStopping.")
        lab.stop()
        lab.remove()
        return 130
    finally:
        if not is_detached:
            lab.stop()
    if not keep:
        lab.remove()
        show.print(f"Done in {time.monotonic() - started_at:.0f} s.")
    return 0


def stop(show: Show, quiet: bool) -> int:
    """Stop a demonstration that was left running; return the exit code."""
    count = detached.stop()
    if count or not quiet:
        show.print(f"{count} processes stopped." if count else "Nothing was left running.")
    return 0


def main() -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Compose, enroll, deploy, release.")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="stop what was left running")
    parser.add_argument("--quiet", action="store_true", help="print nothing if nothing is running")
    arguments = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    show = Show(console)
    if arguments.stop:
        return stop(show, arguments.quiet)
    # These signals clean up as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    return run(arguments.keep, show)


if __name__ == "__main__":
    sys.exit(main())
