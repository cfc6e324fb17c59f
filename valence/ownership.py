# SPDX-License-Identifier: Apache-2.0

"""Marks on resources of pod managers and Ironic that Valence created.

The Redfish Name of a composed node contains the uuid of the node, and its Description
starts with the uuid of the installation that composed it: several installations may
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
    """Return the Redfish Name of a node."""
    return f"valence-{node_uuid}"


def node_uuid_from_name(name: str | None) -> str | None:
    """Return the uuid of the node with a Redfish Name; None if Valence did not choose the Name."""
    match = _NAME.fullmatch(name or "")
    return match[1] if match else None


def description(installation: str, text: str | None) -> str:
    """Return the Redfish Description of a node: the installation, then the text of the user.

    In this order, since pod managers truncate long Descriptions.
    """
    return " ".join(filter(None, (f"[valence {installation}]", text)))


def installation_from_description(text: str | None) -> str | None:
    """Return the installation that wrote a Redfish Description; None if it does not name one."""
    match = _DESCRIPTION.match(text or "")
    return match[1] if match else None
