# SPDX-License-Identifier: Apache-2.0

"""An instance: one server that was requested."""

import datetime
from typing import Any

from oslo_utils import versionutils
from oslo_versionedobjects import fields

from valence_integration.objects import base
from valence_integration.states import STATES


@base.IntegrationObjectRegistry.register
class Instance(base.IntegrationObject):
    """One server, whether Nova, Mogan or a library requested it.

    Version 1.0: the first.
    Version 1.1: ``conductor``.

    :ivar state: one of :data:`valence_integration.states.STATES`.
    :ivar task: the task that runs, ``undo ...`` while it is being reverted.
    :ivar conductor: the process that runs the operation, or ran it last; None until a
        conductor has started it.
    :ivar generation: number of the attempt; a restart never changes it.
    :ivar operation: the last requested operation, ``provision`` or ``destroy``.
    :ivar composed: whether hardware is composed for it; None, in rows older than the
        field, means no.
    :ivar requirements: properties to compose, in Valence's format.
    :ivar flavor: the Valence flavor to compose, instead of requirements.
    :ivar deploy: what Ironic is to deploy; None leaves the node ``available``.
    :ivar node_uuid: uuid of the composed node in Valence; chosen before it is requested.
    :ivar ironic_uuid: uuid of the node in Ironic; chosen before it is requested.
    :ivar podm_uuid: pod manager of the composed node; before it is composed, the requested
        pod manager, and None where Valence chooses.
    :ivar fault: why the last operation failed: ``code``, ``detail`` (a sentence: the first
        cause), ``reason`` (the text of the peer's error), ``operation``, ``error`` (the name
        of the exception), ``at``, and ``cleanup`` of a failed provision (None of a failed
        destroy): ``result`` is ``done`` when every resource was released, ``pending`` while
        a destroy flow releases them, ``failed`` when that flow failed, and ``detail`` then
        says why. ``given_back`` is true when the result is ``done``.
    """

    VERSION = "1.1"

    # The types of the fields below, for type checkers.
    uuid: str
    name: str
    project_id: str | None
    user_id: str | None
    state: str
    operation: str
    task: str | None
    task_since: datetime.datetime | None
    conductor: str | None
    generation: int
    destroy_requested: bool
    composed: bool | None
    requirements: dict[str, Any] | None
    flavor: str | None
    deploy: dict[str, Any] | None
    node_uuid: str | None
    ironic_uuid: str | None
    podm_uuid: str | None
    fault: dict[str, Any] | None
    created_at: datetime.datetime
    updated_at: datetime.datetime | None

    fields = {
        "uuid": fields.UUIDField(),
        "name": fields.StringField(),
        "project_id": fields.StringField(nullable=True),
        "user_id": fields.StringField(nullable=True),
        "state": fields.EnumField(valid_values=STATES),
        "operation": fields.StringField(),
        "task": fields.StringField(nullable=True),
        "task_since": fields.DateTimeField(nullable=True),
        "conductor": fields.StringField(nullable=True),
        "generation": fields.IntegerField(),
        "destroy_requested": fields.BooleanField(),
        "composed": fields.BooleanField(nullable=True),
        "requirements": base.JsonField(nullable=True),
        "flavor": fields.StringField(nullable=True),
        "deploy": base.JsonField(nullable=True),
        "node_uuid": fields.UUIDField(nullable=True),
        "ironic_uuid": fields.UUIDField(nullable=True),
        "podm_uuid": fields.UUIDField(nullable=True),
        "fault": base.JsonField(nullable=True),
        "created_at": fields.DateTimeField(),
        "updated_at": fields.DateTimeField(nullable=True),
    }

    def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
        """Remove the fields that an older version does not have from a primitive."""
        super().obj_make_compatible(primitive, target_version)
        if versionutils.convert_version_to_tuple(target_version) < (1, 1):
            primitive.pop("conductor", None)

    @property
    def since(self) -> datetime.datetime:
        """Return when its present task began, or else when it entered its state."""
        return self.task_since or self.updated_at or self.created_at

    @property
    def is_composed(self) -> bool:
        """Return whether hardware is composed for it."""
        return self.composed is True
