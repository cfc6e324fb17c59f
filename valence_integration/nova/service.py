# SPDX-License-Identifier: Apache-2.0

"""The live objects of one nova-compute: options, Valence, Ironic and the plugin."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from valence_conductor import conf as conductor_conf
from valence_conductor import errors as conductor_errors
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration.nova import computenode
from valence_integration.nova import conf as nova_conf
from valence_integration.nova.capacity import Capacity
from valence_integration.nova.missing import MissingNodes
from valence_integration.nova.servers import Servers
from valence_integration.objects.instance import Instance
from valence_integration.peers import clients
from valence_integration.peers.ironic import IronicNodes
from valence_integration.provisioner import Provisioner
from valenceclient import errors as client_errors

LOG = logging.getLogger(__name__)


class CannotStart(Exception):
    """No server could be built; the message says what is missing and what to do."""


@dataclasses.dataclass(frozen=True)
class Service:
    """The live objects of one nova-compute."""

    options: Any
    groups: Mapping[str, list[str]]
    ironic: IronicNodes
    capacity: Capacity
    missing_nodes: MissingNodes
    provisioner: Provisioner
    servers: Servers

    def compute_nodes(self) -> dict[str, computenode.ComputeNode]:
        """Return the compute nodes of this process, by name.

        :raises ValenceError: Valence did not answer, and never has.
        """
        podmanagers = self.capacity.snapshot().podmanagers
        return computenode.build(podmanagers, self.options.pod_managers, self.groups)

    def rows(self) -> list[Instance]:
        """Return the servers on the compute nodes of this process that are not deleted."""
        podm_ids = {podm_id for node in self.compute_nodes().values() for podm_id in node.podm_ids}
        return [row for row in self.provisioner.list() if row.podm_uuid in podm_ids]

    def alternatives(
        self, refused: Mapping[str, Any], flavor_id: str | None
    ) -> tuple[int, list[str]]:
        """Return how many compute nodes refused, and the uuids of those with room.

        The compute nodes of every nova-compute count.

        :param refused: by uuids of pod managers.
        :param flavor_id: None for nodes that are composed from properties.
        """
        snapshot = self.capacity.snapshot()
        nodes = computenode.build(snapshot.podmanagers, (), self.groups).values()
        tried = [node for node in nodes if any(podm_id in refused for podm_id in node.podm_ids)]
        others = [
            node.uuid
            for node in nodes
            if node not in tried
            and any(
                snapshot.is_usable(podm_id) and self.capacity.room(podm_id, flavor_id)
                for podm_id in node.podm_ids
            )
        ]
        return len(tried), others


def start(conf: cfg.ConfigOpts) -> Service:
    """Connect to everything that group ``[valence]`` names, and start the plugin.

    :param conf: Nova's own; the plugin's is read from the files that it names.
    :raises CannotStart: Valence or Ironic is unreachable, or an option is missing or wrong.
    """
    nova_conf.register_opts(conf)
    options = conf[nova_conf.GROUP]
    plugin_conf = _plugin_conf(options.config_file)
    try:
        groups = nova_conf.parse_groups(options.group)
    except ValueError as exc:
        raise CannotStart(str(exc)) from exc
    ironic = IronicNodes(lambda: clients.ironic(plugin_conf))
    capacity = Capacity(
        lambda: clients.valence(plugin_conf),
        max_age=options.inventory_interval,
        assumed_room=options.assumed_room,
        full_interval=options.full_interval,
    )
    snapshot = _request("Valence", capacity.snapshot)
    missing_nodes = MissingNodes(ironic, capacity, options.inventory_interval)
    _request("Ironic", missing_nodes.ironic_nodes)
    for ident in computenode.find_unknown(snapshot.podmanagers, options.pod_managers, groups):
        LOG.warning("Valence does not know pod manager %s, which [valence] names", ident)
    provisioner = _start_provisioner(plugin_conf)
    servers = Servers(provisioner)
    return Service(options, groups, ironic, capacity, missing_nodes, provisioner, servers)


def _start_provisioner(plugin_conf: cfg.ConfigOpts) -> Provisioner:
    try:
        provisioner = Provisioner(plugin_conf)
        provisioner.start()
    except (conductor_errors.ConductorError, ValueError) as exc:
        raise CannotStart(str(exc)) from exc
    return provisioner


def _plugin_conf(files: list[str]) -> cfg.ConfigOpts:
    plugin_conf = cfg.ConfigOpts()
    try:
        plugin_conf(
            [argument for path in files for argument in ("--config-file", path)],
            project="valence",
            prog="nova-compute",
        )
        integration_conf.register_opts(plugin_conf)
        conductor_conf.check_values(plugin_conf)
    except cfg.Error as exc:
        raise CannotStart(f"[valence] config_file: {exc}") from exc
    return plugin_conf


def _request(peer: str, request: Callable[[], Any]) -> Any:
    try:
        return request()
    except (
        conductor_errors.Fault,
        client_errors.ValenceError,
        errors.InvalidRequest,
        OSError,
    ) as exc:
        raise CannotStart(
            f"{peer} cannot be reached: {exc} Check that it runs, and check group "
            f"[{peer.lower()}] of the file that [valence] config_file names."
        ) from exc
