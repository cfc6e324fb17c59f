# SPDX-License-Identifier: Apache-2.0

"""Why a pod manager refuses a request.

.. code-block:: text

    PodError
     +-- Invalid       the request can never be granted
     +-- Unknown       it names something that does not exist
     +-- Conflict      the state or another holder prevents it now
     +-- NotSupported  a real pod manager may support it; this one does not
"""


class PodError(Exception):
    """Base class; the caller gets the message in ExtendedInfo.

    :param message: one sentence: what is wrong, with the wrong values.
    :param related: the Redfish property that it is about.
    """

    def __init__(self, message: str, related: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.related = related


class Invalid(PodError):
    """The request can never be granted as it stands."""


class Unknown(PodError):
    """The request names something that does not exist."""


class Conflict(PodError):
    """The state of the resource, or its holder, prevents the request now."""


class NotSupported(PodError):
    """The API defines this, but this pod manager does not support it."""
