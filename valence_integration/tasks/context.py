# SPDX-License-Identifier: Apache-2.0

"""The context that is injected into every task; it is never persisted."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import datetime

from valence_conductor import waiting
from valence_integration.conf import Limits
from valence_integration.db import instances as db_instances
from valence_integration.objects.instance import Instance
from valence_integration.peers.converge import WaitPolicy
from valence_integration.peers.ironic import IronicNodes
from valence_integration.peers.valence import ValenceNodes


@dataclasses.dataclass(frozen=True)
class Context:
    """The live objects of one process, as the service has them in ``valence.wiring.Context``.

    :ivar registration: fields of every node that is registered in Ironic.
    """

    instances: db_instances.Instances
    valence: ValenceNodes
    ironic: IronicNodes
    limits: Limits
    registration: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def wait_policy(self, instance: Instance, timeout: float) -> WaitPolicy:
        """Return the policy of a step that acquires a resource; the caller may cancel it.

        Its deadline is counted from the row: a restart does not extend it.

        :param timeout: seconds.
        """

        def cancelled() -> bool:
            return self.instances.is_cancelled(instance.uuid, instance.generation)

        return self._policy(db_instances.deadline(instance, timeout), 1, cancelled)

    def cleanup_policy(self) -> WaitPolicy:
        """Return the policy of a step that releases a resource.

        It cannot be cancelled and it retries failed requests. Its deadline starts again in
        every process that resumes the step: a resource must not be left behind because no
        process ran for some hours.
        """
        deadline = waiting.deadline_in(self.limits.give_back_timeout)
        return self._policy(deadline, self.limits.give_back_attempts, None)

    def _policy(
        self, deadline: datetime.datetime, attempts: int, cancelled: Callable[[], bool] | None
    ) -> WaitPolicy:
        return WaitPolicy(
            deadline=deadline,
            interval=self.limits.poll_interval,
            silence=self.limits.silence_timeout,
            busy=self.limits.busy_timeout,
            attempts=attempts,
            cancelled=cancelled,
        )
