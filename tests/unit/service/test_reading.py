# SPDX-License-Identifier: Apache-2.0

"""Reading a request."""

import io
from typing import Any

from oslo_config import cfg
import werkzeug
from werkzeug import test as werkzeug_test

from tests import base
from valence import conf as service_conf
from valence import errors
from valence.api import middleware
from valence.api import request as api_request
from valence.api.schemas import node as node_schemas


class TestBody(base.TestCase):
    def test_a_body_that_ends_early_is_not_taken_for_an_empty_one(self) -> None:
        for received in (b"", b'{"uuid'):
            environ = werkzeug_test.EnvironBuilder(method="POST").get_environ()
            environ.update({"wsgi.input": io.BytesIO(received), "CONTENT_LENGTH": "52"})
            environ["wsgi.input_terminated"] = False  # as servers set it that do not end the body
            request = werkzeug.Request(environ)
            refused = self.assertRaises(
                errors.RequestInvalid, api_request.body_of, request, node_schemas.REGISTER, False
            )
            self.assertIn(f"{len(received)} of the 52 bytes", refused.reason)


class TestContentLength(base.TestCase):
    """The lengths that another WSGI server may pass on."""

    def pass_on(self, **environ: Any) -> None:
        conf = cfg.ConfigOpts()
        service_conf.register_opts(conf)
        conf([])
        app = middleware.content_length(lambda _environ, _start: [b"passed"], conf)
        self.assertEqual([b"passed"], app(environ, None))

    def test_a_number_of_bytes_is_passed_on(self) -> None:
        for length in ("", "0", "60", "1048576"):
            self.pass_on(CONTENT_LENGTH=length)
        self.pass_on(HTTP_TRANSFER_ENCODING="chunked")

    def test_every_other_length_is_refused(self) -> None:
        for length in ("+60", "6_0", "-1", "1, 1", " 1", "1\n", "\u0661", "\u00b2"):
            self.assertRaises(errors.RequestInvalid, self.pass_on, CONTENT_LENGTH=length)
        both = {"CONTENT_LENGTH": "3", "HTTP_TRANSFER_ENCODING": "chunked"}
        self.assertRaises(errors.RequestInvalid, self.pass_on, **both)

    def test_a_length_beyond_the_limit_is_refused(self) -> None:
        for length in ("9" * 19, "9" * 5000):
            self.assertRaises(errors.BodyTooLarge, self.pass_on, CONTENT_LENGTH=length)
