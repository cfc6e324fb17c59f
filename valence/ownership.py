# SPDX-License-Identifier: Apache-2.0

"""The marks by which what we made elsewhere is known again.

A composed node bears its uuid in its Redfish Name, and in front of its
Description the uuid of the installation that made it: several installations may
share a pod manager. An Ironic node has both in its ``extra``.
"""

import re

#: Keys in ``extra`` of an Ironic node.
NODE_KEY = "valence_node"
INSTALLATION_KEY = "valence_installation"

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(f"valence-({_UUID})")
_DESCRIPTION = re.compile(rf"\[valence ({_UUID})\]")


def node_name(node_uuid: str) -> str:
    """Give the Redfish Name of a node."""
    return f"valence-{node_uuid}"


def node_uuid_from_name(words: str | None) -> str | None:
    """Tell the uuid of the node that bears a Redfish Name; None: it is none of Valence's."""
    found = _NAME.fullmatch(words or "")
    return found[1] if found else None


def description(installation: str, words: str | None) -> str:
    """Give the Redfish Description of a node: our mark, then the user's words.

    In this order, since pod managers cut what is long.
    """
    return " ".join(filter(None, (f"[valence {installation}]", words)))


def installation_from_description(words: str | None) -> str | None:
    """Tell which installation wrote a Redfish Description; None: it is not known."""
    found = _DESCRIPTION.match(words or "")
    return found[1] if found else None
