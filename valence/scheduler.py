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


"""Which pod managers may compose a node, and in which order they are asked."""

from collections.abc import Sequence

from valence import errors
from valence.objects import base
from valence.objects import node as nodes
from valence.objects import podmanager
from valence_conductor import database

Refusals = Sequence[tuple[podmanager.PodManager, errors.ValenceError]]


def candidates(db: database.Database, row: nodes.Node) -> Sequence[podmanager.PodManager]:
    """List the pod managers that may compose a node, the best first.

    The one that the request names, and no other; or else all, those that were
    well when last asked before the others, and of them the one with the fewest
    nodes. One that was ill comes last, because it may be well again.

    :raises NoPodManager: there is none, or none that is enabled.
    """
    if row.podm_asked is not None:
        known: Sequence[podmanager.PodManager] = [podmanager.get(db, row.podm_asked)]
    else:
        known, _ = podmanager.page(db, base.Query())
    if not known:
        raise nobody_there()
    names = ", ".join(podm.name for podm in known[:10])
    known = [podm for podm in known if podm.enabled]
    if not known:
        raise errors.NoPodManager(
            f"Nodes are not composed on {names} at present: disabled. Enable a pod manager "
            "(PATCH enabled), or compose on another."
        )
    load = nodes.load(db)
    return sorted(
        known, key=lambda podm: (podm.status != "online", load.get(podm.uuid, 0), podm.name)
    )


def nobody_there() -> errors.NoPodManager:
    """Say that no pod manager is known at all."""
    return errors.NoPodManager(
        "No pod manager is known that could compose. Register one with POST /v1/podmanagers."
    )


def verdict(refusals: Refusals) -> errors.ValenceError:
    """Say why nobody composes a node: one's own words, or those of each."""
    if len(refusals) == 1:
        return refusals[0][1]
    said = {podm.name: error.own_words or error.detail for podm, error in refusals}
    return errors.NoPodManager(
        f"None of {len(said)} pod managers can compose this. See why each refused; ask for less, "
        "or release nodes.",
        reason="; ".join(f"{name}: {words}" for name, words in said.items()),
        refusals=said,
    )
