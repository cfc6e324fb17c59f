# SPDX-License-Identifier: Apache-2.0

"""Check whether an instance that failed may be provisioned again."""

from collections.abc import Callable
from collections.abc import Iterator

from valence_conductor import errors as conductor_errors
from valence_integration import errors
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks.context import Context


def refuse_if_held(context: Context, instance: Instance, *, revive: bool = False) -> None:
    """Raise unless an instance is in error and none of its resources is left.

    The row must say so, and Valence and Ironic must respond that they do not have its
    nodes: the next attempt has new ids, and would leave nodes under the old ones behind.

    :param revive: whether a deleted instance is accepted, too.
    :raises RetryRefused: with every obstacle.
    """
    if instance.state not in (states.RETRYABLE if revive else {states.ERROR}):
        raise errors.RetryRefused(
            instance.uuid,
            [f"It is {instance.state}; only an instance in error can be."],
            "Nothing was changed.",
        )
    obstacles = list(_obstacles(context, instance))
    if obstacles:
        holds_resources = any(held for _sentence, held in obstacles)
        advice = (
            "Destroy it first, then request another instance."
            if holds_resources
            else "Try again when both services respond."
        )
        raise errors.RetryRefused(
            instance.uuid, [sentence for sentence, _held in obstacles], advice
        )


def _obstacles(context: Context, instance: Instance) -> Iterator[tuple[str, bool]]:
    """Yield a sentence for each obstacle, and whether it is a resource that is still held."""
    if instance.composed:
        yield "Hardware is still composed for it.", True
    checks: tuple[tuple[str, str | None, Callable[[str], str | None]], ...] = (
        ("Valence", instance.node_uuid, lambda uuid: _state_in_valence(context, uuid)),
        ("Ironic", instance.ironic_uuid, lambda uuid: _state_in_ironic(context, uuid)),
    )
    for service, uuid, read_state in checks:
        try:
            state = read_state(uuid) if uuid is not None else None
        except conductor_errors.Fault as exc:
            yield f"It is unknown whether {service} still has its node {uuid}: {exc}", False
            continue
        if state is not None:
            yield f"{service} still has its node {uuid} ({state}).", True


def _state_in_valence(context: Context, uuid: str) -> str | None:
    node = context.valence.find(uuid)
    return None if node is None else node.state


def _state_in_ironic(context: Context, uuid: str) -> str | None:
    node = context.ironic.find(uuid)
    return None if node.is_gone else node.provision_state
