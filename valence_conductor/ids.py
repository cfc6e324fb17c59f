# SPDX-License-Identifier: Apache-2.0

"""Identifiers that every process derives alike, and the name of this process."""

import os
import socket
import uuid

#: The namespace of every uuid that Valence derives.
NAMESPACE = uuid.UUID("6f1c1f0e-6d3b-5a0c-9d53-3b0a5f8c7a11")


def derive_uuid(kind: str, of: str, generation: int) -> str:
    """Return the uuid of an object that belongs to one generation of a row.

    :param kind: of the object: ``node``, ``ironic``, ``book``, ...
    :param of: uuid of the row it belongs to.
    :param generation: number of the user's attempt; a recovery never changes it.
    :returns: a uuid5, the same in every process and at every time.
    """
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{of}/{generation}"))


def process_name() -> str:
    """Return the name of this process: its host and its process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
