# SPDX-License-Identifier: Apache-2.0

"""The service and its client with a real Keystone: visibility, and the catalog."""

import os
import pathlib
from typing import Any

import fixtures
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import v3
from openstack import connection
import requests

from devstack.lab import podm
from devstack.lab import processes
from devstack.lab import service
from tests import base
from tests.servers import keystone
import valenceclient
from valenceclient import errors

SERVER = {"processor": {"total_cores": 4}}

#: Seconds that an operation on a node may take.
PATIENCE = 120.0


class TestKeystone(base.TestCase):
    """An administrator, members of two projects, and a reader."""

    def setUp(self) -> None:
        super().setUp()
        missing = keystone.Keystone.missing()
        if missing and "CI" not in os.environ:
            self.skipTest(missing)
        self.assertIsNone(missing)
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.reaper = processes.Reaper()
        self.addCleanup(self.reaper.close)
        self.keystone = self.useFixture(keystone.Keystone())
        self.cloud = connection.Connection(session=self.session("admin", "admin"))
        self.service = self.start_service()
        self.fill_keystone()

    def session(self, user: str, project: str, password: str = keystone.PASSWORD) -> Any:
        auth = v3.Password(
            auth_url=self.keystone.url,
            username=user,
            password=password,
            project_name=project,
            user_domain_id="default",
            project_domain_id="default",
        )
        return ksa_session.Session(auth=auth)

    def start_service(self) -> service.Service:
        server = service.Service(self.folder / "valence", "http://127.0.0.1:9")
        server.prepare(
            {
                "DEFAULT": {"auth_strategy": "keystone"},
                "keystone_authtoken": {
                    "auth_type": "password",
                    "auth_url": self.keystone.url,
                    "www_authenticate_uri": self.keystone.url,
                    "username": "admin",
                    "password": keystone.PASSWORD,
                    "project_name": "admin",
                    "user_domain_id": "default",
                    "project_domain_id": "default",
                },
            }
        )
        server.process.start(self.reaper)
        self.addCleanup(server.process.stop)
        server.process.wait_ready()
        return server

    def fill_keystone(self) -> None:
        identity = self.cloud.identity
        catalogued = identity.create_service(type="composable-baremetal", name="valence")
        identity.create_endpoint(
            service_id=catalogued.id, interface="public", url=self.service.url, region_id="lab"
        )
        roles = {role.name: role for role in identity.roles()}
        for user, project, role in (
            ("alice", "wonderland", "member"),
            ("dodo", "wonderland", "reader"),
            ("bob", "building", "member"),
        ):
            target = identity.find_project(project) or identity.create_project(
                name=project, domain_id="default"
            )
            account = identity.create_user(
                name=user, password=keystone.PASSWORD, domain_id="default"
            )
            identity.assign_project_role_to_user(target, account, roles[role])

    def client(self, user: str, project: str, **more: Any) -> valenceclient.Client:
        return valenceclient.Client(session=self.session(user, project, **more), poll_interval=0.2)

    def test_projects_administrators_and_strangers(self) -> None:
        pod = podm.PodManager(self.folder, "pod", podm.Size(systems=2))
        pod.process.start(self.reaper)
        self.addCleanup(pod.process.stop)
        pod.process.wait_ready()
        root, alice = self.client("admin", "admin"), self.client("alice", "wonderland")
        dodo, bob = self.client("dodo", "wonderland"), self.client("bob", "building")
        fields = {
            "name": "pod",
            "url": pod.url,
            "username": pod.username,
            "password": pod.password,
        }
        self.assertRaises(errors.Forbidden, alice.podmanagers.create, **fields)
        root.podmanagers.create(**fields)
        node = alice.nodes.create(properties=SERVER, wait=True, timeout=PATIENCE)
        wonderland = self.cloud.identity.find_project("wonderland").id
        self.assertEqual(("composed", wonderland), (node.state, node.project_id))
        self.assertEqual([node.uuid], [one.uuid for one in dodo.nodes.list()])
        self.assertEqual([node.uuid], [one.uuid for one in root.nodes.list()])
        self.assertEqual([], list(bob.nodes.list()))
        self.assertRaises(errors.NotFound, bob.nodes.get, node.uuid)
        self.assertRaises(errors.NotFound, bob.nodes.delete, node.uuid)
        self.assertRaises(errors.Forbidden, dodo.nodes.delete, node.uuid)
        alice.nodes.delete(node.uuid, wait=True, timeout=PATIENCE)
        self.assertEqual([], list(root.nodes.list()))

    def test_a_cached_token_outlives_keystone_and_a_wrong_one_is_never_accepted(self) -> None:
        alice = self.client("alice", "wonderland")
        self.assertEqual([], list(alice.nodes.list()))
        wrong = {"X-Auth-Token": "gAAAAABwrong"}
        plain = ksa_session.Session()
        for _attempt in range(3):
            answer = plain.get(f"{self.service.url}/v1/nodes", headers=wrong, raise_exc=False)
            self.assertEqual(401, answer.status_code)
            self.assertEqual(
                f'Keystone uri="{self.keystone.url}"', answer.headers["WWW-Authenticate"]
            )
        for odd in (b"x" * 300, b"x" * 8000, b"x" * 9000, b"t\xf6ken", b"t\xc3\xb6ken", b'"{}'):
            odd_answer = requests.get(
                f"{self.service.url}/v1/nodes", headers={"X-Auth-Token": odd}, timeout=PATIENCE
            )
            self.assertEqual(401, odd_answer.status_code, (odd[:20], odd_answer.text))
        stranger = self.client("alice", "wonderland", password="guessed")
        self.assertRaises(errors.Unauthorized, lambda: list(stranger.nodes.list()))
        dodo = self.session("dodo", "wonderland").get_token()
        self.keystone.process.stop()
        self.assertEqual([], list(alice.nodes.list()))
        unknown = plain.get(
            f"{self.service.url}/v1/nodes", headers={"X-Auth-Token": dodo}, raise_exc=False
        )
        self.assertEqual(
            (503, "valence.identity.unavailable"),
            (unknown.status_code, unknown.json()["errors"][0]["code"]),
        )
