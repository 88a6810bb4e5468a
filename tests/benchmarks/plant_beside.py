"""A simulated plant in a process of its own: its processor time is not the discovery's.

Devices stay at their addresses until the end, may be exchanged there for others, and count.
"""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from connectors.plant.delay import Way, ways_to
from connectors.plant.device import Counts, Device
from connectors.plant.serving import Served, serving

ADDRESS: Final = "127.0.0.1"
PATIENCE_S: Final = 3
"""Seconds until the last connection must have ended."""


class Counted(NamedTuple):
    """What a device counted since it was last asked, and how long it was talked to.

    `seconds` pass from the first request to the last reply, over a longer way from the wish to
    connect until the last reply has arrived; of these `session_s` are waited for a session. What
    a datagram takes, which may come long before, is added.
    """

    counts: Counts
    seconds: float | None
    session_s: float

    @property
    def requests(self) -> int:
        """All requests but those that open and close a session."""
        return self.counts.requests + self.counts.datagrams - self.counts.sessions


@dataclass(frozen=True, slots=True)
class Beside:
    """The plant as it is spoken to from here."""

    _pipe: Connection

    def serve(self, devices: Mapping[str, Device], round_trip_s: float = 0) -> dict[str, int]:
        """Put devices at new addresses, and say at which ports they are."""
        return dict(self._answer("serve", devices, round_trip_s))

    def exchange(self, devices: Mapping[str, Device]) -> None:
        """Put these devices where those with the same names were."""
        self._answer("exchange", devices)

    def silence(self, count: int) -> list[int]:
        """So many ports where connecting is neither taken nor refused, as if nobody were there."""
        return list(self._answer("silence", count))

    def counted(self) -> dict[str, Counted]:
        """What the devices counted since this was last asked."""
        return dict(self._answer("counted"))

    def _answer(self, *asked: Any) -> Any:
        self._pipe.send(asked)
        return self._pipe.recv()


@contextmanager
def beside() -> Iterator[Beside]:
    """Run a plant beside this process."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_run, args=(there,))
    process.start()
    try:
        yield Beside(here)
    finally:
        here.send(())
        process.join()


def _run(pipe: Connection) -> None:
    asyncio.run(_Plant(pipe).run())


@dataclass(slots=True)
class _Plant:
    """The plant itself."""

    pipe: Connection
    served: dict[str, Served] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)
    sockets: list[socket.socket] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def run(self) -> None:
        """Do as asked until the other side has enough."""
        loop = asyncio.get_running_loop()
        async with self.stack:
            while asked := await loop.run_in_executor(None, self.pipe.recv):
                self.pipe.send(await getattr(self, asked[0])(*asked[1:]))
        for one in self.sockets:
            one.close()

    async def serve(self, devices: Mapping[str, Device], round_trip_s: float) -> dict[str, int]:
        """Serve more devices, over a longer way if it is one."""
        plant = await self.stack.enter_async_context(serving(devices, ADDRESS))
        self.served |= plant.devices
        if not round_trip_s:
            return {name: one.port for name, one in plant.devices.items()}
        ways = await self.stack.enter_async_context(ways_to(plant, round_trip_s))
        self.ways |= ways
        return {name: way.port for name, way in ways.items()}

    async def exchange(self, devices: Mapping[str, Device]) -> None:
        """Exchange devices that keep their addresses."""
        for name, device in devices.items():
            self.served[name].device = device

    async def silence(self, count: int) -> list[int]:
        """Listen with the one place of the queue taken: the system drops who else comes."""
        ports = []
        for _ in range(count):
            listening, taking = socket.socket(), socket.socket()
            listening.bind((ADDRESS, 0))
            listening.listen(0)
            taking.connect(listening.getsockname())
            self.sockets += [listening, taking]
            ports.append(listening.getsockname()[1])
        return ports

    async def counted(self) -> dict[str, Counted]:
        """Hand over the counts once nobody is connected, and begin anew."""
        talking = {task for one in self.served.values() for task in one.talking}
        if talking:
            await asyncio.wait(talking, timeout=PATIENCE_S)
        found = {}
        for name, one in self.served.items():
            if one.counts.connections or one.counts.datagrams:
                found[name] = _counted(one, self.ways.get(name))
                one.counts = Counts()
        return found


def _counted(served: Served, way: Way | None) -> Counted:
    counts = served.counts
    began_s = counts.asked_s[0] if counts.asked_s else None
    ended_s = counts.replied_s
    session_s = counts.session_s
    if way is not None:
        began_s, ended_s = way.began_s, way.ended_s
        session_s += way.round_trip_s * ((counts.sessions + 1) // 2)  # closing one has no answer
        way.began_s = way.ended_s = None
    if began_s is None or ended_s is None:
        return Counted(counts, None, session_s)
    each_s = served.device.manner.delay_s + (0 if way is None else way.round_trip_s)
    return Counted(counts, ended_s - began_s + counts.datagrams * each_s, session_s)
