"""Serving simulated devices: real sockets, one port a device, and an account of what happened."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final, cast

from connectors.plant.device import Counts, Device, Refusal
from connectors.plant.ethernetip_device import EthernetIpDevice
from schemas.clock import monotonic_s
from schemas.errors import MotifError

REQUEST_MAX: Final = 1024
"""Bytes of a request at most; nobody who only reads sends more."""

_SESSION: Final = (0x65, 0x66)
"""Commands of EtherNet/IP that open and close a session."""

_DELAY: Final = slice(12, 14)
"""Where a question says up to how many milliseconds its answer may be delayed."""

_NOISE: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
_LINGER_NOT: Final = bytes((1, 0, 0, 0, 0, 0, 0, 0))
"""Close with a reset."""


class Abused(MotifError):
    """A simulated device was asked for something that does not only read."""


@dataclass(slots=True)
class Served:
    """A device at its address, and what happened to it; `talking` are its open connections."""

    device: Device
    address: str
    port: int
    counts: Counts = field(default_factory=Counts)
    randomness: Random = field(default_factory=lambda: Random(0))
    talking: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def hears_datagrams(self) -> bool:
        """Whether the device answers datagrams as well."""
        return isinstance(self.device, EthernetIpDevice)

    def delay_s(self) -> float:
        """How long the next answer takes."""
        manner = self.device.manner
        return manner.profile.draw(self.randomness) if manner.profile else manner.delay_s


@dataclass(slots=True)
class Plant:
    """Devices that are being served, by their names."""

    devices: dict[str, Served] = field(default_factory=dict)

    def check(self) -> None:
        """Hold all that was asked against the list of what only reads.

        Raises:
            Abused: somebody asked for something else.
        """
        for name, served in self.devices.items():
            for request in served.counts.forbidden:
                raise Abused(f"{name} was sent what is not allowed: {request.hex()}")

    @property
    def requests(self) -> int:
        """Requests of all devices together."""
        return sum(one.counts.requests + one.counts.datagrams for one in self.devices.values())


@asynccontextmanager
async def serving(
    devices: Mapping[str, Device],
    address: str = "127.0.0.1",
    first_port: int = 0,
    *,
    broadcast: str | None = None,
) -> AsyncIterator[Plant]:
    """Serve devices, and hold what they were asked against the list at the end.

    They are on free ports, or on ports that follow each other from the first. With `broadcast`, an
    address, those that answer datagrams also answer the ones to it.
    """
    plant = Plant()
    async with AsyncExitStack() as stack:
        for number, (name, device) in enumerate(devices.items()):
            port = first_port + number if first_port else 0
            served = Served(device, address, port, randomness=Random(name))
            plant.devices[name] = await stack.enter_async_context(_served(served, broadcast))
        yield plant
    plant.check()


async def _hearing(served: Served, broadcast: str | None) -> list[asyncio.BaseTransport]:
    """Hear datagrams to the device, and those to everybody; it answers both from its address."""
    loop = asyncio.get_running_loop()
    datagrams = _Datagrams(served)
    own, _ = await loop.create_datagram_endpoint(
        lambda: datagrams, local_addr=(served.address, served.port)
    )
    if broadcast is None:
        return [own]
    shared = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.bind((broadcast, served.port))
    everybody, _ = await loop.create_datagram_endpoint(
        lambda: _Broadcasts(served, datagrams), sock=shared
    )
    return [own, everybody]


@asynccontextmanager
async def _served(served: Served, broadcast: str | None) -> AsyncIterator[Served]:
    address, talking = served.address, served.talking

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            with suppress(asyncio.CancelledError):  # the plant is being closed
                await _talk(served, reader, writer)
        finally:
            talking.discard(task)

    server = await asyncio.start_server(talk, address, served.port)
    served.port = server.sockets[0].getsockname()[1]
    hearing: list[asyncio.BaseTransport] = []
    if served.hears_datagrams:
        hearing = await _hearing(served, broadcast)
    try:
        yield served
    finally:
        server.close()
        for transport in hearing:
            transport.close()
        for task in list(talking):
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


async def _talk(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    counts = served.counts
    counts.connections += 1
    counts.opened_s.append(monotonic_s())
    if counts.open >= served.device.manner.connections_max:
        counts.turned_away += 1
        writer.close()
        return
    counts.open += 1
    counts.most_open = max(counts.most_open, counts.open)
    try:
        await _answer_all(served, reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        counts.unclean += 1
    finally:
        counts.open -= 1
        writer.close()


async def _answer_all(
    served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer until the other side closes in order, or the device's quirk has it end before."""
    device = served.device
    held: bytes | None = None
    while True:
        head = await reader.read(1)
        if not head:
            return
        head += await reader.readexactly(device.head - 1)
        size = device.size(head)
        if size > REQUEST_MAX:
            served.counts.forbidden.append(head)
            return
        request = head + await reader.readexactly(size - len(head))
        asked_s = monotonic_s()
        answer = _counted(served, request, asked_s)
        await asyncio.sleep(served.delay_s())
        if device.manner.quirk == "late" and held is None:
            held = answer
            continue
        if answer is not None:
            writer.write((held or b"") if device.manner.quirk == "late" else b"")
            held = held and b""
            if not await _write(served, answer, writer):
                return
            _time(served, request, asked_s)


def _is_of_session(served: Served, request: bytes) -> bool:
    return isinstance(served.device, EthernetIpDevice) and request[0] in _SESSION


def _time(served: Served, request: bytes, asked_s: float) -> None:
    """Keep when the last answer went, and how long a session was waited for."""
    served.counts.replied_s = monotonic_s()
    if _is_of_session(served, request):
        served.counts.session_s += served.counts.replied_s - asked_s


def _counted(served: Served, request: bytes, asked_s: float) -> bytes | None:
    served.counts.requests += 1
    served.counts.sessions += _is_of_session(served, request)
    served.counts.asked_s.append(asked_s)
    try:
        return served.device.answer(request)
    except Refusal as refusal:
        served.counts.forbidden.append(request)
        return refusal.answer
    except IndexError:  # too short for what it says it is
        served.counts.forbidden.append(request)
        return None


async def _write(served: Served, answer: bytes, writer: asyncio.StreamWriter) -> bool:
    """Write an answer in the device's manner; whether the connection goes on."""
    device = served.device
    quirk = device.manner.quirk
    if quirk == "silent":
        return True
    if quirk == "closes":
        return False
    if quirk == "resets":
        taken = writer.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        return False
    if quirk == "dribbles":
        for at in range(len(answer)):
            writer.write(answer[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0)
        return True
    writer.write(_spoilt(device, answer))
    await writer.drain()
    return quirk not in {"truncates", "garbage"}


def _spoilt(device: Device, answer: bytes) -> bytes:
    quirk = device.manner.quirk
    if quirk == "garbage":
        return _NOISE
    if quirk == "truncates":
        return answer[: -(len(answer) // 3)]
    if quirk == "lies":
        at = 2 if isinstance(device, EthernetIpDevice) else 4
        return answer[:at] + b"\xff\xff" + answer[at + 2 :]
    return answer


class _Datagrams(asyncio.DatagramProtocol):
    """Answers datagrams as the device answers packets that need no session."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer at once."""
        counts = self._served.counts
        counts.datagrams += 1
        if self._served.device.manner.quirk == "silent":
            return
        try:
            answer = self._served.device.answer(data)
        except (Refusal, IndexError):
            counts.forbidden.append(data)
            return
        if answer is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._served.delay_s(), self._answer, answer, addr)

    def _answer(self, answer: bytes, addr: tuple[str | int, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)


class _Broadcasts(asyncio.DatagramProtocol):
    """Answers what everybody was asked, after a time of its own up to what the question allows."""

    def __init__(self, served: Served, datagrams: _Datagrams) -> None:
        self._served = served
        self._datagrams = datagrams

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Let the device answer later, from its own address."""
        most_s = int.from_bytes(data[_DELAY], "little") / 1000
        delay_s = self._served.randomness.uniform(0, most_s)
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, self._datagrams.datagram_received, data, addr)
