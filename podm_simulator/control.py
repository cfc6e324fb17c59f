# SPDX-License-Identifier: Apache-2.0

"""The control endpoint: pool usage, requests, faults and quirks, outside ``/redfish``."""

from collections.abc import Callable
import dataclasses
import json
from typing import Any
from typing import Protocol

from podm_simulator import faults
from podm_simulator.journal import Journal
from podm_simulator.pod import accounting
from podm_simulator.pod import errors
from podm_simulator.pod.pod import Pod
from podm_simulator.quirks.registry import Quirks

ControlResponse = tuple[int, Any]


class Restart(Protocol):
    """Refuse connections for some seconds, and drop all sessions."""

    def __call__(self, seconds: float) -> None:
        """Start the restart; return at once."""


@dataclasses.dataclass(slots=True)
class Control:
    """Read the state behind the service, and make the service misbehave, for tests."""

    pod: Pod
    journal: Journal
    faults: faults.Faults
    quirks: Quirks
    restart: Restart

    def handle(self, method: str, path: str, raw: bytes) -> ControlResponse:
        """Return the response to a request under ``/control``: a status, and JSON or None."""
        noun, _, ident = path.strip("/").removeprefix("control").strip("/").partition("/")
        handler = HANDLERS.get((method, noun))
        if handler is None:
            return 404, {"error": f"there is no {method} {path}"}
        try:
            return handler(self, ident, json.loads(raw) if raw.strip() else None)
        except (ValueError, errors.Unknown) as exc:
            return 400, {"error": str(exc)}


def _pool(control: Control, _ident: str, _body: Any) -> ControlResponse:
    return 200, accounting.pool(control.pod)


def _requests(control: Control, _ident: str, _body: Any) -> ControlResponse:
    return 200, control.journal.show()


def _clear_requests(control: Control, _ident: str, _body: Any) -> ControlResponse:
    control.journal.clear()
    return 204, None


def _faults(control: Control, _ident: str, _body: Any) -> ControlResponse:
    return 200, {"faults": [fault.show() for fault in control.faults.all()]}


def _add_fault(control: Control, _ident: str, body: Any) -> ControlResponse:
    if isinstance(body, dict) and "restart" in body:
        return _restart(control, body["restart"])
    if isinstance(body, dict) and "asset" in body:
        return _pull(control, body["asset"])
    return 201, {"id": control.faults.add(body).id}


def _restart(control: Control, options: Any) -> ControlResponse:
    seconds = options.get("seconds") if isinstance(options, dict) else None
    if not isinstance(seconds, int | float) or seconds < 0:
        raise faults.BadFault('restart must be {"seconds": <a number>}')
    control.restart(seconds)
    return 201, {"id": "restart"}


def _pull(control: Control, options: Any) -> ControlResponse:
    """Pull an asset out of its slot, or put it back; it stays so until the next request."""
    if not isinstance(options, dict) or not isinstance(options.get("path"), str):
        raise faults.BadFault('asset must be {"path": "<path>", "present": false}')
    control.pod.asset(options["path"]).present = bool(options.get("present", False))
    return 201, {"id": "asset"}


def _remove_faults(control: Control, ident: str, _body: Any) -> ControlResponse:
    if not ident:
        control.faults.clear()
    elif not control.faults.remove(ident):
        return 404, {"error": f"there is no fault {ident}"}
    return 204, None


def _quirks(control: Control, _ident: str, _body: Any) -> ControlResponse:
    return 200, {"quirks": control.quirks.names(), "exercised": control.quirks.exercised()}


def _switch_quirks(control: Control, _ident: str, body: Any) -> ControlResponse:
    """Switch on the quirks of the body, and all others off."""
    names = body.get("quirks") if isinstance(body, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('the body must be {"quirks": [<names>]}')
    control.quirks.switch(names)
    return _quirks(control, "", None)


def _clear_quirks(control: Control, _ident: str, _body: Any) -> ControlResponse:
    control.quirks.switch(())
    return 204, None


def _renumber(control: Control, _ident: str, body: Any) -> ControlResponse:
    """Renumber the nodes now."""
    rotate = body.get("rotate", False) if isinstance(body, dict) else False
    control.pod.renumber(rotate=bool(rotate))
    return 204, None


HANDLERS: dict[tuple[str, str], Callable[[Control, str, Any], ControlResponse]] = {
    ("GET", "pool"): _pool,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _clear_requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _remove_faults,
    ("GET", "quirks"): _quirks,
    ("PUT", "quirks"): _switch_quirks,
    ("DELETE", "quirks"): _clear_quirks,
    ("POST", "renumber"): _renumber,
}
