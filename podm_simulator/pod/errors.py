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

"""Why a pod manager does not do what it was asked.

.. code-block:: text

    PodError
     +-- Invalid       the request can never be granted
     +-- Unknown       it names something that is not there
     +-- Conflict      not now: the state or somebody else is in the way
     +-- NotSupported  a real pod manager might; this one does not
"""


class PodError(Exception):
    """Base: one sentence for the caller, who reads it in ExtendedInfo.

    :param message: what is wrong, with the values that are wrong.
    :param related: the Redfish property the sentence is about.
    """

    def __init__(self, message: str, related: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.related = related


class Invalid(PodError):
    """The request can never be granted as it stands."""


class Unknown(PodError):
    """The request names something that is not there."""


class Conflict(PodError):
    """The state of the thing, or who holds it, is in the way."""


class NotSupported(PodError):
    """The interface knows this, but this pod manager does not do it."""
