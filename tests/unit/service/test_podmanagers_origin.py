# SPDX-License-Identifier: Apache-2.0

"""One origin: whatever a pod manager writes, requests go to its registered URL, or nowhere."""

import contextlib
import urllib.parse

from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import testscenarios
import urllib3

from tests import base
from tests.unit.service import fake_redfish
from valence import errors
from valence.podmanagers import odata
from valence.podmanagers.http import exchange
from valence.podmanagers.http import url as podm_url

#: What links are made of, in the wrong places.
PARTS = (
    *("http:", "https:", "HTTPS:", "ftp:", "javascript:", "//", "///", "/", "\\", "\\\\", "\t"),
    *("\n", "\r", "\x00", " ", "\x85", "\u2028", "@", ":", "?", "#", "%", "%40", "%2f", "%2F%2F"),
    *("%5c", "%00", "%0d%0a", "..", ".", ";", "[", "]", "[::1]", "[::ffff:127.0.0.1]", "xn--"),
    *("10.0.0.5", "10.0.0.5:80", "pod.example", "pod.example:8443", "POD.EXAMPLE:8443", ":443"),
    *("pod.example.", "pod.example:8443@10.0.0.5", "user:secret@", "redfish", "v1", "Nodes", "1"),
    *("\uff0f", "\u2100", "\u3002", "b\u00fccher", "\ud800", "\ufeff", "0x7f.1", "2130706433"),
)
REFERENCES = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
    st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=4)), max_size=6).map("".join),
)
BASES = st.sampled_from(
    [
        "https://pod.example:8443",
        "http://pod.example",
        "https://pod.example",
        "http://10.0.0.1:8080",
        "http://[2001:db8::1]:8443",
        "https://xn--bcher-kva.example",
    ]
)


def sent(url: str, reference: str, method: str = "get") -> list[str]:
    """The URLs to which a connection sends a request."""
    transport = fake_redfish.Transport()
    client = fake_redfish.client(transport, url)
    with contextlib.suppress(errors.ValenceError):
        getattr(client, method)(reference, *([{}] if method == "patch" else []))
    return [request.url or "" for request in transport.requests]


class TestAnyText(base.TestCase):
    @settings(max_examples=400, deadline=None)
    @given(BASES, REFERENCES, st.sampled_from(["get", "post", "patch", "delete"]))
    @example("https://pod.example:8443", "@10.0.0.5:80/x", "post")
    @example("https://pod.example:8443", "x@10.0.0.5/x", "post")
    @example("https://pod.example:8443", "\t@10.0.0.5/x", "post")
    @example("https://pod.example:8443", "/\\10.0.0.5/x", "get")
    @example("https://pod.example:8443", "/\t/10.0.0.5/x", "get")
    @example("https://pod.example:8443", "/.//10.0.0.5/x", "get")
    def test_a_request_goes_to_the_registered_origin_or_nowhere(
        self, url: str, reference: str, method: str
    ) -> None:
        for target in sent(url, reference, method):
            # As both parsers that are between here and the socket read it.
            self.assertEqual(podm_url.origin(url), podm_url.origin(target))
            parsed = urllib3.util.parse_url(target)
            self.assertIsNone(parsed.auth)
            expected = urllib3.util.parse_url(url)
            self.assertEqual(
                (expected.scheme, expected.host, expected.port),
                (parsed.scheme, parsed.host, parsed.port),
            )

    @settings(max_examples=400, deadline=None)
    @given(BASES, REFERENCES, REFERENCES)
    def test_a_reference_that_was_resolved_once_is_resolved_to_the_same(
        self, url: str, document: str, reference: str
    ) -> None:
        with contextlib.suppress(errors.PodManagerFailed):
            inside = exchange.local_path(url, "/redfish/v1/", document)
            path = exchange.local_path(url, inside, reference)
            self.assertEqual(path, exchange.local_path(url, "/redfish/v1/", path))
            self.assertTrue(path.startswith("/") and not path.startswith("//"), path)

    @settings(max_examples=300, deadline=None)
    @given(REFERENCES)
    def test_every_link_of_a_body_is_a_path_or_refused(self, reference: str) -> None:
        body = {"@odata.id": reference, "Members": [reference, {"@odata.id": reference}]}
        url = fake_redfish.URL
        odata.resolve(body, lambda link: exchange.local_path(url, "/redfish/v1/", link))
        for link in odata.paths_of([body, *body["Members"]]):
            for target in sent(url, link):
                self.assertEqual(podm_url.origin(url), podm_url.origin(target))

    @settings(max_examples=300, deadline=None)
    @given(REFERENCES)
    def test_the_normal_form_of_any_text_is_its_own(self, path: str) -> None:
        normal = odata.normal_path(path)
        self.assertEqual(normal, odata.normal_path(normal))
        self.assertTrue(odata.same_path(path, normal))


class TestSameOrigin(testscenarios.WithScenarios, base.TestCase):
    """What is the same scheme, host and port, however it is written."""

    scenarios = [
        (f"{url} {reference}", {"url": url, "reference": reference})
        for url, reference in [
            ("https://pod.example", "https://pod.example:443/x"),
            ("https://pod.example:443", "https://pod.example/x"),
            ("http://pod.example", "HTTP://POD.example:80/x"),
            ("https://pod.example", "https://pod.example./x"),
            ("https://pod.example", "//pod.example/x"),
            ("http://[2001:db8::1]:8443", "http://[2001:DB8:0:0::1]:8443/x"),
            ("https://xn--bcher-kva.example", "https://b\u00fccher.example/x"),
            ("https://pod.example:8443", "https://pod.example:08443/x"),
            ("https://pod.example", "x"),
            ("https://pod.example", "?x"),
            ("https://pod.example", "x@host/y"),
        ]
    ]
    url: str
    reference: str

    def test_it_is_requested_there(self) -> None:
        (target,) = sent(self.url, self.reference)
        self.assertEqual(podm_url.origin(self.url), podm_url.origin(target))
        registered = urllib.parse.urlsplit(self.url).netloc
        self.assertEqual(registered, urllib.parse.urlsplit(target).netloc, "as it is registered")


class TestOtherOrigin(testscenarios.WithScenarios, base.TestCase):
    scenarios = [
        (repr(reference), {"reference": reference})
        for reference in [
            *("http://pod.example:8443/x", "https://pod.example/x", "https://pod.example:443/x"),
            *("https://pod.example:8444/x", "https://10.0.0.5:8443/x", "//10.0.0.5/x", "///x"),
            *("https://user@pod.example:8443/x", "https://:p@pod.example:8443/x", "http:host/x"),
            *("https:/x", "https:x", "javascript:x", "file:///etc/passwd", "ftp://pod.example/x"),
            *(
                "\\\\10.0.0.5\\x",
                "/\\10.0.0.5/x",
                "\t//10.0.0.5/x",
                " //10.0.0.5/x",
                "/x\n",
                "/\x00",
            ),
            *("https://pod.example:8443\\@10.0.0.5/x", "https://10.0.0.5#@pod.example:8443/x"),
            *("https://10.0.0.5?@pod.example:8443/x", "https://pod.example:8443@10.0.0.5/x"),
            *("https://pod.example:port/x", "https://pod.example:99999/x", "https://[::1/x"),
            *("https://pod%2eexample:8443/x", "https://pod.example\u2100:8443/x", "/\ud800"),
            *("/.//10.0.0.5/x", "https://", "https://:8443/x", "https://pod.example.evil:8443/x"),
        ]
    ]
    reference: str

    def test_nothing_is_sent_and_the_error_names_both(self) -> None:
        transport = fake_redfish.Transport()
        client = fake_redfish.client(transport)
        for method in (client.get, client.post, client.delete):
            exc = self.assertRaises(errors.PodManagerFailed, method, self.reference)
            self.assertIn(fake_redfish.URL, exc.detail)
            self.assertIn(repr(self.reference), exc.detail)
            self.assertIs(False, exc.details["sent"])
        self.assertEqual([], transport.requests)


class TestLastCheck(base.TestCase):
    """Just before a request is sent, whatever has made its URL."""

    def test_a_path_that_was_not_checked_is_refused(self) -> None:
        transport = fake_redfish.Transport()
        client = fake_redfish.client(transport)
        for path in ("http://10.0.0.5/x", "//10.0.0.5/x"):
            exc = self.assertRaises(
                errors.PodManagerFailed,
                client._sender._round_trip,
                "GET",
                path,
                None,
                client._login.credential(),
                False,
                None,
            )
            self.assertIn("10.0.0.5 is another host", exc.detail)
        self.assertEqual([], transport.requests)
