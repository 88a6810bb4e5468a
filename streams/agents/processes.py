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
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from mode import Service

from schemas.clock import monotonic_s

STOP_S: Final = 2.0
"""How long a learner process may take to end; then it is killed, and its batch learned again."""

RESTART_S: Final = (1.0, 15.0)
"""How long to wait before a process that died is started again, at first and at most."""

SAID_MAX: Final = 1 << 20
"""Bytes of one line of what a process says."""

_LOGGER: Final = logging.getLogger(__name__)


class Said(msgspec.Struct):
    """What a learner process says of itself."""

    trouble: list[str] = []
    partitions: list[dict[str, Any]] = []


class LearnerProcesses(Service):
    """Keeps learner processes running."""

    command: Sequence[str]
    count: int = 1

    def __post_init__(self) -> None:
        """Start with none."""
        self.ending = False
        self.said: dict[int, tuple[float, Said]] = {}
        self._kept: list[Any] = []
        self._running: dict[int, asyncio.subprocess.Process] = {}

    async def on_start(self) -> None:
        """Start them all."""
        for number in range(self.count):
            self._kept.append(self.add_future(self._keep(number)))

    def begin_to_end(self) -> None:
        """Ask them all to end, and start none any more: they end while Faust does."""
        self.ending = True
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    async def on_stop(self) -> None:
        """End them, in an orderly way while there is time."""
        self.begin_to_end()
        processes = list(self._running.values())
        ends = [asyncio.ensure_future(process.wait()) for process in processes]
        if ends:
            _, late = await asyncio.wait(ends, timeout=STOP_S)
            for process in processes if late else ():
                with suppress(ProcessLookupError):
                    process.kill()

    async def _keep(self, number: int) -> None:
        """Run one process after the other until the worker stops."""
        pause_s, most_s = RESTART_S
        while not self.ending:
            began_s = monotonic_s()
            await self._run(number)
            self.said.pop(number, None)
            if self.ending:
                return
            pause_s = RESTART_S[0] if monotonic_s() - began_s > most_s else min(2 * pause_s, most_s)
            _LOGGER.warning("learner process %d died; another starts in %.0f s", number, pause_s)
            await self.sleep(pause_s)

    async def _run(self, number: int) -> None:
        process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"MOTIF_LEARNER": str(number)},
            limit=SAID_MAX,
        )
        self._running[number] = process
        assert process.stdout is not None, "it is a pipe"
        try:
            async for line in process.stdout:
                with suppress(msgspec.MsgspecError):
                    self.said[number] = (monotonic_s(), msgspec.json.decode(line, type=Said))
            await process.wait()
        finally:
            self._running.pop(number, None)


def command_of(module: str) -> list[str]:
    """How to run a module of ours, whatever lies in the current folder."""
    return [sys.executable, "-P", "-m", module]
