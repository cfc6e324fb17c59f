# SPDX-License-Identifier: Apache-2.0

"""A fake Ironic in memory, at the transport: the real python-ironicclient runs."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import re
from typing import Any

from ironicclient import client as ironic_client
from keystoneauth1 import noauth
from keystoneauth1 import session as ksa_session

from tests.fake_ironic import nodes
from tests.fake_ironic import routes
from valence_conductor import responses
from valenceclient.testing import _wire
from valenceclient.testing import Refusal


class FakeIronic(nodes.Nodes):
    """An Ironic whose transient states end after they were read a number of times.

    :ivar looks: how many reads return a transient state before it ends.
    :ivar reads_left: of each node in transition.
    :ivar wire: the transport adapter; records the requests in ``calls``.
    """

    url = "http://ironic.test:6385"

    def __init__(self, looks: int = 1) -> None:
        super().__init__(self._start_reads)
        self.looks = looks
        self.reads_left: dict[str, int] = {}
        self.wire = _wire.Wire(self._respond)
        self._actions: list[tuple[str, re.Pattern[str], Callable[[], object]]] = []

    def client(self, checking: bool = True) -> Any:
        """Return a client of this Ironic.

        :param checking: whether its session checks responses, as that of the plugin does.
        """
        session: Any = ksa_session.Session(auth=noauth.NoAuth(endpoint=self.url))
        session.mount(self.url, self.wire)
        if checking:
            session.request = responses.checking(session.request)
        return ironic_client.get_client(
            "1",
            session=session,
            endpoint=self.url,
            os_ironic_api_version="latest",
            max_retries=0,
        )

    # Faults on demand. A path is a regular expression that matches the whole path of a request.

    def lose(self, method: str, path: str, *, done: bool = True, times: int = 1) -> None:
        """Lose the responses to the next requests; ``done``: they are carried out."""
        self.wire.troubles.append(_wire.Trouble(method, re.compile(path), times, done, None))

    def answer(self, method: str, path: str, status: int, message: str, times: int = 1) -> None:
        """Respond with an error to the next requests, which are not carried out."""
        self.raw_answer(method, path, status, routes.error(message), times)

    def raw_answer(self, method: str, path: str, status: int, body: Any, times: int = 1) -> None:
        """Respond so to the next requests, which are not carried out; text is HTML."""
        response = (status, body, routes.VERSIONS)
        self.wire.troubles.append(_wire.Trouble(method, re.compile(path), times, False, response))

    def after(self, method: str, path: str, action: Callable[[], object]) -> None:
        """Call a function between the next such request and its response; it may raise."""
        self._actions.append((method, re.compile(path), action))

    # Called by the fake Valence when it registers and unregisters.

    def registered(self, node: dict[str, Any], fields: dict[str, Any]) -> str:
        """Create the node of a registration.

        :raises Refusal: Ironic refused to create it.
        """
        extra = {**fields.get("extra", {}), "valence_node": node["uuid"]}
        with _as_refusal("create"):
            created = self.create({**fields, "extra": extra})
            self.associate(created, fields.get("instance_uuid"))
        return str(created["uuid"])

    def unregistered(self, node: dict[str, Any]) -> None:
        """Delete the node of a registration, if it exists.

        :raises Refusal: Ironic refused to delete it.
        """
        if node["ironic_uuid"] in self.nodes:
            with _as_refusal("delete"):
                self.delete(self.nodes[node["ironic_uuid"]])

    def read(self, ident: str) -> dict[str, Any]:
        """Return a node, whose transient state ends when it has no reads left."""
        node = self.get(ident)
        if node["provision_state"] in nodes.TRANSIENT:
            reads = self.reads_left.get(node["uuid"], 0)
            if reads == 0:
                self.advance(node)
            else:
                self.reads_left[node["uuid"]] = reads - 1
        return node

    def _start_reads(self, node: dict[str, Any]) -> None:
        self.reads_left[node["uuid"]] = self.looks

    def _respond(self, method: str, path: str, query: dict[str, str], body: Any) -> _wire.Answer:
        status, answer = routes.respond(self, method, path, query, body)
        for entry in self._actions:
            if entry[0] == method and entry[1].fullmatch(path):
                self._actions.remove(entry)
                entry[2]()
                break
        empty = {"Content-Type": "text/plain"} if answer is None else {}
        return status, answer, {**routes.VERSIONS, **empty}


@contextlib.contextmanager
def _as_refusal(verb: str) -> Iterator[None]:
    try:
        yield
    except nodes.IronicError as exc:
        code, detail = "valence.ironic.refused", f"Ironic refused to {verb} the node."
        raise Refusal(409, code, detail, str(exc)) from exc
