# SPDX-License-Identifier: Apache-2.0

"""The status of the service's dependencies, cached so that probes cost them little."""

from collections.abc import Callable
from collections.abc import Mapping
import concurrent.futures
import dataclasses
import threading
import time
from typing import Any

from oslo_log import log as logging

from valence import errors

LOG = logging.getLogger(__name__)

#: Seconds that one probe may take; a dependency that takes longer is in error.
DEADLINE = 3.0

#: Seconds for which a result is cached: a load balancer's probes must not become load on
#: the peers. Required dependencies are probed at each request.
CACHE_SECONDS = 10.0

OK, DEGRADED, ERROR = "ok", "degraded", "error"


@dataclasses.dataclass(frozen=True)
class Check:
    """One dependency.

    :ivar probe: raises if the dependency is in error, and returns a sentence if part of it
        is unavailable.
    :ivar required: whether the service can answer nothing without it. Without the others
        some operations wait or fail and the rest continues, which is no reason for a load
        balancer to avoid this host.
    :ivar enabled: returns whether the service has this dependency at all. Called at each
        report: the middleware registers its options after the checks are made.
    """

    probe: Callable[[], str | None]
    required: bool = False
    enabled: Callable[[], bool] = lambda: True


@dataclasses.dataclass(frozen=True)
class _Result:
    expires: float
    status: str
    reason: str | None = None


class Cached:
    """A probe that is too costly for each request: its result is kept for a while.

    :param probe: raises if its subject is in error.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self, probe: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._expires = float("-inf")
        self._error: Exception | None = None

    def __call__(self) -> None:
        """Raise the error of the last probe, if there was one."""
        if self._clock() >= self._expires:
            try:
                self._probe()
                self._error = None
            except Exception as exc:  # each dependency's library raises errors of its own
                self._error = exc
            self._expires = self._clock() + CACHE_SECONDS
        if self._error is not None:
            raise self._error


class Health:
    """Runs checks and caches their results. Safe to use from many threads.

    :param checks: name of a dependency -> its check.
    """

    # oslo.middleware's healthcheck is not used: it runs every plugin at each request, without
    # a deadline and without a cache, has no status "degraded", and has its own response format.

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._results: dict[str, _Result] = {}
        self._pending: dict[str, concurrent.futures.Future[str | None]] = {}
        self._executor = concurrent.futures.ThreadPoolExecutor(
            max(1, len(checks)), thread_name_prefix="health"
        )

    def report(self) -> dict[str, Any]:
        """Return ``status``, ``checks`` (name -> status) and ``reasons`` of those not ok."""
        checks = {name: check for name, check in self._checks.items() if check.enabled()}
        with self._lock:  # concurrent requests wait for the same probes
            now = time.monotonic()
            expired = [
                name
                for name in checks
                if name not in self._results or self._results[name].expires <= now
            ]
            for name in expired:
                self._submit(name, checks[name])
            for name in expired:
                self._results[name] = self._result(name, checks[name], now + DEADLINE)
            results = {name: self._results[name] for name in checks}
        return {
            "status": _overall(checks, results),
            "checks": {name: result.status for name, result in results.items()},
            "reasons": {name: result.reason for name, result in results.items() if result.reason},
        }

    def close(self) -> None:
        """Run no more probes, and do not wait for those that are running."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit(self, name: str, check: Check) -> None:
        """Start a probe, unless an earlier one has not returned yet."""
        pending = self._pending.get(name)
        if pending is None or pending.done():
            self._pending[name] = self._executor.submit(check.probe)

    def _result(self, name: str, check: Check, deadline: float) -> _Result:
        expires = 0.0 if check.required else time.monotonic() + CACHE_SECONDS
        try:
            timeout = max(0.0, deadline - time.monotonic())
            reason = self._pending[name].result(timeout)
        except TimeoutError:
            return _Result(expires, ERROR, f"no answer in {DEADLINE:g} s")
        except errors.ValenceError as exc:
            return _Result(expires, ERROR, exc.detail)
        except Exception as exc:  # each dependency's library raises errors of its own
            LOG.warning("The health check of %s failed: %s", name, exc)
            return _Result(expires, ERROR, str(exc))
        return _Result(expires, DEGRADED if reason else OK, reason)


def _overall(checks: Mapping[str, Check], results: Mapping[str, _Result]) -> str:
    if any(results[name].status == ERROR for name, check in checks.items() if check.required):
        return ERROR
    return OK if all(result.status == OK for result in results.values()) else DEGRADED
