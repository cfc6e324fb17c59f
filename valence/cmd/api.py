# SPDX-License-Identifier: Apache-2.0

"""``valence-api``: the API and a conductor in one process."""

import signal
import sys
import threading
from typing import Any

from cheroot import wsgi
from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf
from valence import wiring
from valence.api import app
from valence.service import Service
from valence_conductor.cmd import startup_errors

LOG = logging.getLogger(__name__)

#: Seconds that unfinished requests have when the process is stopped.
GRACE = 10

#: Maximum length of the headers of a request, bytes: tokens are long.
MAX_HEADERS = 64 * 1024


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
            server = listen(conf, application)
        except OSError as exc:
            address = f"{conf.host_ip}:{conf.port}"
            print(f"valence-api: cannot listen on {address}: {exc}", file=sys.stderr)
            return 1
        serve(server)
    finally:
        service.stop()
    LOG.info("Stopped; unfinished operations resume at the next start")
    return 0


class Server(wsgi.Server):
    """cheroot, with its errors in the log of the service."""

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Log an error of the server itself."""
        LOG.log(level, "%s", msg, exc_info=traceback)


def listen(conf: cfg.ConfigOpts, application: Any) -> Server:
    """Return a server that accepts connections.

    :raises OSError: it cannot listen on the address and port of the configuration.
    """
    server = Server(
        (conf.host_ip, conf.port),
        application,
        numthreads=conf.api_threads,
        request_queue_size=128,
        server_name="valence",
        shutdown_timeout=GRACE,
    )
    server.max_request_header_size = MAX_HEADERS
    server.prepare()
    return server


def serve(server: Any) -> None:
    """Serve until a signal stops the process."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    thread = threading.Thread(target=server.serve, name="api", daemon=True)
    thread.start()
    LOG.info("Listening on http://%s:%s", *server.bind_addr[:2])
    stopping.wait()
    server.stop()
    thread.join(GRACE)


if __name__ == "__main__":
    sys.exit(main())
