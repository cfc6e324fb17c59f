# SPDX-License-Identifier: Apache-2.0

"""Mogan's engine, with servers that are composed.

``mogan.cmd.engine`` names module and class of the engine. Write there
``valence_integration.mogan.engine`` instead of ``mogan.engine.manager``: that one
line is all of Mogan that is changed. The class is made when it is asked for, so
that this module can be imported without Mogan.
"""

from collections.abc import Callable
import functools
from typing import Any

from oslo_config import cfg

from valence_integration import provisioner as provisioner_module
from valence_integration.mogan import conf as mogan_conf
from valence_integration.mogan import modules
from valence_integration.mogan import scheduling
from valence_integration.mogan import server as servers
from valence_integration.mogan.composer import Composer
from valence_integration.mogan.lifecycle import Story


def __getattr__(name: str) -> Any:
    if name == "EngineManager":
        return _default()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def _default() -> Any:
    return build(modules.load())


# Longer than forty lines: the class can be made only where Mogan is, and the signatures
# are Mogan's, to the letter.
def build(
    mogan: modules.Parts,
    read_conf: Callable[[], cfg.ConfigOpts] = mogan_conf.read,
    provisioner: Callable[
        [cfg.ConfigOpts], provisioner_module.Provisioner
    ] = provisioner_module.Provisioner,
) -> Any:
    """Make the class of the engine's manager.

    :param read_conf: reads the plugin's own configuration, when a manager is made.
    :param provisioner: opens the plugin.
    """
    servers.extend(mogan)
    theirs: Any = mogan.manager.EngineManager

    class EngineManager(theirs):
        """Mogan's manager; servers with a Valence flavor are composed and enrolled first.

        Every other server takes Mogan's own way.
        """

        scheduler_client: Any

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            conf = read_conf()
            mogan_conf.register_opts(conf)
            options = conf[mogan_conf.GROUP]
            self.schedule_first = options.schedule_first
            self.composer = Composer(
                mogan, self.host, lambda: provisioner(conf), options.wait_timeout
            )
            self.story = Story(mogan, self, self.composer)
            if options.schedule_first:
                self.scheduler_client = scheduling.FallbackScheduler(
                    self.scheduler_client, mogan.exception.NoValidNode
                )

        def init_host(self) -> None:
            """Start as Mogan does, then end what an earlier run left in the middle."""
            super().init_host()
            self.composer.start()
            self.story.recover(mogan.oslo_context.get_admin_context())

        def del_host(self) -> None:
            """Stop; what is under way goes on at the next start."""
            self.composer.stop()
            super().del_host()

        def schedule_and_create_servers(
            self,
            context: Any,
            servers: Any,
            requested_networks: Any,
            user_data: Any,
            injected_files: Any,
            admin_password: Any,
            key_pair: Any,
            partitions: Any,
            request_spec: Any = None,
            filter_properties: Any = None,
        ) -> None:
            """Compose servers whose flavor says so; leave the others to Mogan."""
            what = (requested_networks, user_data, injected_files, admin_password, key_pair)
            rest = (partitions, request_spec, filter_properties)
            if not self._composes_at_once(request_spec):
                try:
                    super().schedule_and_create_servers(context, servers, *what, *rest)
                    return
                except scheduling.ComposeInstead:
                    pass
            marked = [self.composer.mark(context, server) for server in servers]
            for server in marked:
                mogan.utils.spawn_n(self._create_composed_server, context, server, *what, *rest)

        def _composes_at_once(self, request_spec: Any) -> bool:
            ours = scheduling.is_valence(request_spec)
            return ours and not (self.schedule_first and scheduling.can_be_scheduled(request_spec))

        @mogan.manager.wrap_server_fault
        def _create_composed_server(
            self,
            context: Any,
            server: Any,
            requested_networks: Any,
            user_data: Any,
            injected_files: Any,
            admin_password: Any,
            key_pair: Any,
            partitions: Any,
            request_spec: Any = None,
            filter_properties: Any = None,
        ) -> None:
            what = (requested_networks, user_data, injected_files, admin_password, key_pair)
            self.story.create(context, server, *what, partitions, request_spec, filter_properties)

        def _delete_server(self, context: Any, server: Any) -> None:
            newest = servers.newest(mogan, context, server)
            if servers.is_composed(newest):
                self.story.delete(context, newest)
            else:
                super()._delete_server(context, server)

    return EngineManager
