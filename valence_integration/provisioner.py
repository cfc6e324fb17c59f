# SPDX-License-Identifier: Apache-2.0

"""Ask for servers, and have them destroyed: what hooks and libraries call."""

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
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import ledger as instance_ledger
from valence_integration import requirements as requirement_table
from valence_integration import states
from valence_integration.objects.instance import Instance
from valence_integration.tasks import retry_check

LOG = logging.getLogger(__name__)

#: What a deployment may say.
DEPLOY_KEYS = frozenset({"instance_info", "deploy_interface", "boot_interface", "configdrive"})

#: Seconds between two looks of somebody who waits.
LOOK = 0.2


class Provisioner:
    """Provisions and destroys instances, in this process.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. What was
    under way when a process ended, however it ended, goes on at the next start.

    :param conf: groups ``[valence_integration]``, ``[valence]``, ``[ironic]``
        and ``[conductor]``; the options are registered here.
    :param ledger: opened already, instead of the one that ``conf`` names.
    :param beside: leave the work to the process, or processes, that do it. Rows
        are committed, and jobs are posted where there is a jobboard; without
        one, the process that works finds the row at its next sweep.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        ledger: instance_ledger.InstanceLedger | None = None,
        *,
        beside: bool = False,
    ) -> None:
        integration_conf.register_opts(conf)
        conductor_conf.register_opts(conf)
        self._ledger = ledger or instance_ledger.load(conf)
        self._instances = self._ledger.instances
        self._conductor: conductor.Conductor | None = None
        if conf.conductor.jobboard or not beside:
            self._conductor = conductor.from_conf(
                conf, [self._ledger], instance_ledger.flows_connection(conf), runs_jobs=not beside
            )

    def __enter__(self) -> "Provisioner":
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Resume what is under way, and begin to take requests.

        :raises AlreadyRunning: another process works on the same flows.
        """
        if self._conductor is not None:
            self._conductor.start()

    def stop(self) -> None:
        """Leave what is under way; the next start goes on with it."""
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
        """Ask for a server; the work begins at once and goes on by itself.

        The same request under the same uuid is the same instance, however often
        it is made.

        :param requirements: properties as Valence has them (``processor``,
            ``memory``, ``storage``, ``network``, ``pci_device``).
        :param flavor: name or uuid of a Valence flavor, instead of requirements.
        :param uuid: of the instance; made here when not given.
        :param deploy: ``instance_info`` and at will ``deploy_interface``,
            ``boot_interface``, ``configdrive`` for Ironic; None leaves the node
            ``available``, given to the instance.
        :param podm_id: uuid of the pod manager to compose on; Valence chooses when not given.
        :returns: the instance, as a rule ``provisioning``.
        :raises InvalidRequest: the request makes no sense.
        :raises InvalidRequirements: the requirements cannot be.
        :raises InstanceDuplicate: the uuid belongs to a different request.
        """
        wanted = _request(name, requirements, flavor, deploy)
        wanted |= {"project_id": project_id, "user_id": user_id}
        if podm_id is not None:
            wanted["podm_uuid"] = _uuid(podm_id)
        instance, fresh = self._instances.add(_new_row(_uuid(uuid), wanted))
        if fresh:
            self._submit(instance)
        return instance

    def destroy(self, uuid: str) -> Instance:
        """Have an instance destroyed; the work begins at once and goes on by itself.

        One that is being provisioned is told to stop and is given back. One that
        is being destroyed, or is deleted, is left as it is.

        :raises InstanceNotFound: there is no such instance.
        """
        instance, starting = self._instances.request_destroy(uuid)
        if starting:
            self._submit(instance)
        else:
            LOG.debug("instance %s is %s; it is destroyed in time", uuid, instance.state)
        return instance

    def retry(self, uuid: str, *, podm_id: str | None = None, revive: bool = False) -> Instance:
        """Provision an instance anew that is in error and holds nothing any more.

        The next attempt is a new generation, with new ids in Valence and Ironic.

        :param podm_id: uuid of the pod manager for this attempt; Valence chooses when
            not given, whatever the attempts before it asked for.
        :param revive: take one that is deleted, too: a server that its owner was asked
            to build again under the same uuid.
        :raises InstanceNotFound: there is no such instance.
        :raises RetryRefused: it is not in error, or something of it is left behind.
        """
        instance = self._instances.get(uuid)
        retry_check.refuse_if_held(self._ledger.toolbox, instance, revive=revive)
        generation = instance.generation + 1
        changes = {**ids_of(uuid, generation), "podm_uuid": podm_id and _uuid(podm_id)}
        try:
            fresh = self._instances.request_retry(uuid, instance.generation, changes)
        except conductor_errors.Superseded as exc:
            raise errors.RetryRefused(
                uuid, [f"Somebody was faster: {exc}."], "Look again."
            ) from exc
        self._submit(fresh)
        return fresh

    def get(self, uuid: str) -> Instance:
        """Read an instance, deleted ones too.

        :raises InstanceNotFound: there is no such instance.
        """
        return self._instances.get(uuid)

    def is_enrolled(self, uuid: str) -> bool:
        """Tell whether Ironic has the node of an instance.

        :raises InstanceNotFound: there is no such instance.
        :raises Fault: Ironic does not say.
        """
        ironic_uuid, ironic = self._instances.get(uuid).ironic_uuid, self._ledger.toolbox.ironic
        return ironic_uuid is not None and not ironic.find(ironic_uuid).is_gone

    def installation(self) -> str:
        """Tell the uuid by which the database of instances is told from every other."""
        return self._instances.installation()

    def list(self) -> list[Instance]:
        """Read every instance that is not deleted, oldest first."""
        return self._instances.list(set(states.STATES) - {states.DELETED})

    def wait(
        self,
        uuid: str,
        timeout: float,
        on_progress: Callable[[Instance], object] | None = None,
    ) -> Instance:
        """Wait until nothing happens to an instance any more.

        :param timeout: seconds.
        :param on_progress: called with the instance at each change of its state
            or task.
        :returns: the instance, ``active`` or ``deleted``.
        :raises InstanceFailed: it ended in error; the exception says why.
        :raises InstanceTimeout: it is still on its way; the work goes on.
        """
        until = time.monotonic() + timeout
        told: tuple[str, str | None] | None = None
        while True:
            instance = self.get(uuid)
            now = (instance.state, instance.task)
            if on_progress is not None and now != told:
                on_progress(instance)
            told = now
            if instance.state == states.ERROR:
                raise errors.InstanceFailed(instance)
            if instance.state in states.SETTLED:
                return instance
            if time.monotonic() >= until:
                raise errors.InstanceTimeout(instance, timeout)
            time.sleep(LOOK)

    def _submit(self, instance: Instance) -> None:
        if self._conductor is not None:
            self._conductor.submit(instance_ledger.job_of(instance))


def ids_of(uuid: str, generation: int) -> dict[str, str]:
    """Derive the ids under which an instance is made elsewhere, known before it is."""
    return {
        "node_uuid": ids.derive_uuid("node", uuid, generation),
        "ironic_uuid": ids.derive_uuid("ironic", uuid, generation),
    }


def _request(
    name: str,
    requirements: Mapping[str, Any] | None,
    flavor: str | None,
    deploy: Mapping[str, Any] | None,
) -> dict[str, Any]:
    if not _is_text(name):
        raise errors.InvalidRequest(f"name is text of 1 to 255 characters, and not {name!r}.")
    if (requirements is None) == (flavor is None):
        raise errors.InvalidRequest("Give either requirements or a flavor.")
    if flavor is not None and not _is_text(flavor):
        raise errors.InvalidRequest(
            f"flavor is the name or uuid of a Valence flavor, and not {flavor!r}; properties "
            "are given as requirements."
        )
    properties = None
    if requirements is not None:
        properties = requirement_table.from_properties(requirements).properties
    return {
        "name": name,
        "requirements": properties,
        "flavor": flavor,
        "deploy": None if deploy is None else _deployment(deploy),
    }


def _is_text(value: object) -> bool:
    """Tell whether it has 1 to 255 characters, and every database takes each of them."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    return 0 < len(value) <= 255 and value.encode(errors="ignore").decode() == value


def _deployment(deploy: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(deploy) - DEPLOY_KEYS)
    if unknown:
        raise errors.InvalidRequest(
            f"deploy has no {', '.join(unknown)}; it has {', '.join(sorted(DEPLOY_KEYS))}."
        )
    if not isinstance(deploy.get("instance_info"), Mapping):
        raise errors.InvalidRequest("deploy needs instance_info, an object for Ironic.")
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(deploy)))
    except (TypeError, ValueError) as exc:
        raise errors.InvalidRequest(f"deploy is JSON: {exc}.") from exc
    return copied


def _uuid(uuid: str | None) -> str:
    if uuid is None:
        return str(uuids.uuid4())
    try:
        return str(uuids.UUID(uuid))
    except (ValueError, AttributeError, TypeError) as exc:
        raise errors.InvalidRequest(f"{uuid!r} is not a uuid.") from exc


def _new_row(uuid: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    words = json.dumps(wanted, sort_keys=True)
    return {
        **wanted,
        "uuid": uuid,
        "state": states.PROVISIONING,
        "operation": "provision",
        "generation": 1,
        "destroy_requested": False,
        "request_digest": hashlib.sha256(words.encode()).hexdigest(),
        **ids_of(uuid, 1),
    }
