# SPDX-License-Identifier: Apache-2.0

"""Pod managers that demand a client certificate (mutual TLS)."""

import pathlib
import ssl
import tempfile
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
import testscenarios

from tests import base
from tests.functional.connection_base import THING
from tests.servers import certificates as server_certificates
from tests.servers import odd
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers.http import certificates
from valence.podmanagers.http import failures
from valence.podmanagers.http.connection import Connection


class TestClientCertificates(testscenarios.WithScenarios, base.TestCase):
    """Under both versions of TLS, with which the server learns of it at different times."""

    scenarios = [
        (version.name, {"version": version})
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ]
    version: ssl.TLSVersion

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.server = server_certificates.certificate(folder.name, "pod")
        self.client = server_certificates.certificate(folder.name, "client")
        self.stranger = server_certificates.certificate(folder.name, "stranger")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        context.minimum_version = context.maximum_version = self.version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.client)
        self.odd = odd.Odd(context).start()
        self.addCleanup(self.odd.stop)
        self.odd.answers["GET", "/thing"] = (200, {}, THING)
        self.odd.answers["POST", "/thing"] = (204, {}, None)

    def connect(self, client: pathlib.Path | None = None, **fields: Any) -> Connection:
        fields = {"ca": certificates.normal(self.server.read_text()), **fields}
        if client is not None:
            fields["client_cert"] = certificates.normal(client.read_text())
            fields["client_key"] = certificates.normal_key(client.read_text())
        access = fake_redfish.access(self.odd.url, **fields)
        connection = Connection(fake_redfish.conf(session_after=-1), access)
        self.addCleanup(connection.close)
        return connection

    def test_the_certificate_is_presented_however_the_server_is_verified(self) -> None:
        for fields in ({}, {"ca": None, "verify_ca": str(self.server)}):
            client = self.connect(self.client, **fields)
            self.assertEqual(THING, client.get("/thing"))
            client.post("/thing")
        unverified = self.connect(self.client, ca=None, verify_ca=False)
        self.assertEqual(THING, unverified.get("/thing"))

    def test_the_server_is_verified_all_the_same(self) -> None:
        other = certificates.normal(self.stranger.read_text())
        for fields in ({"ca": other}, {"ca": None}, {"ca": None, "verify_ca": str(self.stranger)}):
            client = self.connect(self.client, **fields)
            exc = self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
            self.assertIn("Set ca to the certificate", exc.detail)
        self.assertEqual([], self.odd.requests)

    def test_without_one_the_error_says_so_in_the_words_of_openssl(self) -> None:
        client = self.connect()
        exc = self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        self.assertIn("client_cert", exc.detail)
        self.assertRegex(exc.detail, r"\(\[SSL[^)]*alert (certificate required|handshake failure)")
        self.assertIs(False, exc.details["sent"])
        self.assertEqual([], self.odd.requests)

    def test_one_that_is_not_accepted_is_to_be_checked(self) -> None:
        client = self.connect(self.stranger)
        exc = self.assertRaises(errors.PodManagerUnreachable, client.get, "/thing")
        self.assertIn("does not accept the client certificate", exc.detail)

    def test_it_is_known_to_run(self) -> None:
        self.assertTrue(self.connect().is_reachable())

    def test_no_file_has_the_key(self) -> None:
        before = set(pathlib.Path(tempfile.gettempdir()).iterdir())
        self.connect(self.client).get("/thing")
        left = set(pathlib.Path(tempfile.gettempdir()).iterdir()) - before
        self.assertEqual([], [path for path in left if path.is_file() and path.stat().st_size])


class TestKeys(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.one = server_certificates.certificate(folder.name, "one").read_text()
        self.other = server_certificates.certificate(folder.name, "other").read_text()

    def test_a_key_belongs_to_the_first_certificate(self) -> None:
        key = certificates.normal_key(self.one)
        one, other = certificates.normal(self.one), certificates.normal(self.other)
        self.assertTrue(certificates.is_pair(one, key))
        self.assertTrue(certificates.is_pair(one + other, key))
        self.assertFalse(certificates.is_pair(other + one, key))

    def test_only_the_key_is_kept(self) -> None:
        key = certificates.normal_key(f"# of the rack\n{self.one}")
        self.assertTrue(key.startswith("-----BEGIN PRIVATE KEY-----"))
        self.assertNotIn("CERTIFICATE", key)

    def test_what_is_no_key_is_refused(self) -> None:
        for text in ("", "key", certificates.normal(self.one)):
            self.assertRaises(ValueError, certificates.normal_key, text)


class TestPolicy(base.TestCase):
    """What the security policy of OpenSSL does not accept, and cryptography reads."""

    def test_a_key_that_is_too_short_is_an_error_that_names_the_reason(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key = rsa.generate_private_key(65537, 1024)
        pem = server_certificates.certificate(folder.name, key=key).read_text()
        own = {"client_cert": certificates.normal(pem), "client_key": certificates.normal_key(pem)}
        url = "https://127.0.0.1:9"
        for fields in (own, {"ca": "-----BEGIN CERTIFICATE-----"}):
            access = fake_redfish.access(url, **fields)
            exc = self.assertRaises(
                errors.PodManagerFailed, Connection, fake_redfish.conf(), access
            )
            self.assertIn(url, exc.detail)
            self.assertIs(False, exc.details["sent"])
            self.assertIn("too small" if fields is own else "no start line", exc.detail)


class TestWords(base.TestCase):
    def test_openssls_words_are_whole(self) -> None:
        cause = ssl.SSLError(1, "[SSL: TLSV13_ALERT_X] tlsv13 alert: a reason (_ssl.c:1)")
        self.assertEqual(cause.strerror, failures.root_cause(cause))

    def test_a_peer_that_hangs_up_without_a_word_may_demand_a_certificate(self) -> None:
        cause = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
        self.assertIn("may demand a client certificate", failures.tls_advice(cause, False))
        self.assertIn("Set ca", failures.tls_advice(cause, True))
