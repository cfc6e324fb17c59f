# SPDX-License-Identifier: Apache-2.0

"""Reading a request."""

import io

import werkzeug
from werkzeug import test as werkzeug_test

from tests import base
from valence import errors
from valence.api import request as api_request
from valence.api.schemas import node as node_schemas


class TestBody(base.TestCase):
    def test_a_body_that_ends_early_is_not_taken_for_an_empty_one(self) -> None:
        for received in (b"", b'{"uuid'):
            environ = werkzeug_test.EnvironBuilder(method="POST").get_environ()
            environ.update({"wsgi.input": io.BytesIO(received), "CONTENT_LENGTH": "52"})
            environ["wsgi.input_terminated"] = False  # as cheroot sets it
            request = werkzeug.Request(environ)
            refused = self.assertRaises(
                errors.RequestInvalid, api_request.body_of, request, node_schemas.REGISTER, False
            )
            self.assertIn(f"{len(received)} of the 52 bytes", refused.reason)
