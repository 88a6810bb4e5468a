"""What to visit, and in which order: where somebody is known to be before where nobody was met."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from connectors.devices.contract import DeviceProtocol
from connectors.devices.recording import PROTOCOLS
from connectors.devices.sender import device_at
from connectors.devices.targets import Target
from schemas.errors import WrongUse

Place = tuple[str, int, str]
"""Address, port and protocol of a device."""


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
    def device(self) -> str:
        """What counts as one device, whichever protocol it is asked in."""
        return device_at(self.target.address, self.port)

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
    chosen = [PROTOCOLS[name] for name in dict.fromkeys(protocols)] or list(PROTOCOLS.values())
    visits: dict[Place, Visit] = {}
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
        for visit in (Visit(target, protocol) for protocol in fitting):
            if target.named or visit.place not in visits:
                visits[visit.place] = visit
    return list(visits.values())


class Lanes:
    """What is left to visit, in two lanes.

    In the front are places where devices were met before, then those that somebody named, and
    those where somebody answered meanwhile; all else waits in the background.
    """

    def __init__(
        self,
        visits: Iterable[Visit],
        known: Collection[Place] = (),
        done: Collection[Place] = (),
    ) -> None:
        """Put the visits in order; of an address that is known at one place, all are in front.

        What is `done` is not visited, whoever answers there.
        """
        ordered = sorted(visits, key=lambda one: (one.place not in known, not one.target.named))
        near = {one.device for one in ordered if one.place in known or one.target.named}
        self._front = deque(one for one in ordered if one.device in near)
        self._back = {one.place: one for one in ordered if one.device not in near}
        self._planned = {*done, *(one.place for one in ordered)}
        self._at: dict[str, list[Place]] = {}
        for one in self._back.values():
            self._at.setdefault(one.device, []).append(one.place)

    @property
    def unknown(self) -> list[Visit]:
        """What is in the background."""
        return list(self._back.values())

    def met(self, visit: Visit) -> None:
        """Somebody answered there: it comes next, and so does what else is there."""
        if visit.place not in self._planned:
            self._planned.add(visit.place)
            self._front.append(visit)
        for place in self._at.pop(visit.device, ()):
            if place in self._back:
                self._front.append(self._back.pop(place))

    def front(self, most: int) -> list[Visit]:
        """Take so many from the front, or as many as there are."""
        return [self._front.popleft() for _ in range(min(most, len(self._front)))]

    def back(self, most: int) -> Iterator[Visit]:
        """Take so many from the background."""
        for place in list(islice(self._back, max(most, 0))):
            yield self._back.pop(place)
