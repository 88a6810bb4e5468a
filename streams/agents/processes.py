"""The learner processes of a worker: started with it, restarted when they die, ended with it.

Learning keeps a processor busy. In a thread beside Faust's event loop it would take the
interpreter away from it for milliseconds at a time, and Faust goes through its loop some ten times
an event: tried on a busy machine, the federator nearly stood still. So learners run in processes of
their own, each a member of the consumer group, and tell every second how they fare.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Final

import msgspec
from mode import Service

from schemas.clock import monotonic_s

STOP_S: Final = 2.0
"""How long a learner process may take to end; then it is killed, and its batch learned again."""

RESTART_S: Final = (1.0, 15.0)
"""How long to wait before a process that died is started again, at first and at most."""

_LOGGER: Final = logging.getLogger(__name__)


class Said(msgspec.Struct):
    """What a learner process says of itself."""

    trouble: list[str] = []
    partitions: list[dict[str, Any]] = []


class LearnerProcesses(Service):
    """Keeps learner processes running.

    Each is started and listened to by a thread of its own: a process inherits the priority of the
    thread that starts it, and Faust's own thread works at a lower one.
    """

    command: Sequence[str]
    count: int = 1

    def __post_init__(self) -> None:
        """Start with none."""
        self.said: dict[int, tuple[float, Said]] = {}
        self._ending = Event()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._keepers: list[Thread] = []

    async def on_start(self) -> None:
        """Start them all."""
        for number in range(self.count):
            # Not to be waited for where a worker breaks: what it started ends when it is gone.
            keeper = Thread(
                target=self._keep, args=(number,), name=f"learner-{number}", daemon=True
            )
            keeper.start()
            self._keepers.append(keeper)

    def begin_to_end(self) -> None:
        """Ask them all to end, and start none any more: they end while Faust does."""
        self._ending.set()
        for process in list(self._running.values()):
            process.send_signal(signal.SIGTERM)

    async def on_stop(self) -> None:
        """End them, in an orderly way while there is time."""
        self.begin_to_end()
        await asyncio.get_running_loop().run_in_executor(None, self._end)

    def _end(self) -> None:
        until_s = monotonic_s() + STOP_S
        for keeper in self._keepers:
            keeper.join(max(0.0, until_s - monotonic_s()))
        for process in list(self._running.values()):
            process.kill()
        for keeper in self._keepers:
            keeper.join()

    def _keep(self, number: int) -> None:
        """Run one process after the other until the worker stops."""
        pause_s, most_s = RESTART_S
        while not self._ending.is_set():
            began_s = monotonic_s()
            self._run(number)
            self.said.pop(number, None)
            if self._ending.is_set():
                return
            pause_s = RESTART_S[0] if monotonic_s() - began_s > most_s else min(2 * pause_s, most_s)
            _LOGGER.warning("learner process %d died; another starts in %.0f s", number, pause_s)
            self._ending.wait(pause_s)

    def _run(self, number: int) -> None:
        """Run one process to its end, and hear what it says."""
        with subprocess.Popen(  # noqa: S603  # a module of ours
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"MOTIF_LEARNER": str(number)},
        ) as process:
            self._running[number] = process
            try:
                if self._ending.is_set():  # it was told to nobody while this one started
                    process.send_signal(signal.SIGTERM)
                assert process.stdout is not None, "it is a pipe"
                for line in process.stdout:
                    with suppress(msgspec.MsgspecError):
                        self.said[number] = (monotonic_s(), msgspec.json.decode(line, type=Said))
                process.wait()
            finally:
                self._running.pop(number, None)


def command_of(module: str) -> list[str]:
    """How to run a module of ours, whatever lies in the current folder."""
    return [sys.executable, "-P", "-m", module]
