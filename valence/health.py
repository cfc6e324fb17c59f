# SPDX-License-Identifier: Apache-2.0

"""How what the service stands on is: looked at now and then, however often one asks."""

from collections.abc import Callable
from collections.abc import Mapping
import concurrent.futures
import dataclasses
import threading
import time
from typing import Any
from typing import TYPE_CHECKING

from oslo_log import log as logging
import requests
import sqlalchemy as sa

from valence import errors
from valence.objects import podmanager as podmanager_objects

if TYPE_CHECKING:
    from valence import service as service_module

LOG = logging.getLogger(__name__)

#: Seconds that one look may take; who takes longer is ill.
DEADLINE = 3.0

#: Seconds for which a look is good: probes of a load balancer must not become a load
#: of others. The database is looked at each time.
GOOD_FOR = 10.0

OK, DEGRADED, ILL = "ok", "degraded", "ill"

Look = Callable[["service_module.Service"], str | None]


@dataclasses.dataclass(frozen=True)
class Check:
    """One dependency.

    :ivar look: raises when it is ill, and gives a sentence when not all of it is well.
    :ivar needed: whether nothing can be answered without it. Without the others some
        operations wait or fail, and the rest goes on: no reason to ask nobody here.
    :ivar used: whether this service stands on it at all.
    """

    look: Look
    needed: bool = False
    used: Callable[["service_module.Service"], bool] = lambda service: True


def _database(service: "service_module.Service") -> None:
    with service.db.reader() as session:
        session.execute(sa.text("SELECT 1 FROM nodes WHERE 1 = 0"))


def _jobboard(service: "service_module.Service") -> None:
    service.conductor.check_board()


def _ironic(service: "service_module.Service") -> None:
    service.ironic.ping()


def _keystone(service: "service_module.Service") -> None:
    found = service.conf.keystone_authtoken
    verify = False if found.insecure else found.cafile or True
    answer = requests.get(found.auth_url, timeout=DEADLINE, verify=verify)
    if answer.status_code >= 500:
        raise RuntimeError(f"it answers {answer.status_code}")


def _podmanagers(service: "service_module.Service") -> str | None:
    known = podmanager_objects.count_by_state(service.db)
    ill = {status: count for status, count in known.items() if status not in ("online", "unknown")}
    return ", ".join(f"{count} {status}" for status, count in sorted(ill.items())) or None


#: name -> what is looked at
CHECKS: Mapping[str, Check] = {
    "database": Check(_database, needed=True),
    "jobboard": Check(_jobboard, used=lambda service: bool(service.conf.conductor.jobboard)),
    "ironic": Check(
        _ironic,
        used=lambda service: bool(
            service.conf.ironic.endpoint_override
            or service.conf.ironic.auth_type
            or service.conf.ironic.auth_section
        ),
    ),
    "keystone": Check(
        _keystone,
        used=lambda service: (
            service.conf.auth_strategy == "keystone"
            and bool(service.conf.keystone_authtoken.get("auth_url"))
        ),
    ),
    "podmanagers": Check(_podmanagers),
}


class Health:
    """What is known of everything that a service stands on."""

    def __init__(self, service: "service_module.Service") -> None:
        self._service = service
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str, str | None]] = {}
        self._under_way: dict[str, concurrent.futures.Future[str | None]] = {}
        self._executor = concurrent.futures.ThreadPoolExecutor(
            len(CHECKS), thread_name_prefix="health"
        )

    def report(self) -> dict[str, Any]:
        """Tell how everything is: ``status``, ``checks``, and ``reasons`` of what is not ok."""
        used = {name: check for name, check in CHECKS.items() if check.used(self._service)}
        with self._lock:  # who asks meanwhile waits for the same looks
            now = time.monotonic()
            stale = [name for name in used if self._known.get(name, (0.0,))[0] <= now]
            for name in stale:
                self._begin(name, used[name])
            for name in stale:
                self._known[name] = self._end(name, used[name], now + DEADLINE)
            found = {name: self._known[name][1:] for name in used}
        checks = {name: status for name, (status, _) in found.items()}
        needed = [status for name, status in checks.items() if used[name].needed]
        well = all(status == OK for status in checks.values())
        return {
            "status": ILL if ILL in needed else OK if well else DEGRADED,
            "checks": checks,
            "reasons": {name: reason for name, (_, reason) in found.items() if reason},
        }

    def close(self) -> None:
        """Look no more; do not wait for those who do not answer."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _begin(self, name: str, check: Check) -> None:
        """Look, unless an earlier look still waits for its answer."""
        pending = self._under_way.get(name)
        if pending is None or pending.done():
            self._under_way[name] = self._executor.submit(check.look, self._service)

    def _end(self, name: str, check: Check, deadline: float) -> tuple[float, str, str | None]:
        until = 0.0 if check.needed else time.monotonic() + GOOD_FOR
        try:
            left = max(0.0, deadline - time.monotonic())
            reason = self._under_way[name].result(left)
        except TimeoutError:
            return until, ILL, f"no answer in {DEADLINE:g} s"
        except errors.ValenceError as exc:
            return until, ILL, exc.detail
        except Exception as exc:  # each dependency has errors of its own
            LOG.warning("%s is ill: %s", name, exc)
            return until, ILL, str(exc)
        return until, DEGRADED if reason else OK, reason
