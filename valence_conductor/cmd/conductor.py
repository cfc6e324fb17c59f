# SPDX-License-Identifier: Apache-2.0

"""The command ``valence-conductor``: does the jobs of a jobboard, until told to stop."""

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

from valence_conductor import conductor
from valence_conductor import conf as conductor_conf
from valence_conductor import ledger
from valence_conductor.cmd import startup_errors

LOG = logging.getLogger(__name__)


@startup_errors.reported("valence-conductor")
def main(argv: Sequence[str] | None = None) -> int:
    """Run a conductor in this process.

    SIGTERM and SIGINT leave every job between two tasks and hand it over; what
    is still in the middle of a request after ``[conductor] graceful_timeout``
    is left as by a kill, which it survives.
    """
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    conductor_conf.register_opts(conf)
    conf(sys.argv[1:] if argv is None else argv, project="valence", prog="valence-conductor")
    logging.setup(conf, "valence")
    options = conf[conductor_conf.GROUP]
    if not (options.jobboard and options.connection and options.workers):
        sys.stderr.write(
            "valence-conductor works on a jobboard: set [conductor] jobboard, connection and "
            "workers in the configuration file. On one machine no conductor is needed: "
            "valence-api and the plugin run their flows themselves.\n"
        )
        return 2
    try:
        one = conductor.from_conf(conf, [load(conf, name) for name in options.ledgers], "")
        one.start()
    except (OSError, ValueError) as exc:
        sys.stderr.write(f"valence-conductor: {exc}\n")
        return 1
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: told.set())
    LOG.info("Conductor started, for the ledgers %s", ", ".join(options.ledgers))
    told.wait()
    one.stop()
    LOG.info("Conductor stopped")
    standard_logging.shutdown()
    os._exit(0)  # a thread in the middle of a request would keep the process


def load(conf: cfg.ConfigOpts, name: str) -> ledger.Ledger:
    """Load a ledger by its entry point.

    :raises ValueError: there is none of this name.
    """
    factory: Callable[[cfg.ConfigOpts], ledger.Ledger]
    try:
        factory = driver.DriverManager(ledger.NAMESPACE, name, invoke_on_load=False).driver
    except exception.NoMatches as exc:
        raise ValueError(f"There is no ledger {name!r} for [conductor] ledgers to name.") from exc
    return factory(conf)


if __name__ == "__main__":
    sys.exit(main())
