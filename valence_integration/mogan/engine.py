# SPDX-License-Identifier: Apache-2.0

"""The manager of Mogan's engine, for servers that are composed.

``mogan.cmd.engine`` names the module and class of the manager. To install the hook, replace
``mogan.engine.manager`` there with ``valence_integration.mogan.engine``; nothing else in
Mogan changes. The class is made when it is first read, so that this module can be imported
without Mogan.
"""

from collections.abc import Callable
import functools
from typing import Any

from oslo_config import cfg

from valence_integration.mogan import conf as mogan_conf
from valence_integration.mogan import modules
from valence_integration.mogan import scheduling
from valence_integration.mogan import server as mogan_server
from valence_integration.mogan.composer import Composer
from valence_integration.mogan.lifecycle import ServerLifecycle
from valence_integration.provisioner import Provisioner


def __getattr__(name: str) -> Any:
    if name == "EngineManager":
        return _default()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@functools.cache
def _default() -> Any:
    return build(modules.load())


# Longer than forty lines: the class can be made only where Mogan is installed, and its
# signatures must be exactly Mogan's.
def build(
    mogan: modules.MoganModules,
    read_conf: Callable[[], cfg.ConfigOpts] = mogan_conf.read,
    open_provisioner: Callable[[cfg.ConfigOpts], Provisioner] = Provisioner,
) -> Any:
    """Return the class of the engine's manager.

    :param read_conf: reads the plugin's own configuration, when a manager is made.
    :param open_provisioner: opens the plugin.
    """
    mogan_server.extend(mogan)
    parent: Any = mogan.manager.EngineManager

    class EngineManager(parent):
        """Mogan's manager; the node of a server with a Valence flavor is composed first.

        Every other server is left to Mogan.
        """

        scheduler_client: Any

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            conf = read_conf()
            mogan_conf.register_opts(conf)
            options = conf[mogan_conf.GROUP]
            self.schedule_first = options.schedule_first
            self.composer = Composer(
                mogan, self.host, lambda: open_provisioner(conf), options.wait_timeout
            )
            self.lifecycle = ServerLifecycle(mogan, self, self.composer)
            if options.schedule_first:
                self.scheduler_client = scheduling.FallbackScheduler(
                    self.scheduler_client, mogan.exception.NoValidNode
                )

        def init_host(self) -> None:
            """Start as Mogan does, then finish what an earlier run left unfinished."""
            super().init_host()
            self.composer.start()
            self.lifecycle.recover(mogan.oslo_context.get_admin_context())

        def del_host(self) -> None:
            """Stop; the next start resumes the flows."""
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
            """Compose the servers if their flavor requests it, else leave them to Mogan."""
            arguments = {
                "requested_networks": requested_networks,
                "user_data": user_data,
                "injected_files": injected_files,
                "admin_password": admin_password,
                "key_pair": key_pair,
                "partitions": partitions,
                "request_spec": request_spec,
                "filter_properties": filter_properties,
            }
            if not scheduling.composes_at_once(request_spec, self.schedule_first):
                try:
                    super().schedule_and_create_servers(context, servers, **arguments)
                    return
                except scheduling.ComposeInstead:
                    pass
            marked = [self.composer.mark(context, server) for server in servers]
            for server in marked:
                mogan.utils.spawn_n(self._create_composed_server, context, server, **arguments)

        @mogan.manager.wrap_server_fault
        def _create_composed_server(self, context: Any, server: Any, **arguments: Any) -> None:
            self.lifecycle.create(context, server, **arguments)

        def _delete_server(self, context: Any, server: Any) -> None:
            newest = mogan_server.newest(mogan, context, server)
            if mogan_server.is_composed(newest):
                self.lifecycle.delete(context, newest)
            else:
                super()._delete_server(context, server)

    return EngineManager
