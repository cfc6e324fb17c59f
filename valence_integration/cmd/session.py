# SPDX-License-Identifier: Apache-2.0

"""Access of an operator's commands to the instances, beside the process that runs flows.

The database is opened as it is: no schema is created or upgraded, no flow runs here, and
the lock of the process that runs the flows is not acquired.
"""

from collections.abc import Sequence
import functools

from oslo_config import cfg
from oslo_log import log as logging

from valence_conductor import conf as conductor_conf
from valence_integration import conf as integration_conf
from valence_integration import errors
from valence_integration import ledger as instance_ledger
from valence_integration import states
from valence_integration.db.instances import Instances
from valence_integration.objects.instance import Instance
from valence_integration.provisioner import Provisioner

LOG = logging.getLogger(__name__)


class Session:
    """The instances of a configuration, and a provisioner that only submits requests.

    :param files: of the configuration; none: oslo.config searches its default places.
    :param folders: of the configuration.
    """

    def __init__(self, files: Sequence[str] = (), folders: Sequence[str] = ()) -> None:
        self._arguments = [
            *(argument for path in files for argument in ("--config-file", path)),
            *(argument for path in folders for argument in ("--config-dir", path)),
        ]
        self._opened: instance_ledger.InstanceLedger | None = None
        self._jobboard_failed = False

    @functools.cached_property
    def conf(self) -> cfg.ConfigOpts:
        """Return the configuration."""
        conf = cfg.ConfigOpts()
        conf(self._arguments, project="valence", prog="valence-instance")
        integration_conf.register_opts(conf)
        conductor_conf.register_opts(conf)
        conductor_conf.check_values(conf)
        # The port belongs to the process that runs flows, and a command must not wait.
        conf.set_override("metrics_port", None, group=conductor_conf.GROUP)
        conf.set_override("start_timeout", 0.0, group=conductor_conf.GROUP)
        return conf

    @functools.cached_property
    def ledger(self) -> instance_ledger.InstanceLedger:
        """Return the ledger, without creating or upgrading its schema.

        :raises InvalidRequest: the database does not exist, or has another release's schema.
        :raises Unreachable: the database does not answer.
        """
        connection = self.conf[integration_conf.GROUP].connection
        path = instance_ledger.sqlite_file(connection)
        if path is not None and not path.exists():
            raise errors.InvalidRequest(
                f"There is no database {path}. Pass the configuration of the plugin with "
                "--config-file; the plugin's process creates the database at its first start."
            )
        self._opened = instance_ledger.open_existing(self.conf)
        self._opened.instances.reach(0)
        if not self._opened.instances.is_current():
            raise errors.InvalidRequest(
                "The tables are not those of this release. The plugin's process upgrades them at "
                "its start: start it from the same release as this command."
            )
        return self._opened

    @property
    def instances(self) -> Instances:
        """Return the repository of instances."""
        return self.ledger.instances

    @functools.cached_property
    def provisioner(self) -> Provisioner:
        """Return a provisioner that submits requests and runs no flows."""
        provisioner = Provisioner(self.conf, self.ledger, submit_only=True)
        try:
            provisioner.start()
        except Exception as exc:  # clients of jobboards raise errors of their own
            LOG.warning("The jobboard cannot be reached: %s", exc)
            self._jobboard_failed = True
        return provisioner

    def find(self, ident: str) -> Instance:
        """Return an instance by uuid, or by a name unique among those that are not deleted.

        :raises InstanceNotFound: there is none.
        :raises InvalidRequest: several instances have this name.
        """
        try:
            return self.instances.get(ident)
        except errors.InstanceNotFound:
            matches = [instance for instance in self.not_deleted() if instance.name == ident]
            if not matches:
                raise
        if len(matches) > 1:
            uuids = ", ".join(instance.uuid for instance in matches)
            raise errors.InvalidRequest(
                f"Several instances are named {ident!r}: {uuids}. Pass a uuid."
            )
        return matches[0]

    def not_deleted(self) -> list[Instance]:
        """Return every instance that is not deleted, oldest first."""
        return self.instances.list([s for s in states.STATES if s != states.DELETED])

    def pickup_hint(self) -> str:
        """Return a sentence that says when a submitted request starts."""
        options = self.conf[conductor_conf.GROUP]
        if options.jobboard and not self._jobboard_failed:
            return "The job is posted: the next free conductor starts it."
        return (
            "The request is stored: the process that runs flows starts it at its next sweep, "
            f"within {options.sweep_interval:g} s, or when it starts."
        )

    def close(self) -> None:
        """Close what was opened."""
        if "provisioner" in self.__dict__:
            self.provisioner.stop()
        elif self._opened is not None:
            self._opened.instances.close()
