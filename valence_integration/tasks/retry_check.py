# SPDX-License-Identifier: Apache-2.0

"""Whether an instance that failed may be provisioned anew."""

from collections.abc import Callable
from collections.abc import Iterator

from valence_conductor import errors as conductor_errors
from valence_integration import errors
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks.context import Tools


def refuse_if_held(tools: Tools, instance: Instance, *, revive: bool = False) -> None:
    """See that an instance is in error, and that nothing of it is left anywhere.

    The row says so, and Valence and Ironic answer that they do not know its ids:
    the next attempt has ids of its own, and would leave behind what bears these.

    :param revive: whether one that is deleted will do, too.
    :raises RetryRefused: with everything that stands in the way.
    """
    if instance.state not in (states.RETRIED if revive else {states.ERROR}):
        raise errors.RetryRefused(
            instance.uuid,
            [f"It is {instance.state}: only one in error is."],
            "Nothing was changed.",
        )
    obstacles = list(_obstacles(tools, instance))
    if obstacles:
        held = any(is_held for _words, is_held in obstacles)
        advice = (
            "Destroy it first, and then ask for another one."
            if held
            else "Try again when it is known that nothing is left."
        )
        raise errors.RetryRefused(instance.uuid, [words for words, _held in obstacles], advice)


def _obstacles(tools: Tools, instance: Instance) -> Iterator[tuple[str, bool]]:
    """Say what stands in the way, and whether it is something that is held."""
    if instance.composed:
        yield "It still stands on hardware that was composed for it.", True
    questions: tuple[tuple[str, str | None, Callable[[str], str | None]], ...] = (
        ("Valence", instance.node_uuid, lambda uuid: _in_valence(tools, uuid)),
        ("Ironic", instance.ironic_uuid, lambda uuid: _in_ironic(tools, uuid)),
    )
    for who, uuid, ask in questions:
        try:
            state = ask(uuid) if uuid is not None else None
        except conductor_errors.Fault as exc:
            yield f"{who} does not say whether it still has its node {uuid}: {exc}", False
            continue
        if state is not None:
            yield f"{who} still has its node {uuid} ({state}).", True


def _in_valence(tools: Tools, uuid: str) -> str | None:
    node = tools.valence.find(uuid)
    return None if node is None else node.state


def _in_ironic(tools: Tools, uuid: str) -> str | None:
    node = tools.ironic.find(uuid)
    return None if node.is_gone else node.provision_state
