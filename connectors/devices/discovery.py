"""A run of discovery: targets in, events out, as devices answer.

Everything goes through one sender, so its limits are those of the run. A run that is cancelled
closes its connections in order; what it has given by then is whole.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, NamedTuple

from connectors.devices.contract import (
    Asked,
    DeviceProtocol,
    Probe,
    Profile,
    Recall,
    Talk,
    judged,
    nothing,
    outcome_of,
)
from connectors.devices.recording import PROTOCOLS, stated
from connectors.devices.sender import NoConnection, Sender
from connectors.devices.targets import Target
from schemas.clock import Clock, new_id, now_us
from schemas.devices import DeviceProbed, ProbeOutcome
from schemas.envelope import Event
from schemas.errors import WrongUse

SOURCE: Final = "motif"
"""Who states probes."""

USUAL: Final = Asked()
"""The usual units and slots."""

Lookup = Callable[[DeviceProbed], Profile | None]
"""What is known of devices that say what this one says; None where nothing is."""

Place = tuple[str, int, str]
"""Address, port and protocol of a device."""

_UNREACHED: Final[dict[str, ProbeOutcome]] = {
    "silent": "silent",
    "refused": "refused",
    "unreachable": "unreachable",
}


class Visited(NamedTuple):
    """A target that is done: under a protocol, with the events about what was met there."""

    target: Target
    protocol: str
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Visit:
    """A target, and the protocol that it is to be asked in."""

    target: Target
    protocol: DeviceProtocol

    @property
    def port(self) -> int:
        """Where the device is asked."""
        return self.target.port or self.protocol.port

    @property
    def place(self) -> Place:
        """Address, port and protocol."""
        return (self.target.address, self.port, self.protocol.name)


def visits_to(targets: Iterable[Target], protocols: Sequence[str] = ()) -> list[Visit]:
    """What to visit: each target in each protocol asked for, by default in all that fit its port.

    Raises:
        WrongUse: a protocol nobody knows, or a port that is the usual one of none.
    """
    for name in protocols:
        if name not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            message = f"no protocol is called {name!r}; the protocols are {known}"
            raise WrongUse(message)
    chosen = [PROTOCOLS[name] for name in protocols] or list(PROTOCOLS.values())
    visits = []
    for target in targets:
        fitting = chosen
        if target.port is not None and not protocols:
            fitting = [one for one in chosen if one.port == target.port]
        if not fitting:
            message = (
                f"{target.port} is the usual port of no protocol; say which is spoken there "
                f"by --protocol, one of {', '.join(PROTOCOLS)}"
            )
            raise WrongUse(message)
        visits += [Visit(target, protocol) for protocol in fitting]
    return visits


@dataclass(frozen=True, slots=True)
class Discovery:
    """One run: who asks, for which units and slots, and how its events are named.

    `lookup` says what is known of a device; without it every device is asked the whole list.
    `units` are those under which Modbus devices were met before, and without `learn` nothing is
    to be learned from what is found.
    """

    sender: Sender
    asked: Asked = USUAL
    run_id: str | None = None
    lookup: Lookup | None = None
    units: Mapping[Place, int] = field(default_factory=dict)
    learn: bool = True
    ids: Callable[[], str] = new_id
    clock: Clock = now_us

    async def run(self, visits: Sequence[Visit]) -> AsyncIterator[Visited]:
        """Visit all, several at once, and give each that is done.

        Of an address within a range nobody hears where nobody answered.
        """
        async with aclosing(self.together(visits)) as done:
            async for several in done:
                for visited in several:
                    yield visited

    async def together(self, visits: Sequence[Visit]) -> AsyncGenerator[list[Visited], None]:
        """The same, in one list those that are done at once."""
        left = iter(visits)
        going = self._begin(islice(left, self.sender.pace.limits.at_once))
        try:
            while going:
                done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
                going |= self._begin(islice(left, len(done)))
                yield [task.result() for task in done if task.exception() is None]
                for task in done:
                    task.result()  # what went wrong is raised once the others are given
        finally:
            for task in going:
                task.cancel()
            await asyncio.gather(*going, return_exceptions=True)

    def _begin(self, visits: Iterable[Visit]) -> set[asyncio.Task[Visited]]:
        return {asyncio.create_task(self.visit(visit)) for visit in visits}

    async def visit(self, visit: Visit) -> Visited:
        """Ask one device in one protocol."""
        address = visit.target.address
        began_us = self.clock()
        asked = replace(self.asked, first=self.units.get(visit.place))
        async with self.sender.device(address, visit.port):
            talk = Talk(self.sender, visit.protocol.name, address, visit.port)
            try:
                await talk.open()
                probes = await visit.protocol.interview(talk, asked, self._recall_of(visit))
            except NoConnection as reason:
                probes = await self._unreached(visit, str(reason))
            finally:
                await talk.close()
        events = [self._event(visit, probe, began_us) for probe in probes]
        return Visited(visit.target, visit.protocol.name, events)

    def _recall_of(self, visit: Visit) -> Recall:
        """What the interview of this device asks for what is known."""
        lookup = self.lookup
        if lookup is None:
            return nothing
        address, port = visit.target.address, visit.port
        return lambda probe: lookup(stated(probe, visit.protocol, address, port))

    async def _unreached(self, visit: Visit, reason: str) -> list[Probe]:
        """What is to be said of a device that takes no connection."""
        outcome = _UNREACHED[reason]
        question = visit.protocol.datagram
        if question is not None and outcome == "refused":
            heard = await self.sender.datagram(
                visit.protocol.name, visit.target.address, visit.port, question.frame
            )
            sent, _ = judged(question.frame, heard, question.read)
            if heard.how == "answered":
                probe = Probe(None, None, "answered", (sent,), transport="udp")
                identified = visit.protocol.decode(probe).evidence is not None
                outcome = outcome_of((sent,), identified=identified)
                return [Probe(None, None, outcome, (sent,), transport="udp")]
        return [Probe(None, None, outcome, ())] if visit.target.named else []

    def _event(self, visit: Visit, probe: Probe, began_us: int) -> Event:
        address, port = visit.target.address, visit.port
        data = stated(probe, visit.protocol, address, port, run_id=self.run_id, learn=self.learn)
        return Event(SOURCE, f"probe/{self.ids()}", data, began_us)
