# SPDX-License-Identifier: Apache-2.0

"""JSON as text."""

import datetime
import json

from tests import base
from valence import jsontext

MOMENT = datetime.datetime(2026, 2, 3, 4, 5, 6, 78)


class TestWrite(base.TestCase):
    def test_encoded_json_is_written_unchanged(self) -> None:
        stored = jsontext.Verbatim('{"cores" : 8.0}')
        self.assertEqual(b'{"is":{"cores" : 8.0}}', jsontext.write({"is": stored}))

    def test_times_are_in_utc_with_or_without_a_zone(self) -> None:
        aware = MOMENT.replace(tzinfo=datetime.UTC)
        written = json.loads(jsontext.write([MOMENT, aware, MOMENT.replace(microsecond=0)]))
        self.assertEqual([aware.isoformat()] * 2, written[:2])
        self.assertEqual("2026-02-03T04:05:06+00:00", written[2])

    def test_values_that_orjson_rejects_are_written_too(self) -> None:
        for odd in (2**70, "half \ud800 of a pair", {1: 2**64}):
            stored = jsontext.Verbatim('["stored"]')
            written = json.loads(jsontext.write([odd, stored, MOMENT]))
            self.assertEqual(json.loads(json.dumps(odd)), written[0])
            self.assertEqual([["stored"], "2026-02-03T04:05:06.000078+00:00"], written[1:])

    def test_other_objects_are_refused(self) -> None:
        self.assertRaises(TypeError, jsontext.write, {"thing": object()})
