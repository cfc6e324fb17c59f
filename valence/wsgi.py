# SPDX-License-Identifier: Apache-2.0

"""The service as an application for a WSGI server: ``gunicorn 'valence.wsgi:create()'``.

Each worker calls :func:`create` after it was forked: a process that has threads and
connections must not be forked.
"""

import atexit
import os
import pathlib
import shutil
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence import conf as service_conf

#: Environment variable with the configuration files, separated by colons; oslo.config's
#: default files are read without it.
FILES = "VALENCE_CONFIG_FILES"

#: Environment variable that prometheus_client reads when it is imported.
METRICS = "PROMETHEUS_MULTIPROC_DIR"


def create() -> Any:
    """Start the service in this process, and return its WSGI application.

    The service is stopped at the exit of the process, which is graceful: a flow is
    interrupted between two tasks, and another process resumes it.

    :raises AlreadyRunning: another process runs the same flows; several workers need a
        ``[conductor] jobboard``.
    :raises SchemaBehind: the tables are not at the revision of this release.
    :raises Unreachable: a database or the jobboard is unavailable.
    """
    paths = [path for path in os.environ.get(FILES, "").split(":") if path]
    arguments = [word for path in paths for word in ("--config-file", path)]
    conf = service_conf.read(arguments, prog="valence-api")
    logging.setup(conf, "valence")
    # The workers cannot share one port: /metrics reports the sums over all of them.
    conf.set_override("metrics_port", None, group="conductor")
    os.environ.setdefault(METRICS, str(_metrics_folder(conf)))
    return _start(conf)


def _start(conf: cfg.ConfigOpts) -> Any:
    # Imported late: they import prometheus_client, which reads the environment then.
    from valence.api import app
    from valence.service import Service

    service = Service(conf)
    application = app.application(service)
    service.start()
    atexit.register(service.stop)
    return application


def _metrics_folder(conf: cfg.ConfigOpts) -> pathlib.Path:
    """Create the folder in which the workers of one server keep their counters.

    Folders of servers that have ended are deleted.
    """
    parent = pathlib.Path(conf.state_path) / "metrics"
    folder = parent / str(os.getppid())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in parent.iterdir():
        if not pathlib.Path(f"/proc/{other.name}").exists():
            shutil.rmtree(other, ignore_errors=True)
    return folder
