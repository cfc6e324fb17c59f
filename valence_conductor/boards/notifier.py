# SPDX-License-Identifier: Apache-2.0

"""Notifications of a jobboard: conductors that wait for jobs learn of a new one at once.

They are an optimization and nothing more. A lost one, because a server was restarted,
costs the time until a conductor polls the board anyway.
"""

import contextlib
import threading
from typing import Any

from taskflow.jobs import base as jobs_base

#: Channel of Redis; TaskFlow uses names of its own beside it.
CHANNEL = "valence:posted"

#: Seconds between two attempts to listen to a server that is unreachable, and between
#: two checks whether to stop.
RETRY_INTERVAL = 1.0


class Notifier:
    """Notifies the threads of this process only, for boards without notifications.

    :param board: of TaskFlow.
    """

    def __init__(self, board: Any) -> None:
        self._board = board
        self._notified = threading.Event()
        self._stopped = threading.Event()

    def listen(self) -> None:
        """Start to receive the notifications of other processes; the board is connected."""

    def stop(self) -> None:
        """Stop listening, and wake the threads that wait."""
        self._stopped.set()
        self.wake()

    def notify(self) -> None:
        """Notify all processes that there is a job."""
        self.wake()

    def wake(self) -> None:
        """Wake a thread of this process that waits."""
        self._notified.set()

    def wait(self, seconds: float) -> None:
        """Wait for a notification.

        :param seconds: at most.
        """
        self._notified.wait(seconds)
        self._notified.clear()


class RedisNotifier(Notifier):
    """Notifies over a channel of Redis."""

    def listen(self) -> None:
        """Start to listen in a thread."""
        threading.Thread(target=self._listen, name="notifier", daemon=True).start()

    def notify(self) -> None:
        """Publish on the channel; a failure is ignored, because the job is posted."""
        self.wake()
        with contextlib.suppress(Exception):  # redis is installed only where it is used
            self._client().publish(CHANNEL, "")

    def _listen(self) -> None:
        while not self._stopped.is_set():
            with (
                contextlib.suppress(Exception),  # the server is unreachable; retried below
                self._client().pubsub(ignore_subscribe_messages=True) as subscription,
            ):
                subscription.subscribe(CHANNEL)
                while not self._stopped.is_set():
                    if subscription.get_message(timeout=RETRY_INTERVAL) is not None:
                        self.wake()
            self._stopped.wait(RETRY_INTERVAL)

    def _client(self) -> Any:
        # TaskFlow builds it from all the options in the URL (sentinel, TLS, passwords) and
        # offers no public way to it; a subscription opens a connection of its own.
        return self._board._client


class ZooKeeperNotifier(Notifier):
    """Relays the notifications that ZooKeeper sends to every client."""

    def listen(self) -> None:
        """Register with TaskFlow's notifications."""
        self._board.notifier.register(jobs_base.POSTED, lambda *_, **__: self.wake())


#: kind of board -> its notifier
NOTIFIERS: dict[str, type[Notifier]] = {"redis": RedisNotifier, "zookeeper": ZooKeeperNotifier}
