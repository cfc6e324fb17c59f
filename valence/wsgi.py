# SPDX-License-Identifier: Apache-2.0

"""The service as an application for a WSGI server: ``gunicorn 'valence.wsgi:create()'``.

Each worker calls :func:`create` after it was forked: a process that has threads and
connections must not be.
"""

import atexit
import os
import pathlib
import shutil
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf

#: Names the configuration files, separated by colons; oslo.config's usual ones by default.
FILES = "VALENCE_CONFIG_FILES"

#: prometheus_client reads it when it is imported.
METRICS = "PROMETHEUS_MULTIPROC_DIR"


def create() -> Any:
    """Start the service in this process, and give its WSGI application.

    The process stops it at its exit, which is graceful: a flow is left between two
    steps, and whoever is next goes on with it.

    :raises AlreadyRunning: another process works on the same flows; several workers
        need a ``[conductor] jobboard``.
    :raises SchemaBehind: the tables are not those of this release.
    :raises Unreachable: a database is away, or the jobboard.
    """
    named = [path for path in os.environ.get(FILES, "").split(":") if path]
    files = [part for path in named for part in ("--config-file", path)]
    conf = service_conf.read(files, prog="valence-api")
    logging.setup(conf, "valence")
    # One port cannot be every worker's: /metrics tells what all of them counted.
    conf.set_override("metrics_port", None, group="conductor")
    os.environ.setdefault(METRICS, str(_shared_folder(conf)))
    return _start(conf)


def _start(conf: cfg.ConfigOpts) -> Any:
    # Not before: they import prometheus_client, which looks at the environment then.
    from valence.api import app
    from valence.service import Service

    service = Service(conf)
    application = app.application(service)
    service.start()
    atexit.register(service.stop)
    return application


def _shared_folder(conf: cfg.ConfigOpts) -> pathlib.Path:
    """Make the folder in which the workers of one server count; forget those of others."""
    above = pathlib.Path(conf.state_path) / "metrics"
    mine = above / str(os.getppid())
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in above.iterdir():
        if not pathlib.Path(f"/proc/{other.name}").exists():
            shutil.rmtree(other, ignore_errors=True)
    return mine
