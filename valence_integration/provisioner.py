# SPDX-License-Identifier: Apache-2.0

"""Provision and destroy servers: the API for hooks and libraries."""

from collections.abc import Callable
from collections.abc import Mapping
import hashlib
import json
import time
from typing import Any
import uuid as uuids

from oslo_config import cfg
from oslo_log import log as logging

from valence_conductor import conductor
from valence_conductor import conf as conductor_conf
from valence_conductor import errors as conductor_errors
from valence_conductor import ids
from valence_conductor import waiting
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import ledger as instance_ledger
from valence_integration import requirements as integration_requirements
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks import retry_check

LOG = logging.getLogger(__name__)

#: Keys that a deployment may have.
DEPLOY_KEYS = frozenset({"instance_info", "deploy_interface", "boot_interface", "configdrive"})

#: Seconds between two reads of an instance in :meth:`Provisioner.wait`, at most.
POLL_INTERVAL = 0.2


class Provisioner:
    """Provisions and destroys instances, in this process.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. Operations that
    were running when a process ended, however it ended, are resumed at the next start.

    :param conf: groups ``[valence_integration]``, ``[valence]``, ``[ironic]``
        and ``[conductor]``; the options are registered here.
    :param ledger: an open ledger, instead of the one that ``conf`` names.
    :param submit_only: leave the flows to other processes. Rows are committed, and jobs
        are posted where a jobboard is configured; without one, the process that runs the
        flows finds the row at its next sweep.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        ledger: instance_ledger.InstanceLedger | None = None,
        *,
        submit_only: bool = False,
    ) -> None:
        integration_conf.register_opts(conf)
        conductor_conf.register_opts(conf)
        self._ledger = ledger or instance_ledger.load(conf)
        self._instances = self._ledger.instances
        self._conductor: conductor.Conductor | None = None
        if conf.conductor.jobboard or not submit_only:
            connection = instance_ledger.flows_connection(conf)
            self._conductor = conductor.from_conf(
                conf, [self._ledger], connection, runs_jobs=not submit_only
            )

    def __enter__(self) -> "Provisioner":
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Resume interrupted operations, and accept requests from now on.

        :raises AlreadyRunning: another process runs the same flows.
        """
        if self._conductor is not None:
            self._conductor.start()

    def stop(self) -> None:
        """Interrupt running operations; the next start resumes them."""
        if self._conductor is not None:
            self._conductor.stop()
        self._instances.close()

    def provision(
        self,
        *,
        name: str,
        requirements: Mapping[str, Any] | None = None,
        flavor: str | None = None,
        uuid: str | None = None,
        deploy: Mapping[str, Any] | None = None,
        project_id: str | None = None,
        user_id: str | None = None,
        podm_id: str | None = None,
    ) -> Instance:
        """Request a server; its provisioning starts at once in the background.

        The same request with the same uuid returns the same instance, however often it is
        repeated.

        :param requirements: properties in Valence's format (``processor``,
            ``memory``, ``storage``, ``network``, ``pci_device``).
        :param flavor: name or uuid of a Valence flavor, instead of requirements.
        :param uuid: of the instance; generated when omitted.
        :param deploy: ``instance_info`` and optionally ``deploy_interface``,
            ``boot_interface``, ``configdrive`` for Ironic; None leaves the node
            ``available`` and assigned to the instance.
        :param podm_id: uuid of the pod manager to compose on; Valence chooses when omitted.
        :returns: the instance, usually ``provisioning``.
        :raises InvalidRequest: the request is malformed or contradicts itself.
        :raises InvalidRequirements: the requirements cannot be composed.
        :raises InstanceDuplicate: the uuid belongs to a different request.
        """
        values = _validated(name, requirements, flavor, deploy)
        values |= {"project_id": project_id, "user_id": user_id}
        if podm_id is not None:
            values["podm_uuid"] = _uuid(podm_id)
        instance, is_new = self._instances.add(_new_row(_uuid(uuid), values))
        if is_new:
            self._submit(instance)
        return instance

    def destroy(self, uuid: str) -> Instance:
        """Request the destruction of an instance; it starts at once in the background.

        An instance that is being provisioned is cancelled, and its resources are released.
        One that is being destroyed, or is deleted, is left unchanged.

        :raises InstanceNotFound: no instance has this uuid.
        """
        instance, starting = self._instances.request_destroy(uuid)
        if starting:
            self._submit(instance)
        else:
            LOG.debug("No destroy job submitted for instance %s: it is %s", uuid, instance.state)
        return instance

    def retry(self, uuid: str, *, podm_id: str | None = None, revive: bool = False) -> Instance:
        """Provision an instance again that is in error and holds no resources any more.

        The next attempt is a new generation, with new ids in Valence and Ironic.

        :param podm_id: uuid of the pod manager for this attempt; Valence chooses when
            omitted, whatever the attempts before it requested.
        :param revive: accept a deleted instance, too: its owner requested the same server
            again under the same uuid.
        :raises InstanceNotFound: no instance has this uuid.
        :raises RetryRefused: it is not in error, or some of its resources are left.
        """
        instance = self._instances.get(uuid)
        retry_check.refuse_if_held(self._ledger.context, instance, revive=revive)
        generation = instance.generation + 1
        changes = {**ids_of(uuid, generation), "podm_uuid": podm_id and _uuid(podm_id)}
        try:
            retried = self._instances.request_retry(uuid, instance.generation, changes)
        except conductor_errors.Superseded as exc:
            raise errors.RetryRefused(
                uuid,
                [f"Another request changed it meanwhile: {exc}."],
                "Read the instance again before you repeat the request.",
            ) from exc
        self._submit(retried)
        return retried

    def get(self, uuid: str) -> Instance:
        """Return an instance, also a deleted one.

        :raises InstanceNotFound: no instance has this uuid.
        """
        return self._instances.get(uuid)

    def is_enrolled(self, uuid: str) -> bool:
        """Return whether Ironic has the node of an instance.

        :raises InstanceNotFound: no instance has this uuid.
        :raises Fault: Ironic does not respond, or refused.
        """
        ironic_uuid, ironic = self._instances.get(uuid).ironic_uuid, self._ledger.context.ironic
        return ironic_uuid is not None and not ironic.find(ironic_uuid).is_gone

    def installation(self) -> str:
        """Return the uuid that identifies this database of instances."""
        return self._instances.installation()

    def list(self) -> list[Instance]:
        """Return every instance that is not deleted, oldest first."""
        return self._instances.list(set(states.STATES) - {states.DELETED})

    def wait(
        self,
        uuid: str,
        timeout: float,
        on_progress: Callable[[Instance], object] | None = None,
    ) -> Instance:
        """Wait until no operation runs on an instance any more.

        :param timeout: seconds.
        :param on_progress: called with the instance at each change of its state
            or task.
        :returns: the instance, ``active`` or ``deleted``.
        :raises InstanceFailed: it ended in error; the exception has its fault.
        :raises InstanceTimeout: its operation is still running, and continues.
        """
        last: Instance | None = None

        def settled() -> Instance | None:
            nonlocal last
            before, last = last, self.get(uuid)
            changed = before is None or (before.state, before.task) != (last.state, last.task)
            if on_progress is not None and changed:
                on_progress(last)
            if last.state == states.ERROR:
                raise errors.InstanceFailed(last)
            return last if last.state in states.SETTLED else None

        end = time.monotonic() + timeout
        instance = waiting.poll(settled, lambda: end - time.monotonic(), interval=POLL_INTERVAL)
        if instance is None:
            raise errors.InstanceTimeout(last or self.get(uuid), timeout)
        return instance

    def _submit(self, instance: Instance) -> None:
        if self._conductor is not None:
            self._conductor.submit(instance_ledger.job_of(instance))


def ids_of(uuid: str, generation: int) -> dict[str, str]:
    """Return the ids of an instance's nodes in Valence and Ironic, known before they exist."""
    return {
        "node_uuid": ids.derive_uuid("node", uuid, generation),
        "ironic_uuid": ids.derive_uuid("ironic", uuid, generation),
    }


def _validated(
    name: str,
    requirements: Mapping[str, Any] | None,
    flavor: str | None,
    deploy: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the columns of a request.

    :raises InvalidRequest: the request is malformed or contradicts itself.
    :raises InvalidRequirements: the requirements cannot be composed.
    """
    if not _is_text(name):
        raise errors.InvalidRequest(f"name must be text of 1 to 255 characters, not {name!r}.")
    if (requirements is None) == (flavor is None):
        raise errors.InvalidRequest("Pass either requirements or a flavor.")
    if flavor is not None and not _is_text(flavor):
        raise errors.InvalidRequest(
            f"flavor must be the name or uuid of a Valence flavor, not {flavor!r}; pass "
            "properties as requirements."
        )
    properties = None
    if requirements is not None:
        properties = integration_requirements.from_properties(requirements).properties
    return {
        "name": name,
        "requirements": properties,
        "flavor": flavor,
        "deploy": None if deploy is None else _deployment(deploy),
    }


def _is_text(value: object) -> bool:
    """Return whether it has 1 to 255 characters, all of which every database can store."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    return 0 < len(value) <= 255 and value.encode(errors="ignore").decode() == value


def _deployment(deploy: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(deploy) - DEPLOY_KEYS)
    if unknown:
        raise errors.InvalidRequest(
            f"deploy has unknown keys: {', '.join(unknown)}. "
            f"The known keys are {', '.join(sorted(DEPLOY_KEYS))}."
        )
    if not isinstance(deploy.get("instance_info"), Mapping):
        raise errors.InvalidRequest("deploy requires instance_info, an object for Ironic.")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(deploy)))
    except (TypeError, ValueError) as exc:
        raise errors.InvalidRequest(f"deploy must be JSON: {exc}.") from exc
    return copy


def _uuid(uuid: str | None) -> str:
    if uuid is None:
        return str(uuids.uuid4())
    try:
        return str(uuids.UUID(uuid))
    except (ValueError, AttributeError, TypeError) as exc:
        raise errors.InvalidRequest(f"{uuid!r} is not a uuid.") from exc


def _new_row(uuid: str, values: Mapping[str, Any]) -> dict[str, Any]:
    request_json = json.dumps(values, sort_keys=True)
    return {
        **values,
        "uuid": uuid,
        "state": states.PROVISIONING,
        "operation": "provision",
        "generation": 1,
        "destroy_requested": False,
        "request_digest": hashlib.sha256(request_json.encode()).hexdigest(),
        **ids_of(uuid, 1),
    }
