# SPDX-License-Identifier: Apache-2.0

"""The normal form of URLs."""

import testscenarios

from tests import base
from valence.podmanagers.http import url as podm_url


class TestNormal(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (url, {"url": url, "normal": normal})
        for url, normal in [
            ("https://pod.example", "https://pod.example"),
            ("HTTPS://Pod.Example/", "https://pod.example"),
            ("https://pod.example:443/redfish/v1/", "https://pod.example"),
            ("http://pod.example:80/redfish/v1", "http://pod.example"),
            ("https://pod.example:80", "https://pod.example:80"),
            ("https://pod.example.:8443", "https://pod.example:8443"),
            ("https://pod.example:8443/redfish/", "https://pod.example:8443"),
            ("https://pod.example/Rack/redfish/v1/", "https://pod.example/Rack/redfish/v1"),
            ("https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
            ("https://10.0.0.1:08443", "https://10.0.0.1:8443"),
        ]
    ]
    normal: str
    url: str

    def test_normal(self) -> None:
        self.assertEqual(self.normal, podm_url.normal(self.url))
        self.assertEqual(self.normal, podm_url.normal(self.normal), "idempotent")


class TestInvalid(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (url, {"url": url})
        for url in (
            "ftp://pod.example",
            "https://",
            "https://:8443",
            "https://[::1",
            "https://pod.example:99999",
            "https://pod.example:0",
            "https://pod.example:port",
            "https://ada:secret@pod.example",
            "https://pod.example/?a=b",
        )
    ]
    url: str

    def test_invalid(self) -> None:
        exc = self.assertRaises(ValueError, podm_url.normal, self.url)
        self.assertNotIn("secret", str(exc))
