# SPDX-License-Identifier: Apache-2.0

"""Tasks: operations that are accepted, and carried out some time later."""

from collections.abc import Callable
import dataclasses
import itertools

from podm_simulator import uris
from podm_simulator.quirks.behaviour import Behaviour
from podm_simulator.quirks.behaviour import Exchange
from podm_simulator.quirks.behaviour import is_allocate
from podm_simulator.quirks.behaviour import is_node
from podm_simulator.quirks.behaviour import LAG
from podm_simulator.quirks.behaviour import Quirk
from podm_simulator.redfish.http import not_found
from podm_simulator.redfish.http import Resource
from podm_simulator.redfish.http import Response
from podm_simulator.redfish.http import unauthenticated

TASKS = f"{uris.ROOT}/TaskService/Tasks"
MONITORS = f"{uris.ROOT}/TaskService/TaskMonitors"

#: Seconds that a client is told to wait between two looks at a task.
RETRY_AFTER = {"Retry-After": "1"}

_idents = itertools.count(1)


@dataclasses.dataclass(slots=True)
class Task:
    """An accepted request.

    :ivar due: when it is carried out.
    :ivar result: the response, when it has been.
    """

    id: str
    exchange: Exchange
    due: float
    result: Response | None = None

    def show(self) -> Resource:
        """Return the Task resource."""
        state = "Running" if self.result is None else "Completed"
        resource: Resource = {
            "@odata.id": f"{TASKS}/{self.id}",
            "@odata.type": "#Task.v1_5_0.Task",
            "Id": self.id,
            "Name": f"Task {self.id}",
            "TaskState": state,
            "TaskStatus": "OK",
            "TaskMonitor": f"{MONITORS}/{self.id}",
        }
        if self.result is None:
            return resource
        if self.result.status >= 400:
            assert isinstance(self.result.resource, dict)
            error = self.result.resource["error"]["@Message.ExtendedInfo"]
            return resource | {
                "TaskState": "Exception",
                "TaskStatus": "Critical",
                "Messages": error,
            }
        location = self.result.headers.get("Location")
        created = [{"@odata.id": location}] if location else []
        return resource | {"Messages": [], "Links": {"CreatedResources": created}}


class Accepted(Behaviour):
    """Answers a kind of request with 202, and carries it out later.

    :param applies: returns whether a request is of that kind.
    :param by_monitor: Location is the task monitor; otherwise the task.
    """

    def __init__(self, applies: Callable[[Exchange], bool], by_monitor: bool = True) -> None:
        self._applies = applies
        self._by_monitor = by_monitor
        self._tasks: dict[str, Task] = {}
        #: Tasks whose result was read from the monitor, which is 404 from then on.
        self._read: set[str] = set()

    def observe(self) -> None:
        """Carry out the tasks that are due."""
        now = self.simulation.pod.clock()
        for task in self._tasks.values():
            if task.result is None and task.due <= now:
                task.result = task.exchange.carry_out()

    def stop(self) -> None:
        """Carry out the tasks that are left."""
        for task in self._tasks.values():
            if task.result is None:
                task.result = task.exchange.carry_out()

    def receive(self, exchange: Exchange) -> Response | None:
        """Return 202 to such a request, or a task, or the response of its monitor."""
        place, _, ident = exchange.request.path.rpartition("/")
        if place in (TASKS, MONITORS) and ident in self._tasks:
            if not exchange.authenticated:
                return unauthenticated().response()
            task = self._tasks[ident]
            return Response(200, task.show()) if place == TASKS else self._monitor(task)
        if not exchange.authenticated or not self._applies(exchange):
            return None
        return self._accept(exchange)

    def _accept(self, exchange: Exchange) -> Response:
        task = Task(str(next(_idents)), exchange, self.simulation.pod.clock() + LAG)
        self._tasks[task.id] = task
        place = MONITORS if self._by_monitor else TASKS
        return Response(202, task.show(), {"Location": f"{place}/{task.id}", **RETRY_AFTER})

    def _monitor(self, task: Task) -> Response:
        if task.result is None:
            headers = {"Location": f"{MONITORS}/{task.id}", **RETRY_AFTER}
            return Response(202, task.show(), headers)
        if task.id in self._read:
            return not_found(f"{MONITORS}/{task.id}").response()
        self._read.add(task.id)
        return dataclasses.replace(task.result, headers=dict(task.result.headers))


ASYNCHRONOUS = "DSP0266, Asynchronous operations"


def _is_delete(exchange: Exchange) -> bool:
    return exchange.request.method == "DELETE" and is_node(exchange.request.path)


QUIRKS = (
    Quirk(
        "allocate-task",
        "Allocate is answered with 202 and a task monitor; the node appears half a second later.",
        ASYNCHRONOUS,
        lambda: Accepted(is_allocate),
        "allocate",
    ),
    Quirk(
        "allocate-task-location",
        "Allocate is answered with 202 and the Location of a task, not of its monitor; the node "
        "appears half a second later.",
        "https://github.com/DMTF/Redfish-Service-Validator/issues/384",
        lambda: Accepted(is_allocate, by_monitor=False),
        "allocate",
    ),
    Quirk(
        "assemble-task",
        "Assemble is answered with 202 and a task monitor, and begins half a second later.",
        ASYNCHRONOUS,
        lambda: Accepted(lambda exchange: exchange.matches("POST", "ComposedNode.Assemble")),
        "assemble",
    ),
    Quirk(
        "reset-task",
        "Reset is answered with 202 and a task monitor, and is done half a second later.",
        "https://github.com/DMTF/python-redfish-library/issues/98",
        lambda: Accepted(lambda exchange: exchange.matches("POST", ".Reset")),
        "reset",
    ),
    Quirk(
        "patch-task",
        "PATCH is answered with 202 and a task monitor, and is done half a second later.",
        ASYNCHRONOUS,
        lambda: Accepted(lambda exchange: exchange.request.method == "PATCH"),
        "patch",
    ),
    Quirk(
        "delete-task",
        "DELETE of a node is answered with 202 and a task monitor, and is done half a second "
        "later.",
        "https://github.com/stmcginnis/gofish/issues/85",
        lambda: Accepted(_is_delete),
        "delete",
    ),
)
