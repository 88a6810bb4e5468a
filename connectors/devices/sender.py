"""The one way out: every byte that goes to a device passes here, and no other module connects.

A frame goes out only if it is on the list (`allowed`), to an address that the policy allows, in its
turn. A device has one connection and one outstanding request. What comes back is kept as it came,
within limits of time and size; it is judged elsewhere. An address that stands inside a reply is
text here like any other: nothing connects to it.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple

from connectors.devices import allowed, ethernetip, modbus
from connectors.devices.octets import Malformed
from connectors.devices.pace import Pace
from connectors.devices.targets import Policy
from schemas.clock import monotonic_s

Endpoint = tuple[str, int]
"""Address and port."""

How = Literal["answered", "timeout", "closed", "reset", "malformed"]
"""How a request ended: with a frame in reply, or without one."""

KEPT_MAX: Final = 1024
"""Bytes kept of what is no reply."""

_DATAGRAM_MAX: Final = ethernetip.HEADER_BYTES + ethernetip.DATA_MAX
"""Bytes of a datagram that may be a reply; no protocol here has longer ones."""

_STALE_MAX: Final = 4
"""Replies to earlier requests that are read over while one is waited for."""
_MICRO: Final = 1_000_000


class Heard(NamedTuple):
    """What came in reply to a request: bytes as they came, if any, and how long it took."""

    how: How
    response: bytes | None
    reply_us: int | None


class Swept(NamedTuple):
    """Who answered when many were asked, and what came."""

    address: str
    port: int
    heard: Heard


class NoConnection(Exception):
    """A device was not reached: nobody there, nobody at this port, or no way to it."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How frames of a protocol are told apart: where one ends, and which request it answers."""

    protocol: str
    size: Callable[[bytes], int | None]
    head: int
    answers: Callable[[bytes, bytes], bool]


WIRES: Final = {
    modbus.PROTOCOL: Wire(
        modbus.PROTOCOL,
        modbus.frame_size,
        modbus.HEADER_BYTES,
        lambda request, reply: request[:2] == reply[:2],
    ),
    ethernetip.PROTOCOL: Wire(
        ethernetip.PROTOCOL,
        ethernetip.packet_size,
        ethernetip.HEADER_BYTES,
        lambda request, reply: request[12:20] == reply[12:20],
    ),
}
"""The protocols that devices are asked in."""


class Sender:
    """Sends to devices under one policy at one pace; a run has one sender."""

    def __init__(
        self, policy: Policy, pace: Pace, may: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Bind to what may be probed and how fast; `may` says whether an address may be now."""
        self.policy = policy
        self.pace = pace
        self.may = may
        self.connections = 0
        self.requests = 0
        self._at_once = asyncio.Semaphore(pace.limits.at_once)
        self._devices: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def device(self, address: str, port: int) -> AsyncIterator[None]:
        """Hold a device for oneself: whoever else wants it waits."""
        self._check_address(address)
        device = device_at(address, port)
        async with self._at_once, self._devices.setdefault(device, asyncio.Lock()):
            yield

    @asynccontextmanager
    async def line(self, protocol: str, address: str, port: int) -> AsyncIterator["Line"]:
        """A connection to a device that is held, closed in order at the end.

        Raises:
            NoConnection: there is none to be had.
        """
        self._check_address(address)
        await self.pace.connection()
        self.connections += 1
        limits = self.pace.limits
        try:
            async with asyncio.timeout(limits.connect_timeout_s):
                streams = await asyncio.open_connection(
                    address, port, limit=KEPT_MAX, flags=socket.AI_NUMERICHOST
                )
        except TimeoutError as error:
            raise NoConnection("silent") from error
        except ConnectionRefusedError as error:
            raise NoConnection("refused") from error
        except OSError as error:
            raise NoConnection("unreachable") from error
        line = Line(self, WIRES[protocol], device_at(address, port), *streams)
        try:
            yield line
        finally:
            await line.close()

    async def datagram(self, protocol: str, address: str, port: int, frame: bytes) -> Heard:
        """Ask by one datagram; what comes from elsewhere than this address and port is dropped."""
        self._check_address(address)
        device = device_at(address, port)
        await self.admitted(protocol, device, frame)
        loop = asyncio.get_running_loop()
        began_s = monotonic_s()
        first: asyncio.Future[bytes] = loop.create_future()
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _First(first), remote_addr=(address, port)
            )
        except OSError:  # no way to it
            return Heard("closed", None, None)
        try:
            transport.sendto(frame)
            async with asyncio.timeout(self.pace.limits.datagram_timeout_s):
                return _heard(await first, began_s)
        except TimeoutError:
            return Heard("timeout", None, None)
        except OSError:
            return Heard("closed", None, None)
        finally:
            self.pace.answered(device)
            transport.close()

    async def sweep(
        self, protocol: str, frame: bytes, places: Sequence[Endpoint], spread_s: float | None = None
    ) -> AsyncGenerator[Swept]:
        """Ask many places by one datagram each, and give who answers, once each.

        Only who was asked is heard, and who may be probed. With `spread_s` the places are those of
        broadcasts, to which whoever hears them answers within that time, from the same port.
        """
        loop = asyncio.get_running_loop()
        asked: dict[Endpoint, float] = {}
        heard = _All()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: heard, family=socket.AF_INET, allow_broadcast=spread_s is not None
        )
        sending = asyncio.create_task(
            self._ask_each(protocol, frame, places, transport, asked, spread_s or 0.0)
        )
        sending.add_done_callback(lambda _: heard.came.put_nowait(None))
        done: set[Endpoint] = set()
        try:
            while (came := await heard.came.get()) is not None:
                place, data = came
                began_s = asked.get(place)
                if spread_s is not None:
                    to = (one for one in asked if one[1] == place[1])
                    began_s = next((asked[one] for one in to), None)
                if began_s is None or place in done or not self.policy.allows(place[0]):
                    continue
                done.add(place)
                self.pace.answered(device_at(*place))
                yield Swept(*place, _heard(data, began_s))
            await sending
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            transport.close()

    async def _ask_each(
        self,
        protocol: str,
        frame: bytes,
        places: Sequence[Endpoint],
        transport: asyncio.DatagramTransport,
        asked: dict[Endpoint, float],
        spread_s: float,
    ) -> None:
        """Send the frame to each place in its turn, and wait for the last one to answer.

        A device gets one, whatever port it was to be asked at, and none while it is held.
        """
        devices: set[str] = set()
        for address, port in places:
            self._check_address(address)
            device = device_at(address, port)
            if device in devices or not self._is_free(address, device):
                continue
            await self.admitted(protocol, device, frame)
            if not self._is_free(address, device):  # any more, now that it is its turn
                self.requests -= 1
                continue
            devices.add(device)
            asked[(address, port)] = monotonic_s()
            transport.sendto(frame, (address, port))
            self.pace.answered(device)
        await asyncio.sleep(self.pace.limits.datagram_timeout_s + spread_s)

    def spare(self, address: str, port: int) -> None:
        """Take a device for fragile from now on."""
        self.pace.spare(device_at(address, port))

    async def admitted(self, protocol: str, device: str, frame: bytes) -> None:
        """Wait until a frame may go out to a device, if it may at all."""
        allowed.check(protocol, frame)
        await self.pace.request(device)
        self.requests += 1

    def _is_free(self, address: str, device: str) -> bool:
        """Whether nobody holds the device, and it may be asked now."""
        held = self._devices.get(device)
        return self.may(address) and (held is None or not held.locked())

    def _check_address(self, address: str) -> None:
        if not self.policy.allows(address):
            raise allowed.Forbidden(f"{address} is not on the list of what may be probed")


class Line:
    """One connection to one device, with at most one outstanding request."""

    def __init__(
        self,
        sender: Sender,
        wire: Wire,
        device: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Take over a connection that was just opened."""
        self._sender = sender
        self._wire = wire
        self._device = device
        self._reader = reader
        self._writer = writer
        self._received = b""
        self._stray = b""
        self._unanswered: list[bytes] = []
        self.broken = False

    async def ask(self, frame: bytes) -> Heard:
        """Send a frame and wait for its reply; after anything but a frame or silence it is over."""
        began_s = await self._send(frame)
        limits = self._sender.pace.limits
        how: How
        try:
            async with asyncio.timeout(limits.reply_timeout_s):
                reply = await self._reply_to(frame)
            return Heard("answered", reply, _since(began_s))
        except TimeoutError:
            how = "malformed" if self._received or self._stray else "timeout"
            self._unanswered.append(frame)
        except Malformed:
            how = "malformed"
        except asyncio.IncompleteReadError:
            how = "malformed" if self._received else "closed"
        except OSError:
            how = "reset"
        finally:
            self._sender.pace.answered(self._device)
        return self._without_reply(how, began_s)

    async def tell(self, frame: bytes) -> None:
        """Send a frame that has no reply."""
        await self._send(frame)
        self._sender.pace.answered(self._device)

    async def close(self) -> None:
        """Close in order: what was sent arrives, and the device sees the end."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._sender.pace.limits.close_timeout_s):
                await self._writer.wait_closed()

    async def _send(self, frame: bytes) -> float:
        # The list is asked before anything is awaited or written.
        await self._sender.admitted(self._wire.protocol, self._device, frame)
        began_s = monotonic_s()
        with suppress(OSError):  # a connection that was cut shows when the reply is waited for
            self._writer.write(frame)
            await self._writer.drain()
        return began_s

    async def _reply_to(self, frame: bytes) -> bytes:
        for _ in range(_STALE_MAX):
            reply = await self._next_frame()
            if self._wire.answers(frame, reply):
                return reply
            if not any(self._wire.answers(earlier, reply) for earlier in self._unanswered):
                self._stray = reply
        raise Malformed("replies to other requests than this")

    async def _next_frame(self) -> bytes:
        """The next frame; what is read of it stays in `_received` while it is not whole."""
        self._received = b""
        while (size := self._wire.size(self._received)) is None:
            await self._read(self._wire.head - len(self._received))
        while len(self._received) < size:
            await self._read(size - len(self._received))
        whole, self._received = self._received, b""
        return whole

    async def _read(self, most: int) -> None:
        read = await self._reader.read(most)
        if not read:
            raise asyncio.IncompleteReadError(self._received, None)
        self._received += read

    def _without_reply(self, how: How, began_s: float) -> Heard:
        kept = (self._received or self._stray)[:KEPT_MAX] or None
        self.broken = self.broken or how != "timeout"
        self._received = self._stray = b""
        return Heard(how, kept, _since(began_s) if kept else None)


class _All(asyncio.DatagramProtocol):
    """Hands over every datagram with the place it came from."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[Endpoint, bytes] | None] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self.came.put_nowait(((str(addr[0]), addr[1]), data))


class _First(asyncio.DatagramProtocol):
    """Hands over the first datagram, or the error that came instead."""

    def __init__(self, first: "asyncio.Future[bytes]") -> None:
        self._first = first

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr  # the socket is connected: it hears nobody else
        if not self._first.done():
            self._first.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._first.done():
            self._first.set_exception(exc)


def device_at(address: str, port: int) -> str:
    """What counts as one device: an address; on loopback, where devices are simulated, a port.

    >>> device_at("10.0.0.7", 502), device_at("127.0.0.1", 5020)
    ('10.0.0.7', '127.0.0.1:5020')
    """
    return f"{address}:{port}" if ip_address(address).is_loopback else address


def resolve(host: str) -> list[str]:
    """The addresses a name stands for; none where nobody knows it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _heard(datagram: bytes, began_s: float) -> Heard:
    """A datagram that came in reply, which is none if it is too long for one."""
    if len(datagram) > _DATAGRAM_MAX:
        return Heard("malformed", datagram[:KEPT_MAX], _since(began_s))
    return Heard("answered", datagram, _since(began_s))


def _since(began_s: float) -> int:
    return round((monotonic_s() - began_s) * _MICRO)
