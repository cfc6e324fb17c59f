# SPDX-License-Identifier: Apache-2.0

"""Marks on resources of pod managers and Ironic that Valence created.

The Redfish Name of a composed node contains the uuid of the node, and its Description
starts with the uuid of the installation that composed it, since several installations may
share a pod manager, and then that of the node, since some pod managers keep no Names. An
Ironic node has both in its ``extra``.
"""

import dataclasses
import re

#: Keys in ``extra`` of an Ironic node.
NODE_KEY = "valence_node"
INSTALLATION_KEY = "valence_installation"

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
#: Some pod managers add a number to a Name, so that it is unique.
_NAME = re.compile(f"valence-({_UUID})(?![0-9a-f])", re.IGNORECASE)
_NAME_PART = re.compile("valence-[0-9a-f]{7}[0-9a-f-]{0,28}", re.IGNORECASE)
_DESCRIPTION = re.compile(rf"\[valence ({_UUID})\](?: \[node ({_UUID})\])?", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Mark:
    """What the Description of a node that Valence composed starts with.

    :ivar node: uuid of the node; None: a release of Valence composed it that did not
        write it, or the pod manager cut it off.
    """

    installation: str
    node: str | None


def node_name(node_uuid: str) -> str:
    """Return the Redfish Name of a node."""
    return f"valence-{node_uuid}"


def node_uuid_from_name(name: str | None) -> str | None:
    """Return the uuid of the node with a Redfish Name; None if Valence did not choose the Name.

    What follows the uuid does not matter.
    """
    match = _NAME.match(name or "")
    return match[1].lower() if match else None


def is_part_of_name(name: str | None) -> bool:
    """Return whether a Redfish Name is one that Valence chose, with its end cut off."""
    return _NAME_PART.fullmatch((name or "").rstrip()) is not None


def description(installation: str, node_uuid: str, text: str | None = None) -> str:
    """Return the Redfish Description of a node: its mark, then the text of the user.

    In this order, since pod managers truncate long Descriptions.
    """
    return " ".join(filter(None, (f"[valence {installation}]", f"[node {node_uuid}]", text)))


def mark_from_description(text: str | None) -> Mark | None:
    """Return the mark in a Redfish Description; None if it has none."""
    match = _DESCRIPTION.match(text or "")
    if match is None:
        return None
    return Mark(match[1].lower(), match[2].lower() if match[2] else None)


def installation_from_description(text: str | None) -> str | None:
    """Return the installation that wrote a Redfish Description; None if it does not name one."""
    mark = mark_from_description(text)
    return mark.installation if mark else None
