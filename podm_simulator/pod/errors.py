# SPDX-License-Identifier: Apache-2.0

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
