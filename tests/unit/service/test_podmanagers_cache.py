# SPDX-License-Identifier: Apache-2.0

"""The cache of drivers and their connections."""

from typing import Any

from tests import base
from tests.unit.service import fake_redfish
from tests.unit.service import rsd_samples
from valence import errors
from valence import podmanagers
from valence.conf import podmanagers as podmanagers_conf
from valence.podmanagers.rsd import driver as rsd_driver

NODES = "/redfish/v1/Nodes"

access = fake_redfish.access


class TestPodManagers(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport()
        self.transport.on("GET", "/redfish/v1/", fake_redfish.ok(rsd_samples.ROOT_2_1))
        self.transport.on("GET", NODES, fake_redfish.ok(fake_redfish.page(NODES)))
        self.podmanagers = podmanagers.PodManagers(fake_redfish.conf(), lambda: self.transport)

    def check(self, **fields: str) -> podmanagers.Checked:
        return self.podmanagers.check(access(**fields))

    def test_a_pod_manager_has_one_driver(self) -> None:
        driver = self.podmanagers.get(access())
        self.assertIs(driver, self.podmanagers.get(access()))
        self.assertIsInstance(driver, rsd_driver.RSDDriver)
        self.assertIsNot(driver, self.podmanagers.get(access(uuid="other")))

    def test_a_changed_pod_manager_gets_a_new_driver(self) -> None:
        driver = self.podmanagers.get(access())
        changes: list[dict[str, Any]] = [
            {"url": "http://x"},
            {"driver": "redfishv1"},
            {"username": "other"},
            {"password": "new"},
            {"verify_ca": False},
            {"ca": ""},
        ]
        for change in changes:
            changed = self.podmanagers.get(access(**change))
            self.assertIsNot(driver, changed, change)
            driver = changed
        self.assertTrue(self.transport.closed)

    def test_a_forgotten_pod_manager_gets_a_new_driver(self) -> None:
        driver = self.podmanagers.get(access())
        self.podmanagers.forget(access().uuid)
        self.podmanagers.forget("unknown")
        self.assertIsNot(driver, self.podmanagers.get(access()))
        self.podmanagers.close()
        self.assertTrue(self.transport.closed)

    def test_earlier_releases_called_the_driver_redfishv1(self) -> None:
        driver = self.podmanagers.get(access(driver="redfishv1"))
        self.assertIsInstance(driver, rsd_driver.RSDDriver)

    def test_the_error_of_an_unknown_driver_names_the_known_ones(self) -> None:
        exc = self.assertRaises(errors.PodManagerFailed, self.check, driver="telnet")
        self.assertIn("'telnet'", exc.detail)
        self.assertIn("redfishv1, rsd", exc.detail)

    def test_check_leaves_nothing_open(self) -> None:
        self.assertIsNotNone(self.check().identity.uuid)
        self.assertTrue(self.transport.closed)
        self.transport.closed = False
        self.transport.on("GET", NODES, fake_redfish.refusal(401))
        self.assertRaises(errors.PodManagerUnauthorized, self.check)
        self.assertTrue(self.transport.closed)

    def test_only_a_driver_of_the_cache_notifies_the_listener(self) -> None:
        notifications = []
        self.podmanagers.listen(lambda uuid, error: notifications.append((uuid, error)))
        self.check()
        self.podmanagers.is_reachable(access())
        self.assertEqual([], notifications)
        self.podmanagers.get(access()).check()
        self.assertEqual([(access().uuid, None)], notifications)

    def test_a_reachable_pod_manager_is_not_sent_the_credentials(self) -> None:
        self.transport.on("GET", "/redfish/v1/", fake_redfish.refusal(500))
        self.assertTrue(self.podmanagers.is_reachable(access()))
        (request,) = self.transport.requests
        self.assertNotIn("Authorization", request.headers)
        self.transport.on("GET", "/redfish/v1/", fake_redfish.refusal(502))
        self.assertFalse(self.podmanagers.is_reachable(access()))

    def test_a_password_is_not_shown(self) -> None:
        self.assertNotIn("secret", repr(access()))


class TestOptions(base.TestCase):
    def test_every_option_has_help_and_can_be_registered_twice(self) -> None:
        conf = fake_redfish.conf()
        podmanagers_conf.register_opts(conf)
        for group, options in podmanagers_conf.list_opts():
            self.assertEqual("podmanagers", group)
            for option in options:
                self.assertTrue(option.help, option.name)
