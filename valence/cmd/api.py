# SPDX-License-Identifier: Apache-2.0

"""``valence-api``: the API and a conductor in one process."""

import signal
import sys
import threading
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import wiring
from valence.api import app
from valence.api import server
from valence.service import Service
from valence_conductor.cmd import startup_errors

LOG = logging.getLogger(__name__)

#: Seconds that unfinished requests have when the process is stopped.
GRACE = 10


@startup_errors.reported("valence-api")
def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0: stopped by a signal, 1: could not start."""
    conf = service_conf.read(sys.argv[1:] if argv is None else argv, prog="valence-api")
    logging.setup(conf, "valence")
    try:
        service = Service(conf)
        application = app.application(service)
        service.start()
    except (wiring.SchemaBehind, OSError, ValueError) as exc:
        print(f"valence-api: {exc}", file=sys.stderr)
        return 1
    try:
        try:
            listening = listen(conf, application)
        except OSError as exc:
            address = f"{conf.host_ip}:{conf.port}"
            print(f"valence-api: cannot listen on {address}: {exc}", file=sys.stderr)
            return 1
        serve(listening)
    finally:
        service.stop()
    LOG.info("Stopped; unfinished operations resume at the next start")
    return 0


def listen(conf: cfg.ConfigOpts, application: Any) -> server.Server:
    """Return a server that accepts connections.

    :raises OSError: it cannot listen on the address and port of the configuration.
    """
    return server.Server(
        (conf.host_ip, conf.port),
        application,
        threads=conf.api_threads,
        max_body=conf.max_request_body,
    )


def serve(listening: server.Server) -> None:
    """Serve until a signal stops the process."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    def run() -> None:
        try:
            listening.run()
        finally:
            stopping.set()  # a process that serves nothing must end

    threading.Thread(target=run, name="api", daemon=True).start()
    LOG.info("Listening on http://%s:%s", listening.effective_host, listening.effective_port)
    stopping.wait()
    listening.stop(GRACE)


if __name__ == "__main__":
    sys.exit(main())
