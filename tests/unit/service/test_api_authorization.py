# SPDX-License-Identifier: Apache-2.0

"""The order of the checks of a request: credentials, object of a project, policy, content."""

import re
from typing import Any
import uuid as uuids

from oslo_context import context as oslo_context

from tests.unit.service import base
from valence.api import app
from valence.api import middleware
from valence.api import request as api_request
from valence.api import routes
from valence.api.route import Route
from valence.objects import node_changes

#: Bodies that no schema accepts, and one that is no JSON.
BODIES = (b"{", b'{"colour": "red"}', b"", b'{"podm_id": "unknown", "flavor_id": "unknown"}')

PROTECTED = [route for route in routes.ROUTES if route.rule is not None]


class TestOrder(base.ServiceTestCase):
    """Every route of the table, with every malformed content."""

    def setUp(self) -> None:
        super().setUp()
        self.context = oslo_context.RequestContext()
        conf = self.configure()
        self.start_from(conf)
        self.own = self.create_node("own", "wonderland")
        self.foreign = self.create_node("foreign", "building")
        application = routes.Application(self.service)

        def authenticated(environ: Any, start_response: Any) -> Any:
            environ[api_request.CONTEXT] = self.context
            return application(environ, start_response)

        wrapped = middleware.error_responses(authenticated, conf)
        self.api = base.API(middleware.request_id(wrapped, conf))

    def create_node(self, name: str, project: str) -> str:
        values = {"fingerprint": "", "properties": {}, "name": name, "project_id": project}
        row, _ = node_changes.create(self.service.db, {"uuid": str(uuids.uuid4()), **values})
        return row.uuid

    def log_in(self, *roles: str) -> None:
        self.context = oslo_context.RequestContext(
            user_id="alice", project_id="wonderland", roles=list(roles)
        )

    def send(self, route: Route, body: bytes, ident: str = "own") -> Any:
        path = re.sub(r"<\w+>", ident, route.path)
        return self.api(
            route.method, f"{path}?colour=red", data=body, content_type="application/json"
        )

    def test_without_credentials_everything_is_401(self) -> None:
        for route in PROTECTED:
            for body in BODIES:
                for ident in ("own", "unknown"):
                    answer = self.send(route, body, ident)
                    self.assertRefused(401, "valence.request.unauthenticated", answer)

    def test_a_user_without_permission_learns_nothing_about_the_content(self) -> None:
        self.log_in("reader")
        for route in PROTECTED:
            if str(route.rule).endswith((":node:get", ":flavor:get")):
                continue
            for body in BODIES:
                answer = self.send(route, body)
                self.assertRefused(403, "valence.request.forbidden", answer)

    def test_a_body_that_is_too_long_is_not_judged_either(self) -> None:
        self.log_in("reader")
        body = b" " * (self.service.conf.max_request_body + 1)
        for route in PROTECTED:
            if route.body is not None:
                answer = self.send(route, body)
                self.assertRefused(403, "valence.request.forbidden", answer)

    def test_an_object_of_another_project_does_not_exist_whatever_the_content_is(self) -> None:
        self.log_in("reader", "member")
        of_nodes = [route for route in PROTECTED if route.path.startswith("/v1/nodes/<ident>")]
        self.assertEqual(8, len(of_nodes))
        for route in of_nodes:
            for body in BODIES:
                for ident in ("foreign", self.foreign, "unknown"):
                    answer = self.send(route, body, ident)
                    error = self.assertRefused(404, "valence.node.not_found", answer)
                    self.assertNotIn("building", error["detail"])

    def test_a_user_with_permission_learns_what_is_wrong(self) -> None:
        self.log_in("admin")
        for route in PROTECTED:
            answer = self.send(route, b"")
            detail = self.assertRefused(400, "valence.request.invalid", answer)["detail"]
            self.assertIn("colour", detail)


class TestApplication(base.ServiceTestCase):
    def test_wrong_credentials_are_401_before_a_body_is_read(self) -> None:
        file = self.folder / "htpasswd"
        file.write_text("alice:$2b$04$" + "." * 53 + "\n")
        self.start(auth_strategy="http_basic", http_basic_auth_user_file=str(file))
        body = b" " * (self.service.conf.max_request_body + 1)
        api = base.API(app.application(self.service))
        for headers in ({}, {"Authorization": "Basic YWxpY2U6eA=="}):
            answer = api("POST", "/v1/nodes", data=body, headers=headers)
            self.assertRefused(401, "valence.request.unauthenticated", answer)
