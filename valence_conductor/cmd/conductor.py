# SPDX-License-Identifier: Apache-2.0

"""The command ``valence-conductor``: runs the jobs of a jobboard until it is stopped."""

from collections.abc import Callable
from collections.abc import Sequence
import logging as standard_logging
import os
import signal
import sys
import threading

from oslo_config import cfg
from oslo_log import log as logging
from stevedore import driver
from stevedore import exception

from valence_conductor import conf as conductor_conf
from valence_conductor.cmd import startup_errors
from valence_conductor.conductor import from_conf
from valence_conductor.ledger import Ledger
from valence_conductor.ledger import NAMESPACE

LOG = logging.getLogger(__name__)


@startup_errors.reported("valence-conductor")
def main(argv: Sequence[str] | None = None) -> int:
    """Run a conductor in this process.

    After SIGTERM or SIGINT every job stops between two tasks and is handed over. A request
    that is still in progress after ``[conductor] graceful_timeout`` is cut off as by a
    kill, which its job survives.
    """
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    conductor_conf.register_opts(conf)
    conf(sys.argv[1:] if argv is None else argv, project="valence", prog="valence-conductor")
    conductor_conf.check_values(conf)
    logging.setup(conf, "valence")
    options = conf[conductor_conf.GROUP]
    if not (options.jobboard and options.connection and options.workers):
        sys.stderr.write(
            "valence-conductor needs a jobboard: set [conductor] jobboard, connection and "
            "workers in the configuration file. On a single machine no conductor is needed: "
            "valence-api and the plugin run their flows themselves.\n"
        )
        return 2
    try:
        ledgers = [load(conf, name) for name in options.ledgers]
        conductor = from_conf(conf, ledgers, "")
        conductor.start()
    except (OSError, ValueError) as exc:
        sys.stderr.write(f"valence-conductor: {exc}\n")
        return 1
    stop_requested = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stop_requested.set())
    LOG.info("Conductor started, for the ledgers %s", ", ".join(options.ledgers))
    stop_requested.wait()
    conductor.stop()
    LOG.info("Conductor stopped")
    standard_logging.shutdown()
    os._exit(0)  # a thread in the middle of a request would keep the process alive


def load(conf: cfg.ConfigOpts, name: str) -> Ledger:
    """Load a ledger by its entry point.

    :raises ValueError: no ledger has this name.
    """
    factory: Callable[[cfg.ConfigOpts], Ledger]
    try:
        factory = driver.DriverManager(NAMESPACE, name, invoke_on_load=False).driver
    except exception.NoMatches as exc:
        raise ValueError(
            f"[conductor] ledgers names {name!r}, and no ledger of this name is installed."
        ) from exc
    return factory(conf)


if __name__ == "__main__":
    sys.exit(main())
