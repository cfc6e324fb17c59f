# SPDX-License-Identifier: Apache-2.0

"""The bell of a jobboard: whoever waits for jobs hears at once that there is one.

It is a convenience and nothing more. A bell that nobody heard, because a server was
restarted, costs as long as it takes until somebody looks at the board anyway.
"""

import contextlib
import threading
from typing import Any

from taskflow.jobs import base as jobs_base

#: Of Redis; beside TaskFlow's own names.
CHANNEL = "valence:posted"

#: Seconds between two attempts to listen to a server that is away, and between two
#: looks whether to stop.
AGAIN = 1.0


class Notifier:
    """The bell of a board that tells nobody: heard in this process alone.

    :param board: TaskFlow's.
    """

    def __init__(self, board: Any) -> None:
        self._board = board
        self._rung = threading.Event()
        self._stopped = threading.Event()

    def listen(self) -> None:
        """Hear the others from now on; the board is connected."""

    def stop(self) -> None:
        """Hear nobody any more, and let go of whoever waits."""
        self._stopped.set()
        self.wake()

    def ring(self) -> None:
        """Let everybody know that there is a job."""
        self.wake()

    def wake(self) -> None:
        """Let whoever waits in this process look."""
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Wait until it rings, but not longer than so many seconds."""
        self._rung.wait(seconds)
        self._rung.clear()


class RedisNotifier(Notifier):
    """A bell over a channel of Redis."""

    def listen(self) -> None:
        """Listen in a thread."""
        threading.Thread(target=self._listen, name="bell", daemon=True).start()

    def ring(self) -> None:
        """Publish; a server that is away is no reason to fail: the job is posted."""
        self.wake()
        with contextlib.suppress(Exception):  # redis is there only where it is used
            self._client().publish(CHANNEL, "")

    def _listen(self) -> None:
        while not self._stopped.is_set():
            with (
                contextlib.suppress(Exception),  # the server is away, and is tried again
                self._client().pubsub(ignore_subscribe_messages=True) as heard,
            ):
                heard.subscribe(CHANNEL)
                while not self._stopped.is_set():
                    if heard.get_message(timeout=AGAIN) is not None:
                        self.wake()
            self._stopped.wait(AGAIN)

    def _client(self) -> Any:
        # TaskFlow's own, made of all that the URL says; it opens another connection.
        return self._board._client


class ZooKeeperNotifier(Notifier):
    """ZooKeeper tells every client what is posted."""

    def listen(self) -> None:
        """Have TaskFlow pass it on."""
        self._board.notifier.register(jobs_base.POSTED, lambda *_, **__: self.wake())


#: kind of board -> its bell
NOTIFIERS: dict[str, type[Notifier]] = {"redis": RedisNotifier, "zookeeper": ZooKeeperNotifier}
