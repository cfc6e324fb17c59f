# SPDX-License-Identifier: Apache-2.0

"""The connections kept to pod managers."""

import dataclasses

from tests import base
from tests.unit.service import fake_redfish
from tests.unit.service import rsd_samples
from valence import errors
from valence import podmanagers
from valence.conf import podmanagers as podmanagers_conf
from valence.podmanagers.rsd import driver as rsd_driver

NODES = "/redfish/v1/Nodes"


@dataclasses.dataclass(frozen=True)
class Row:
    uuid: str = "7a1b1bcd-7d1f-4b57-9b6e-3f1f0a1c2d3e"
    name: str = "rack-1"
    url: str = fake_redfish.URL
    driver: str = "rsd"
    username: str | None = "admin"
    password: str | None = "secret"
    verify_ca: bool | str = True
    ca: str | None = None
    updated_at: str = "2026-01-01T00:00:00Z"


class TestPodManagers(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.transport = fake_redfish.Transport()
        self.transport.on("GET", "/redfish/v1/", fake_redfish.ok(rsd_samples.ROOT_2_1))
        self.transport.on("GET", NODES, fake_redfish.ok(fake_redfish.page(NODES)))
        self.podmanagers = podmanagers.PodManagers(fake_redfish.conf(), lambda: self.transport)

    def check(self, **given: str) -> podmanagers.ServiceInfo:
        row = {"url": fake_redfish.URL, "driver": "rsd", "username": "u", "password": "p", **given}
        return self.podmanagers.check(verify_ca=True, **row)

    def test_a_pod_manager_has_one_driver(self) -> None:
        driver = self.podmanagers.get(Row())
        self.assertIs(driver, self.podmanagers.get(Row()))
        self.assertIsInstance(driver, rsd_driver.RSDDriver)
        other = Row(uuid="other")
        self.assertIsNot(driver, self.podmanagers.get(other))

    def test_what_does_not_concern_the_connection_does_not_change_it(self) -> None:
        driver = self.podmanagers.get(Row())
        self.assertIs(driver, self.podmanagers.get(Row(name="x", updated_at="later")))

    def test_a_changed_pod_manager_gets_a_new_driver(self) -> None:
        driver = self.podmanagers.get(Row())
        for change in ({"url": "http://x"}, {"password": "new"}, {"verify_ca": False}):
            changed = self.podmanagers.get(Row(**change))
            self.assertIsNot(driver, changed)
            driver = changed
        self.assertTrue(self.transport.closed)

    def test_a_forgotten_pod_manager_is_connected_anew(self) -> None:
        driver = self.podmanagers.get(Row())
        self.podmanagers.forget(Row().uuid)
        self.podmanagers.forget("never heard of")
        self.assertIsNot(driver, self.podmanagers.get(Row()))
        self.podmanagers.close()
        self.assertTrue(self.transport.closed)

    def test_earlier_releases_called_the_driver_redfishv1(self) -> None:
        self.assertIsInstance(self.podmanagers.get(Row(driver="redfishv1")), rsd_driver.RSDDriver)

    def test_a_driver_that_is_not_there_is_named_with_those_that_are(self) -> None:
        exc = self.assertRaises(errors.PodManagerFailed, self.check, driver="telnet")
        self.assertIn("'telnet'", exc.detail)
        self.assertIn("redfishv1, rsd", exc.detail)

    def test_check_leaves_nothing_open(self) -> None:
        self.assertEqual(0, self.check().nodes)
        self.assertTrue(self.transport.closed)
        self.transport.closed = False
        self.transport.on("GET", NODES, fake_redfish.refusal(401))
        self.assertRaises(errors.PodManagerUnauthorized, self.check)
        self.assertTrue(self.transport.closed)


class TestOptions(base.TestCase):
    def test_every_option_has_help_and_can_be_registered_twice(self) -> None:
        conf = fake_redfish.conf()
        podmanagers_conf.register_opts(conf)
        for group, options in podmanagers_conf.list_opts():
            self.assertEqual("podmanagers", group)
            for option in options:
                self.assertTrue(option.help, option.name)
