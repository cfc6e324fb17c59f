# SPDX-License-Identifier: Apache-2.0

"""By which facts a node of Ironic is recognized as that of a composed node."""

from collections.abc import Mapping
import dataclasses
from typing import Any
import urllib.parse

from valence import errors
from valence import ownership


@dataclasses.dataclass(frozen=True)
class Identity:
    """The facts that Ironic and Valence have in common about one node.

    The uuid alone does not suffice: another client may have created a node under it. The
    composed node in ``extra`` must be this one, and no other fact may contradict.

    :ivar uuid: in Ironic.
    :ivar valence_node: uuid of the composed node.
    :ivar installation: uuid of this installation; None: not compared. Nodes that older
        releases registered have no installation in ``extra``.
    """

    uuid: str
    valence_node: str
    installation: str | None = None

    @property
    def extra(self) -> dict[str, str]:
        """The facts that are stored in ``extra`` of the node in Ironic."""
        marks = {
            ownership.NODE_KEY: self.valence_node,
            ownership.INSTALLATION_KEY: self.installation,
        }
        return {key: value for key, value in marks.items() if value is not None}

    def verify(self, node: Any) -> None:
        """Return if a node of Ironic is the node of this identity.

        :raises IronicRefused: it is not; the facts that disagree are in the sentence.
        """
        extra = getattr(node, "extra", None)
        extra = extra if isinstance(extra, Mapping) else {}
        disagreeing = [
            f"extra.{key} is {extra.get(key)!r} and not {value!r}"
            for key, value in self.extra.items()
            if extra.get(key) != value
            and (key == ownership.NODE_KEY or extra.get(key) not in (None, ""))
        ]
        if disagreeing:
            raise errors.IronicRefused(
                f"Ironic node {self.uuid} does not stand for node {self.valence_node}: "
                f"{'; '.join(disagreeing)}. It was not changed. If it is the same machine, "
                "correct these fields in Ironic and try again; otherwise choose another uuid.",
                shown=f"The uuid {self.uuid} is in use in Ironic. Choose another one.",
                ironic_node=self.uuid,
                ours=False,
            )


def is_same_system(driver_info: Any, other: Mapping[str, Any]) -> bool:
    """Return whether two ``driver_info`` of the redfish driver certainly lead to one system."""
    if not isinstance(driver_info, Mapping):
        return False
    systems = [_path(each.get("redfish_system_id")) for each in (driver_info, other)]
    addresses = [_address(each.get("redfish_address")) for each in (driver_info, other)]
    return (
        None not in (*systems, *addresses)
        and systems[0] == systems[1]
        and addresses[0] == addresses[1]
    )


def _path(value: Any) -> str | None:
    return urllib.parse.unquote(value).rstrip("/") if value and isinstance(value, str) else None


def _address(value: Any) -> tuple[str, str, str] | None:
    """Return scheme, authority and path; Ironic takes an address without a scheme for https."""
    if not value or not isinstance(value, str):
        return None
    text = value if "://" in value else f"https://{value}"
    parts = urllib.parse.urlsplit(text.lower())
    default = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return parts.scheme, parts.netloc.removesuffix(default), parts.path.rstrip("/")
