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

"""Text of JSON that every database takes: PostgreSQL refuses NUL, and so does all of Valence."""

import re

#: NUL as JSON writes it, behind what is no beginning of it.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def has_nul(document: str) -> bool:
    """Tell whether a string in a document of JSON, as it is written, has a NUL."""
    return _NUL.search(document) is not None


def without_nul(document: str) -> str:
    """Leave every NUL out of the strings of a document of JSON."""
    return _NUL.sub(r"\1", document)
