"""What a protocol of devices is: something that can be asked what a device is, by reading only.

A protocol has an `Interview`: it asks through a `Talk`, which sends and keeps what came, and gives
one `Probe` a unit or slot that it met. What a probe says the device is, is not decided while
asking: `Decode` makes it from the bytes of the exchanges, today and in a replay by a later version.

* Requests are built by pure functions and held against `allowed`; a protocol adds its frames there.
* A reply is decoded at once only to go on: `Talk.ask` says whether it was one.
* Nobody retries. A device that is busy, resets the connection or is silent twice is left alone.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol, TypeVar

from connectors.devices.octets import Malformed
from connectors.devices.sender import Heard, Line, NoConnection, Sender
from schemas.devices import BUSY_CODES, Evidence, ExchangeOutcome, ProbeOutcome, ProbePath, Usage

SILENCES_MAX: Final = 2
"""So many requests in a row without a reply, and the device is left alone."""

REOPENED_MAX: Final = 3
"""How often a connection is opened again that the device closed in order."""

Reply = TypeVar("Reply")


class Sent(NamedTuple):
    """A request and what came back; `transport` where it is not that of the probe."""

    request: bytes
    response: bytes | None
    reply_us: int | None
    outcome: ExchangeOutcome
    code: int | None = None
    transport: Literal["udp"] | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One interrogation of a device, a unit or a slot, as it went.

    `alone` says that nobody else was met at this address, no other unit and no slot. `usage` is
    how far a learned pattern was used, the one named by `pattern_id`.
    """

    unit: int | None
    slot: int | None
    outcome: ProbeOutcome
    exchanges: tuple[Sent, ...]
    units: tuple[int, ...] = ()
    transport: Literal["tcp", "udp", "capture"] = "tcp"
    path: ProbePath = "slow"
    alone: bool | None = None
    usage: Usage | None = None
    pattern_id: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What was learned of a sort of devices, as far as asking one of them needs it.

    `answers` are requests that work, each with the length of its reply. `alone` says that devices
    of this sort were never met together with others. Without `applied` nothing is to be left out:
    the pattern fits, but is not to be trusted so far.
    """

    pattern_id: str
    answers: Mapping[bytes, int]
    alone: bool
    applied: bool


Recall = Callable[[Probe], Profile | None]
"""What is known of devices that say of themselves what this probe says; None where nothing is."""


def nothing(probe: Probe) -> None:
    """Recall nothing: whatever is met is asked the whole list."""
    del probe


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
    answers: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which parts of a device are asked for: units or slots by their numbers, else the usual.

    `first` is the unit under which a device was met before: of the usual ones it is tried first.
    """

    units: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()
    first: int | None = None


class Interview(Protocol):
    """Asks a device everything on a frozen list, or less where it is recalled."""

    async def __call__(self, talk: "Talk", asked: Asked, recall: Recall) -> list[Probe]:
        """The probes of a device, the first of them of the device itself."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """A question that fits into a datagram, and how its answer is read.

    `broadcast` is the same question to everybody at once, with the seconds over which they spread
    their answers.
    """

    frame: bytes
    broadcast: bytes
    spread_s: float
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
        self,
        frame: bytes,
        read: Callable[[bytes], tuple[Reply, int | None]],
        *,
        of_module: bool = False,
    ) -> Reply | None:
        """Send a frame; what its reply says, None where there was none.

        `read` gives what a reply says, with a code where that is why not. Every exchange is kept.
        A device that says it is busy is left alone, but for what it says `of_module`.
        """
        if not self.sender.may(self.address):
            self.over = True
        line = await self._opened()
        if line is None:
            return None
        heard = await line.ask(frame)
        sent, reply = judged(frame, heard, read)
        self.exchanges.append(sent)
        self.silences = self.silences + 1 if heard.how == "timeout" else 0
        is_busy = not of_module and is_of_busy(self.protocol, sent)
        if heard.how in {"reset", "malformed"} or self.silences >= SILENCES_MAX or is_busy:
            self.over = True
        if heard.how == "reset" or is_busy:
            self.sender.spare(self.address, self.port)
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


def is_of_busy(protocol: str, sent: Sent) -> bool:
    """Whether a device answered by being busy."""
    return sent.outcome == "exception" and sent.code == BUSY_CODES.get(protocol)


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


def verifying(profile: Profile, reads: Sequence[bytes]) -> bytes | None:
    """The first of the reads that works with every device of a profile's sort, None without one."""
    return next((read for read in reads if read in profile.answers), None)


def judged_by(
    protocol: str, profile: Profile, sent: Sent | None, first: Identity, second: Identity
) -> Usage:
    """How far a profile was used by what was sent to verify it.

    An exception, another length or another identity contradicts it, never a value. A device that
    did not answer, is busy, or may not be asked any more says neither.
    """
    if sent is None or is_of_busy(protocol, sent):
        return "applied"
    if sent.outcome == "exception":
        return "contradicted"
    if sent.outcome != "ok":
        return "applied"
    for name in ("vendor_id", "vendor", "device_type", "product_code", "revision"):
        one, other = getattr(first, name), getattr(second, name)
        if one is not None and other is not None and one != other:
            return "contradicted"
    expected = {request.hex(): length for request, length in profile.answers.items()}
    kept = all(expected.get(request) == size for request, size in (second.answers or {}).items())
    return "confirmed" if second.answers and kept else "contradicted"


def compared(profile: Profile, request: bytes | None, found: Identity) -> Usage:
    """How far a profile that was not trusted is what the whole list found."""
    told = (found.answers or {}).get(request.hex()) if request is not None else None
    if request is None or told is None:
        return "matched"
    return "agreed" if told == profile.answers[request] else "disagreed"


def outcome_of(exchanges: Sequence[Sent], *, identified: bool) -> ProbeOutcome:
    """How a probe ended that exchanged this."""
    if identified:
        return "identified"
    outcomes = {sent.outcome for sent in exchanges}
    if outcomes & {"ok", "exception"}:
        return "answered"
    return "malformed" if "malformed" in outcomes else "silent"
