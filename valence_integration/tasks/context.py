# SPDX-License-Identifier: Apache-2.0

"""What tasks work with: handed to every run anew, never persisted."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime

from valence_conductor import waiting
from valence_integration import conf
from valence_integration.db import instances
from valence_integration.objects.instance import Instance
from valence_integration.peers import converge
from valence_integration.peers import ironic
from valence_integration.peers import valence


@dataclasses.dataclass(frozen=True)
class Tools:
    """The live objects of one process.

    :ivar registration: what every node is given when it is registered.
    """

    instances: instances.Instances
    valence: valence.ValenceNodes
    ironic: ironic.IronicNodes
    limits: conf.Limits
    registration: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def forward(self, instance: Instance, timeout: float) -> converge.Pace:
        """Set the pace of a step that somebody waits for, and may cancel.

        Its deadline is the row's: a restart does not begin it anew.
        """

        def cancelled() -> bool:
            return self.instances.asks_to_stop(instance.uuid, instance.generation)

        return self._pace(instances.deadline(instance, timeout), 1, cancelled)

    def giving_back(self) -> converge.Pace:
        """Set the pace of a step that gives something back.

        It can not be cancelled, it tries again what failed, and its deadline
        begins anew with every process that takes it up: hours in which nothing
        ran are no reason to leave something behind.
        """
        allowed = datetime.timedelta(seconds=self.limits.give_back_timeout)
        return self._pace(waiting.now() + allowed, self.limits.give_back_attempts, None)

    def _pace(
        self, deadline: datetime.datetime, attempts: int, cancelled: Callable[[], bool] | None
    ) -> converge.Pace:
        return converge.Pace(
            deadline=deadline,
            interval=self.limits.poll_interval,
            silence=self.limits.silence_timeout,
            busy=self.limits.busy_timeout,
            attempts=attempts,
            cancelled=cancelled,
        )
