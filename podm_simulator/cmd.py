# SPDX-License-Identifier: Apache-2.0

"""The command ``podm-simulator``: a simulated pod manager on a port."""

import argparse
import asyncio
import signal
import ssl
import sys
from typing import Any

from podm_simulator.pod.factory import Shape
from podm_simulator.pod.factory import Size
from podm_simulator.pod.pod import Pace
from podm_simulator.quirks import registry
from podm_simulator.redfish import dialect
from podm_simulator.server import Simulator


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    cli = argparse.ArgumentParser(
        prog="podm-simulator",
        description="Serve a simulated Redfish pod manager (Intel RSD API) from memory.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _service_options(cli.add_argument_group("service"))
    _size_options(cli.add_argument_group("size of the pod"))
    return cli


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number


# argparse names a type by its __name__ in error messages.
_count.__name__ = "number, 0 or more"
_positive.__name__ = "number, 1 or more"
_seconds.__name__ = "time"


class _Quirk(argparse.Action):
    """Collects the names of quirks; prints all of them for ``list``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        """Add a name, or print all of them."""
        if values == "list":
            for quirk in registry.ALL.values():
                print(f"{quirk.name:22s} {quirk.text}")
            parser.exit()
        namespace.quirk = [*namespace.quirk, values]


def _service_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--host", default="127.0.0.1", help="address to listen on")
    group.add_argument(
        "--port", type=_count, default=0, help="port to listen on; 0 takes a free one"
    )
    group.add_argument(
        "--username", default="admin", help="user name; empty disables authentication"
    )
    group.add_argument("--password", default="admin", help="password of that user")
    group.add_argument("--name", default="pod", help="name of the pod manager")
    group.add_argument(
        "--seed",
        default="0",
        help="with the name, determines MACs, serials and UUIDs",
    )
    group.add_argument("--latency-ms", type=_seconds, default=0, help="added to each response")
    group.add_argument("--allocate-seconds", type=_seconds, default=0, help="time in Allocating")
    group.add_argument("--assemble-seconds", type=_seconds, default=1, help="time in Assembling")
    group.add_argument(
        "--session-timeout", type=_seconds, default=1800, help="seconds without use"
    )
    group.add_argument("--page-size", type=_positive, default=1000, help="members per page")
    group.add_argument("--expand", action="store_true", help="support $expand")
    group.add_argument(
        "--api-version",
        choices=sorted(dialect.DIALECTS),
        default=dialect.DEFAULT,
        help="version of the RSD API",
    )
    group.add_argument(
        "--quirk",
        action=_Quirk,
        default=[],
        metavar="NAME",
        help="behave like an implementation that departs from the text; repeatable; "
        "'list' prints all quirks",
    )
    group.add_argument("--tls-certificate", help="PEM file with certificate and key: serve HTTPS")


def _size_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--systems", type=_count, default=4, help="computer systems")
    group.add_argument("--processors", type=_positive, default=2, help="in each system")
    group.add_argument(
        "--cores", type=_positive, default=16, help="of each system, all processors"
    )
    group.add_argument("--memory-modules", type=_positive, default=2, help="in each system")
    group.add_argument(
        "--memory-mib", type=_positive, default=65536, help="of each system, all modules"
    )
    group.add_argument("--drives", type=_count, default=1, help="SATA SSDs local to each system")
    group.add_argument("--drive-gib", type=_positive, default=480, help="of each local drive")
    group.add_argument("--nics", type=_count, default=2, help="Ethernet interfaces of each system")
    group.add_argument("--nic-mbps", type=_positive, default=25000, help="speed of each interface")
    group.add_argument(
        "--pooled-drives", type=_count, default=4, help="NVMe drives that any system can use"
    )
    group.add_argument(
        "--pooled-drive-gib", type=_positive, default=1600, help="of each pooled drive"
    )
    group.add_argument("--fpgas", type=_count, default=0, help="pooled FPGAs")
    group.add_argument("--gpus", type=_count, default=0, help="pooled GPUs")


def _size(options: argparse.Namespace) -> Size:
    shape = Shape(
        systems=options.systems,
        cores=options.cores,
        processors=options.processors if options.cores % options.processors == 0 else 1,
        memory_mib=options.memory_mib,
        memory_modules=(
            options.memory_modules if options.memory_mib % options.memory_modules == 0 else 1
        ),
        drives=options.drives,
        drive_gib=options.drive_gib,
        nics=options.nics,
        nic_speed_mbps=options.nic_mbps,
    )
    return Size(
        (shape,), options.pooled_drives, options.pooled_drive_gib, options.fpgas, options.gpus
    )


def make_simulator(options: argparse.Namespace) -> Simulator:
    """Return the simulator that the options describe.

    :raises ValueError: a size is invalid.
    :raises OSError: the certificate cannot be read.
    """
    tls = None
    if options.tls_certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls_certificate)
    return Simulator(
        _size(options),
        host=options.host,
        port=options.port,
        name=options.name,
        seed=options.seed,
        username=options.username or None,
        password=options.password,
        latency=options.latency_ms / 1000,
        pace=Pace(options.allocate_seconds, options.assemble_seconds),
        api_version=options.api_version,
        page_size=options.page_size,
        expand=options.expand,
        session_timeout=options.session_timeout,
        quirks=options.quirk,
        tls=tls,
    )


async def serve(simulator: Simulator) -> None:
    """Serve until SIGINT or SIGTERM; print the URL on stdout when ready."""
    await simulator.open()
    print(f"listening on {simulator.url}", flush=True)
    stop_requested = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop_requested.set)
    await stop_requested.wait()
    await simulator.close()


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 1 when the options cannot be served."""
    try:
        asyncio.run(serve(make_simulator(parser().parse_args(argv))))
    except (OSError, OverflowError, ValueError) as exc:
        print(f"podm-simulator: {exc}", file=sys.stderr)
        return 1
    return 0
