# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Reading a request."""

import io

import werkzeug
from werkzeug import test as werkzeug_test

from tests import base
from valence import errors
from valence import reading
from valence.schemas import node as node_schemas


class TestBody(base.TestCase):
    def test_a_body_whose_sender_died_on_the_way_is_not_taken_for_none(self) -> None:
        for arrived in (b"", b'{"uuid'):
            environ = werkzeug_test.EnvironBuilder(method="POST").get_environ()
            environ.update({"wsgi.input": io.BytesIO(arrived), "CONTENT_LENGTH": "52"})
            environ["wsgi.input_terminated"] = False  # as cheroot says it
            request = werkzeug.Request(environ)
            refused = self.assertRaises(
                errors.RequestInvalid, reading.body_of, request, node_schemas.REGISTER, False
            )
            self.assertIn(f"{len(arrived)} of the 52 bytes", refused.reason)
