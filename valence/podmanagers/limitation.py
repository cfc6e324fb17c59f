# SPDX-License-Identifier: Apache-2.0

"""What a pod manager cannot do, so that it is not requested."""

from collections.abc import Mapping
import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Limitation:
    """Something that a pod manager cannot compose.

    :ivar section: of the properties of a node that it cannot compose; None: it composes no
        nodes at all.
    :ivar reason: a sentence whose subject is the pod manager.
    """

    section: str | None
    reason: str

    def concerns(self, properties: Mapping[str, Any]) -> bool:
        """Return whether a node with these properties cannot be composed.

        An empty section requires nothing.
        """
        return self.section is None or bool(properties.get(self.section))
