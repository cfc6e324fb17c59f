# SPDX-License-Identifier: Apache-2.0

"""What one nova-compute works with: its configuration, Valence, Ironic and the plugin."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence_conductor import errors as conductor_errors
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration.nova import computenode
from valence_integration.nova import conf as nova_conf
from valence_integration.nova import servers as life
from valence_integration.nova.capacity import Capacity
from valence_integration.nova.missing import Presence
from valence_integration.objects.instance import Instance
from valence_integration.peers import clients
from valence_integration.peers.ironic import IronicNodes
from valence_integration.provisioner import Provisioner
from valenceclient import errors as client_errors

LOG = logging.getLogger(__name__)


class CannotStart(Exception):
    """Something without which no server could be built is missing; says what to do."""


@dataclasses.dataclass(frozen=True)
class Service:
    """The live objects of one nova-compute."""

    options: Any
    groups: Mapping[str, list[str]]
    ironic: IronicNodes
    capacity: Capacity
    presence: Presence
    provisioner: Provisioner
    servers: life.Servers

    def compute_nodes(self) -> dict[str, computenode.ComputeNode]:
        """List the compute nodes of this process, by name.

        :raises ValenceError: Valence did not answer, and never has.
        """
        pods = self.capacity.look().pods
        return computenode.of(pods, self.options.pod_managers, self.groups)

    def rows(self) -> list[Instance]:
        """List the servers that this process owns and that are not deleted."""
        return [row for row in self.provisioner.list() if row.podm_uuid in self._pods()]

    def elsewhere(self, refused: Mapping[str, Any], flavor: str | None) -> tuple[int, list[str]]:
        """Tell how many compute nodes refused, and the uuids of those that may not.

        They are those of every nova-compute, if there is one for them.

        :param refused: by uuids of pod managers.
        :param flavor: uuid; None for nodes that are composed from properties.
        """
        look = self.capacity.look()
        nodes = computenode.of(look.pods, (), self.groups).values()
        tried = [node for node in nodes if any(pod in refused for pod in node.pods)]
        others = [
            node.uuid
            for node in nodes
            if node not in tried
            and any(look.is_well(pod) and self.capacity.room(pod, flavor) for pod in node.pods)
        ]
        return len(tried), others

    def _pods(self) -> set[str]:
        return {pod for node in self.compute_nodes().values() for pod in node.pods}


def open_(conf: cfg.ConfigOpts) -> Service:
    """Open everything that group ``[valence]`` leads to, and see that it answers.

    :param conf: Nova's own; the plugin's is read from the files that it names.
    :raises CannotStart: one part cannot be reached at all, or is not configured.
    """
    nova_conf.register_opts(conf)
    options = conf[nova_conf.GROUP]
    plugin = _plugin_conf(options.config_file)
    try:
        groups = nova_conf.groups(options.group)
    except ValueError as exc:
        raise CannotStart(str(exc)) from exc
    ironic = IronicNodes(lambda: clients.ironic(plugin))
    capacity = Capacity(
        lambda: clients.valence(plugin),
        max_age=options.inventory_interval,
        assumed_room=options.assumed_room,
        full_interval=options.full_interval,
    )
    look = _reach("Valence", capacity.look)
    presence = Presence(ironic, capacity, options.inventory_interval)
    _reach("Ironic", presence.nodes)
    for ident in computenode.unknown(look.pods, options.pod_managers, groups):
        LOG.warning("Valence does not know pod manager %s, which [valence] names", ident)
    provisioner = _start(plugin)
    servers = life.Servers(provisioner)
    return Service(options, groups, ironic, capacity, presence, provisioner, servers)


def _start(plugin: cfg.ConfigOpts) -> Provisioner:
    try:
        provisioner = Provisioner(plugin)
        provisioner.start()
    except (conductor_errors.ConductorError, ValueError) as exc:
        raise CannotStart(str(exc)) from exc
    return provisioner


def _plugin_conf(files: list[str]) -> cfg.ConfigOpts:
    plugin = cfg.ConfigOpts()
    try:
        plugin(
            [word for path in files for word in ("--config-file", path)],
            project="valence",
            prog="nova-compute",
        )
    except cfg.Error as exc:
        raise CannotStart(f"[valence] config_file: {exc}") from exc
    integration_conf.register_opts(plugin)
    return plugin


def _reach(who: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (
        conductor_errors.Fault,
        client_errors.ValenceError,
        errors.InvalidRequest,
        OSError,
    ) as exc:
        raise CannotStart(
            f"{who} cannot be reached: {exc} Check that it runs, and what group [{who.lower()}] "
            "of the file says that [valence] config_file names."
        ) from exc
