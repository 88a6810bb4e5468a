"""What a protocol of devices is: something that can be asked what a device is, by reading only.

A protocol has an `Interview`: it asks through a `Talk`, which sends and keeps what came, and gives
one `Probe` a unit or slot that it met. What a probe says the device is, is not decided while
asking: `Decode` makes it from the bytes of the exchanges, today and in a replay by a later version.

* Requests are built by pure functions and held against `allowed`; a protocol adds its frames there.
* A reply is decoded at once only to go on: `Talk.ask` says whether it was one.
* Nobody retries. A device that is busy, resets the connection or is silent twice is left alone.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from connectors.devices.octets import Malformed
from connectors.devices.sender import Heard, Line, NoConnection, Sender
from schemas.devices import Evidence, ExchangeOutcome, ProbeOutcome

SILENCES_MAX: Final = 2
"""So many requests in a row without a reply, and the device is left alone."""

REOPENED_MAX: Final = 3
"""How often a connection is opened again that the device closed in order."""

Reply = TypeVar("Reply")


class Sent(NamedTuple):
    """A request and what came back."""

    request: bytes
    response: bytes | None
    reply_us: int | None
    outcome: ExchangeOutcome
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One interrogation of a device, a unit or a slot, as it went."""

    unit: int | None
    slot: int | None
    outcome: ProbeOutcome
    exchanges: tuple[Sent, ...]
    units: tuple[int, ...] = ()
    transport: Literal["tcp", "udp", "capture"] = "tcp"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a probe says a device is; the fields are those of `schemas.devices.DeviceProbed`."""

    evidence: Evidence | None = None
    vendor_id: int | None = None
    vendor: str | None = None
    device_type: int | None = None
    device_type_name: str | None = None
    product_code: str | None = None
    product: str | None = None
    revision: str | None = None
    status: int | None = None
    state: int | None = None
    serial: str | None = None
    mac: str | None = None
    conformity: int | None = None
    objects: dict[str, str] | None = None
    simulator: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which parts of a device are asked for: units or slots by their numbers, else the usual."""

    units: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()


class Interview(Protocol):
    """Asks a device everything on a frozen list."""

    async def __call__(self, talk: "Talk", asked: Asked) -> list[Probe]:
        """The probes of a device, the first of them of the device itself."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """A question that fits into a datagram, and how its answer is read."""

    frame: bytes
    read: Callable[[bytes], tuple[object, int | None]]


Decode = Callable[[Probe], Identity]
"""What the bytes of a probe say, and nothing else: a pure function."""


@dataclass(frozen=True, slots=True)
class DeviceProtocol:
    """A protocol: its name, its usual port, and how a device is asked and understood.

    `requests` is the length of the frozen list, which is said beside every result. `datagram` asks
    a device what it is without a connection, where the protocol has such a question.
    """

    name: str
    port: int
    requests: int
    interview: Interview
    decode: Decode
    datagram: "Datagram | None" = None


@dataclass(slots=True)
class Talk:
    """A conversation with one device over one connection at a time.

    `over` says that the device is to be left alone; then nothing more is sent.
    """

    sender: Sender
    protocol: str
    address: str
    port: int
    over: bool = False
    silences: int = 0
    reopened: int = 0
    exchanges: list[Sent] = field(default_factory=list)
    _line: Line | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self) -> None:
        """Connect.

        Raises:
            NoConnection: there is nobody.
        """
        line = self.sender.line(self.protocol, self.address, self.port)
        self._line = await self._stack.enter_async_context(line)

    async def close(self) -> None:
        """Close the connection in order."""
        await self._stack.aclose()
        self._line = None

    async def ask(
        self, frame: bytes, read: Callable[[bytes], tuple[Reply, int | None]]
    ) -> Reply | None:
        """Send a frame; what its reply says, None where there was none.

        `read` gives what a reply says, with a code where that is why not. Every exchange is kept.
        """
        line = await self._opened()
        if line is None:
            return None
        heard = await line.ask(frame)
        sent, reply = judged(frame, heard, read)
        self.exchanges.append(sent)
        self.silences = self.silences + 1 if heard.how == "timeout" else 0
        if heard.how in {"reset", "malformed"} or self.silences >= SILENCES_MAX:
            self.over = True
        return reply

    async def tell(self, frame: bytes) -> None:
        """Send a frame that has no reply."""
        line = await self._opened()
        if line is not None:
            await line.tell(frame)
            self.exchanges.append(Sent(frame, None, None, "ok"))

    async def _opened(self) -> Line | None:
        """The connection, opened again if the device closed it in order; None when it is over."""
        if self.over or self._line is None:
            return None
        if self._line.broken:
            await self.close()
            self.reopened += 1
            if self.reopened > REOPENED_MAX:
                self.over = True
                return None
            try:
                await self.open()
            except NoConnection:
                self.over = True
        return self._line


def judged(
    frame: bytes, heard: Heard, read: Callable[[bytes], tuple[Reply, int | None]]
) -> tuple[Sent, Reply | None]:
    """The exchange as it is kept, and what the reply says if it is one."""
    response = heard.response
    if heard.how != "answered" or response is None:
        outcome: ExchangeOutcome = "timeout" if heard.how == "answered" else heard.how
        return Sent(frame, response, heard.reply_us, outcome), None
    try:
        reply, code = read(response)
    except Malformed:
        return Sent(frame, response, heard.reply_us, "malformed"), None
    outcome = "ok" if code is None else "exception"
    return Sent(frame, response, heard.reply_us, outcome, code), reply


def outcome_of(exchanges: Sequence[Sent], *, identified: bool) -> ProbeOutcome:
    """How a probe ended that exchanged this."""
    if identified:
        return "identified"
    outcomes = {sent.outcome for sent in exchanges}
    if outcomes & {"ok", "exception"}:
        return "answered"
    return "malformed" if "malformed" in outcomes else "silent"
