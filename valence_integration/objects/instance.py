# SPDX-License-Identifier: Apache-2.0

"""An instance: one server that somebody asked for."""

import datetime
from typing import Any

from oslo_utils import versionutils
from oslo_versionedobjects import fields

from valence_integration.db import models
from valence_integration.objects import base
from valence_integration.states import STATES


@base.IntegrationObjectRegistry.register
class Instance(base.IntegrationObject):
    """What is known of a server, whoever asked for it: Nova, Mogan, a library.

    Version 1.0: the first.
    Version 1.1: ``conductor``.

    :ivar state: one of :data:`valence_integration.states.STATES`.
    :ivar task: the task that runs, ``undo ...`` while it is being undone.
    :ivar conductor: the process that works on it, or did so last; None while nobody
        has taken up what was asked for.
    :ivar generation: attempt of the user; a recovery never changes it.
    :ivar operation: what was asked for last, ``provision`` or ``destroy``.
    :ivar composed: whether it stands on hardware composed for it; None in rows
        older than the field, which is to be read as no.
    :ivar requirements: properties to compose, as Valence has them.
    :ivar flavor: the Valence flavor to compose, instead of requirements.
    :ivar deploy: what Ironic is to deploy; None leaves the node ``available``.
    :ivar node_uuid: composed node in Valence; known before it is asked for.
    :ivar ironic_uuid: node in Ironic; known before it is asked for.
    :ivar podm_uuid: pod manager that it stands on; before it is composed, the one that
        it is to stand on, and None where Valence chooses.
    :ivar fault: why the last operation failed: ``code``, ``detail`` (a
        sentence), ``reason`` (the peer's own words), ``operation``, ``task``,
        ``at``.
    """

    VERSION = "1.1"

    # What the fields below are to a type checker.
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

    @classmethod
    def from_row(cls, row: models.InstanceRow) -> "Instance":
        """Make the object that a row describes."""
        instance = cls(**{name: getattr(row, name) for name in cls.fields})
        instance.obj_reset_changes()
        return instance

    def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
        """Leave out of a primitive what an older version does not have."""
        super().obj_make_compatible(primitive, target_version)
        if versionutils.convert_version_to_tuple(target_version) < (1, 1):
            primitive.pop("conductor", None)

    @property
    def since(self) -> datetime.datetime:
        """Tell when it came to the task that it is at, or else to its state."""
        return self.task_since or self.updated_at or self.created_at

    @property
    def is_composed(self) -> bool:
        """Tell whether it stands on hardware composed for it."""
        return self.composed is True
