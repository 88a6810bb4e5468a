"""A longer way to a simulated device: what goes and comes takes half a round trip each way.

A relay in user space, for machines whose kernel cannot delay packets. Bytes keep their order, and
what was not read yet waits at whoever sends it. The handshake is delayed too: a relay cannot hold
it back, so the first bytes of whoever connected wait a round trip longer, as they would have.
A datagram is carried with the first answer to it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, cast

from connectors.plant.serving import Plant, Served
from schemas.clock import monotonic_s

Give = Callable[[bytes], None]
"""Sends an answer back."""

PIECE: Final = 4096
"""Bytes that are taken at once."""

PIECES_MAX: Final = 64
"""Pieces that are on their way at once, each way; more wait until these arrived."""

DATAGRAMS_MAX: Final = 64
"""Datagrams to a device that are on their way or unanswered at once; more are dropped."""

ANSWER_S: Final = 5.0
"""So long the answer to a datagram is waited for."""


@dataclass(slots=True)
class Way:
    """A port that leads to a device, and what was seen of its use.

    `began_s` is when the first connection was asked for, `ended_s` when the last bytes of the
    device arrived at whoever asked.
    """

    served: Served
    round_trip_s: float
    port: int = 0
    began_s: float | None = None
    ended_s: float | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a connection to the device and back until both sides have ended it."""
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        began_s = monotonic_s()
        self.began_s = began_s if self.began_s is None else self.began_s
        try:
            with suppress(OSError, asyncio.CancelledError):  # reset, or the plant is being closed
                await self._carry(reader, writer, began_s + self.round_trip_s)
        finally:
            self._talks.discard(task)
            writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ready_s: float
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(
            self.served.address, self.served.port
        )
        try:
            there = _carried(reader, far_writer, self.round_trip_s / 2, ready_s)
            async with asyncio.TaskGroup() as both:
                both.create_task(there)
                both.create_task(self._back(far_reader, writer))
        except* OSError as several:
            raise OSError("a side was reset") from several
        finally:
            far_writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _carried(reader, writer, self.round_trip_s / 2, 0, self)

    def carry_datagram(self, data: bytes, give: Give) -> None:
        """Carry a datagram to the device, and the answer back."""
        if len(self._talks) < DATAGRAMS_MAX:
            task = asyncio.get_running_loop().create_task(self._carry_datagram(data, give))
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

    async def _carry_datagram(self, data: bytes, give: Give) -> None:
        await asyncio.sleep(self.round_trip_s / 2)
        loop = asyncio.get_running_loop()
        answered: asyncio.Queue[bytes] = asyncio.Queue()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(lambda answer, _: answered.put_nowait(answer)),
            remote_addr=(self.served.address, self.served.port),
        )
        try:
            transport.sendto(data)
            async with asyncio.timeout(ANSWER_S):
                answer = await answered.get()
        except TimeoutError:
            return
        finally:
            transport.close()
        await asyncio.sleep(self.round_trip_s / 2)
        give(answer)

    async def close(self) -> None:
        """End the connections that are left."""
        for task in list(self._talks):
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)


@asynccontextmanager
async def ways_to(plant: Plant, round_trip_s: float) -> AsyncIterator[dict[str, Way]]:
    """A way to each device of a plant, by the devices' names, on free ports."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(_way_to(served, round_trip_s))
            for name, served in plant.devices.items()
        }


@asynccontextmanager
async def _way_to(served: Served, round_trip_s: float) -> AsyncIterator[Way]:
    way = Way(served, round_trip_s)
    server = await asyncio.start_server(way.carry, served.address)
    way.port = server.sockets[0].getsockname()[1]
    datagrams: asyncio.DatagramTransport | None = None
    if served.hears_datagrams:
        loop = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(way.carry_datagram), local_addr=(served.address, way.port)
        )
    try:
        yield way
    finally:
        server.close()
        await way.close()
        if datagrams is not None:
            datagrams.close()


class _Datagrams(asyncio.DatagramProtocol):
    """Hands over what arrives, with a way to answer."""

    def __init__(self, take: Callable[[bytes, Give], None]) -> None:
        self._take = take
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        transport = self._transport
        if transport is not None:
            self._take(data, lambda answer: transport.sendto(answer, addr))


async def _carried(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    delay_s: float,
    ready_s: float,
    way: Way | None = None,
) -> None:
    """Carry what one side sends to the other, each piece this much later, and its end as well."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_MAX)

    async def take() -> None:
        piece = b"-"
        while piece:
            piece = await reader.read(PIECE)
            await pieces.put((max(monotonic_s(), ready_s) + delay_s, piece))

    async def give() -> None:
        while True:
            due_s, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due_s - monotonic_s()))
            if not piece:
                writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()
            if way is not None:
                way.ended_s = monotonic_s()

    async with asyncio.TaskGroup() as both:
        both.create_task(take())
        both.create_task(give())
