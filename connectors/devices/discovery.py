"""A run of discovery: targets in, events out, as devices answer.

Everything goes through one sender, so its limits are those of the run. A run that is cancelled
closes its connections in order; what it has given by then is whole.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from connectors.devices.contract import (
    Asked,
    DeviceProtocol,
    Probe,
    Profile,
    Recall,
    Sent,
    Talk,
    judged,
    nothing,
    outcome_of,
)
from connectors.devices.recording import stated
from connectors.devices.sender import NoConnection, Sender
from connectors.devices.targets import Target
from connectors.devices.visits import Lanes, Place, Visit
from schemas.clock import Clock, new_id, now_us
from schemas.devices import DeviceProbed, ProbeOutcome
from schemas.envelope import Event

SOURCE: Final = "motif"
"""Who states probes."""

USUAL: Final = Asked()
"""The usual units and slots."""

Lookup = Callable[[DeviceProbed], Profile | None]
"""What is known of devices that say what this one says; None where nothing is."""

_UNREACHED: Final[dict[str, ProbeOutcome]] = {
    "silent": "silent",
    "refused": "refused",
    "unreachable": "unreachable",
}


class Visited(NamedTuple):
    """A target that is done: under a protocol, with the events about what was met there.

    It may be `left_out` because its devices may not be asked at this time.
    """

    target: Target
    protocol: str
    events: list[Event]
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    """One run: who asks, for which units and slots, and how its events are named.

    `lookup` says what is known of a device; without it every device is asked the whole list.
    `units` are those under which Modbus devices were met before, `known` the places where any
    device was, and `done` those that are not to be visited again; without `learn` nothing is to be
    learned from what is found. Those of `swept` were asked by datagrams,
    and what they answered is in `heard`.
    """

    sender: Sender
    asked: Asked = USUAL
    run_id: str | None = None
    lookup: Lookup | None = None
    units: Mapping[Place, int] = field(default_factory=dict)
    known: Collection[Place] = ()
    done: Collection[Place] = ()
    heard: dict[Place, Sent] = field(default_factory=dict)
    swept: set[Place] = field(default_factory=set)
    learn: bool = True
    ids: Callable[[], str] = new_id
    clock: Clock = now_us

    async def run(
        self, visits: Iterable[Visit], broadcasts: Sequence[Visit] = ()
    ) -> AsyncIterator[Visited]:
        """Visit all, several at once, and give each that is done.

        Before all, whoever hears one of the `broadcasts` is asked who is there. Then where somebody
        was met before comes first. Meanwhile all other addresses of ranges are asked by a datagram
        each, where the protocol has such a question; whoever answers comes next. The rest is
        visited in the background, fewer at once and at a lower rate. Of an address within a range
        nothing is said where nobody was met before and nobody answers.
        """
        async with aclosing(self.together(visits, broadcasts)) as done:
            async for several in done:
                for visited in several:
                    yield visited

    async def together(
        self, visits: Iterable[Visit], broadcasts: Sequence[Visit] = ()
    ) -> AsyncGenerator[list[Visited], None]:
        """The same, in one list those that are done at once."""
        lanes = await self._lanes(visits, broadcasts)
        limits = self.sender.pace.limits
        sweep = self._sweep(lanes)
        listening: asyncio.Task[Visit | None] | None = asyncio.create_task(_next(sweep))
        front: set[asyncio.Task[Visited]] = set()
        back: set[asyncio.Task[Visited]] = set()
        try:
            while True:
                room = limits.at_once - len(front) - len(back)
                front |= {asyncio.create_task(self.visit(one)) for one in lanes.front(room)}
                if listening is None:
                    room = min(limits.at_once - len(front), limits.background_at_once) - len(back)
                    back |= {asyncio.create_task(self._later(one)) for one in lanes.back(room)}
                waiting = {*front, *back, *([] if listening is None else [listening])}
                if not waiting:
                    return
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if listening in done:
                    met = listening.result()
                    listening = None if met is None else asyncio.create_task(_next(sweep))
                    if met is not None:
                        lanes.met(met)
                ended = [task for task in (*front, *back) if task in done]
                front.difference_update(ended)
                back.difference_update(ended)
                if ended:
                    yield [task.result() for task in ended if task.exception() is None]
                for visited in ended:
                    visited.result()  # what went wrong is raised once the others are given
        finally:
            left = [*front, *back, *([] if listening is None else [listening])]
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await sweep.aclose()

    async def _lanes(self, visits: Iterable[Visit], broadcasts: Sequence[Visit]) -> Lanes:
        """What to visit, with whoever heard a broadcast: before any is asked something else."""
        lanes = Lanes(visits, self.known, self.done)
        for everybody in broadcasts:
            async for found in self._answers([everybody], everybody.protocol, broadcast=True):
                lanes.met(found)
        return lanes

    async def _sweep(self, lanes: Lanes) -> AsyncGenerator[Visit]:
        """Whoever answers a datagram, of those that nobody knows of; the answer is remembered."""
        unknown: dict[str, list[Visit]] = {}
        for visit in lanes.unknown:
            if visit.protocol.datagram is not None and self.sender.may(visit.target.address):
                unknown.setdefault(visit.protocol.name, []).append(visit)
        for asked in unknown.values():
            protocol = asked[0].protocol
            self.swept.update(visit.place for visit in asked)
            async for found in self._answers(asked, protocol, broadcast=False):
                yield found

    async def _answers(
        self, visits: Sequence[Visit], protocol: DeviceProtocol, *, broadcast: bool
    ) -> AsyncIterator[Visit]:
        question = protocol.datagram
        assert question is not None
        frame = question.broadcast if broadcast else question.frame
        to = [(one.target.address, one.port) for one in visits]
        spread_s = question.spread_s if broadcast else None
        async with aclosing(self.sender.sweep(protocol.name, frame, to, spread_s)) as sweep:
            async for address, port, heard in sweep:
                visit = Visit(Target(address, port, named=False), protocol)
                sent, _ = judged(frame, heard, question.read)
                self.heard[visit.place] = sent._replace(transport="udp")
                yield visit

    async def _later(self, visit: Visit) -> Visited:
        """Visit a place where nobody was met so far, when its turn comes."""
        await self.sender.pace.background()
        return await self.visit(visit)

    async def visit(self, visit: Visit) -> Visited:
        """Ask one device in one protocol; it is left out if it may not be asked at this time."""
        address = visit.target.address
        asked = replace(self.asked, first=self.units.get(visit.place))
        async with self.sender.device(address, visit.port):
            if not self.sender.may(address):
                return Visited(visit.target, visit.protocol.name, [], left_out=True)
            began_us = self.clock()
            talk = Talk(self.sender, visit.protocol.name, address, visit.port)
            said = self.heard.get(visit.place)
            if said is not None:
                talk.exchanges.append(said)
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
        said = self.heard.get(visit.place)
        if said is None and outcome == "refused" and visit.place not in self.swept:
            said = await self._asked_by_datagram(visit)
        if said is not None:
            said = said._replace(transport=None)  # it is that of the whole probe
            probe = Probe(None, None, "answered", (said,), transport="udp")
            identified = visit.protocol.decode(probe).evidence is not None
            return [replace(probe, outcome=outcome_of((said,), identified=identified))]
        expected = visit.target.named or visit.place in self.known
        return [Probe(None, None, outcome, ())] if expected else []

    async def _asked_by_datagram(self, visit: Visit) -> Sent | None:
        """What a device answers to a datagram, where the protocol has such a question."""
        question = visit.protocol.datagram
        if question is None:
            return None
        heard = await self.sender.datagram(
            visit.protocol.name, visit.target.address, visit.port, question.frame
        )
        sent, _ = judged(question.frame, heard, question.read)
        return sent if heard.how in {"answered", "malformed"} else None

    def _event(self, visit: Visit, probe: Probe, began_us: int) -> Event:
        address, port = visit.target.address, visit.port
        data = stated(probe, visit.protocol, address, port, run_id=self.run_id, learn=self.learn)
        return Event(SOURCE, f"probe/{self.ids()}", data, began_us)


async def _next(sweep: AsyncGenerator[Visit]) -> Visit | None:
    """Who answered next, None when nobody does any more."""
    return await anext(sweep, None)
