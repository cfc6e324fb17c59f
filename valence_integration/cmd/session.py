# SPDX-License-Identifier: Apache-2.0

"""Where an operator's commands sit: beside the process that works on the instances.

The table is opened as it stands. Nothing is created or migrated, no flow is run,
and the lock of the process that runs them is left to it.
"""

from collections.abc import Sequence
import functools

from oslo_config import cfg
from oslo_log import log as logging

from valence_conductor import conf as conductor_conf
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import ledger
from valence_integration import provisioner as provisioner_module
from valence_integration import states
from valence_integration.db.instances import Instances
from valence_integration.objects.instance import Instance

LOG = logging.getLogger(__name__)


class Desk:
    """The instances that a configuration names, and a way to ask for something.

    :param files: of the configuration; none: where oslo.config looks by itself.
    :param folders: of the configuration.
    """

    def __init__(self, files: Sequence[str] = (), folders: Sequence[str] = ()) -> None:
        self._arguments = [
            *(word for path in files for word in ("--config-file", path)),
            *(word for path in folders for word in ("--config-dir", path)),
        ]
        self._opened: ledger.InstanceLedger | None = None
        self._board_is_away = False

    @functools.cached_property
    def conf(self) -> cfg.ConfigOpts:
        """The configuration."""
        conf = cfg.ConfigOpts()
        conf(self._arguments, project="valence", prog="valence-instance")
        integration_conf.register_opts(conf)
        conductor_conf.register_opts(conf)
        # That port is the one of the process that works, and nobody waits at a terminal.
        conf.set_override("metrics_port", None, group=conductor_conf.GROUP)
        conf.set_override("start_timeout", 0.0, group=conductor_conf.GROUP)
        return conf

    @functools.cached_property
    def ledger(self) -> ledger.InstanceLedger:
        """The ledger, opened as it stands.

        :raises InvalidRequest: there is no table, or not the one of this release.
        :raises Unreachable: the database is away.
        """
        connection = self.conf[integration_conf.GROUP].connection
        path = ledger.sqlite_file(connection)
        if path is not None and not path.exists():
            raise errors.InvalidRequest(
                f"There is no database {path}. Give the configuration that the plugin uses with "
                "--config-file; its process makes the database when it starts first."
            )
        self._opened = ledger.open_beside(self.conf)
        self._opened.instances.reach(0)
        if not self._opened.instances.is_current():
            raise errors.InvalidRequest(
                "The tables are not those of this release. The plugin's process brings them up to "
                "date when it starts: start it, of the same release as this command."
            )
        return self._opened

    @property
    def instances(self) -> Instances:
        """The table."""
        return self.ledger.instances

    @functools.cached_property
    def provisioner(self) -> provisioner_module.Provisioner:
        """Somebody who takes requests and leaves the work to others."""
        provisioner = provisioner_module.Provisioner(self.conf, self.ledger, beside=True)
        try:
            provisioner.start()
        except Exception as exc:  # a jobboard's client lets through errors of its own
            LOG.warning("The jobboard cannot be reached: %s", exc)
            self._board_is_away = True
        return provisioner

    def find(self, ident: str) -> Instance:
        """Read an instance by uuid, or by a name that only one has that is not deleted.

        :raises InstanceNotFound: there is none.
        :raises InvalidRequest: several have that name.
        """
        try:
            return self.instances.get(ident)
        except errors.InstanceNotFound:
            named = [found for found in self.living() if found.name == ident]
            if not named:
                raise
        if len(named) > 1:
            uuids = ", ".join(found.uuid for found in named)
            raise errors.InvalidRequest(f"Several instances are named {ident!r}: {uuids}.")
        return named[0]

    def living(self) -> list[Instance]:
        """Read every instance that is not deleted, oldest first."""
        return self.instances.list([s for s in states.STATES if s != states.DELETED])

    def taken_up(self) -> str:
        """Say when somebody begins with what was asked for."""
        options = self.conf[conductor_conf.GROUP]
        if options.jobboard and not self._board_is_away:
            return "The job is posted: a conductor takes it up as soon as one is free."
        return (
            "It is written down: the process that provisions takes it up at its next sweep, "
            f"within {options.sweep_interval:g} s, or when it starts."
        )

    def close(self) -> None:
        """Close what was opened."""
        if "provisioner" in self.__dict__:
            self.provisioner.stop()
        elif self._opened is not None:
            self._opened.instances.close()
