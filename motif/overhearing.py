"""Devices that were overheard, in a capture file or on the link, into a log: nothing is sent."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.devices import bootp
from connectors.devices.captures import Packet, packets_in
from connectors.devices.listening import heard_for
from connectors.devices.passive import Overhearing
from connectors.devices.recording import PROTOCOLS
from schemas.devices import DeviceProbed
from schemas.envelope import Event

PIECE: Final = 256
"""Events that are made durable together."""

KNOWN: Final = (*PROTOCOLS, bootp.PROTOCOL)
"""The protocols in which devices are overheard."""

Publish = Callable[[Iterable[Event]], object]


@dataclass(slots=True)
class Overheard:
    """What was heard: packets that came by, and what they said of devices."""

    packets: int = 0
    probes: list[DeviceProbed] = field(default_factory=list)


def from_captures(
    publish: Publish, paths: Sequence[Path], protocols: Sequence[str] = ()
) -> Overheard:
    """Publish what was overheard of devices in capture files; the same again is a repeat.

    Raises:
        WrongUse: a file is none.
    """
    found = Overheard()
    for path in paths:
        _publish(publish, _told(packets_in(path), found, protocols), found)
    return found


def from_link(
    publish: Publish, seconds: float, *, port: int | None, told: Callable[[DeviceProbed], None]
) -> Overheard:
    """Publish every request for an address that comes within so many seconds, as it comes.

    Raises:
        MotifError: the port cannot be listened on.
    """
    found, hearing = Overheard(), Overhearing()
    # Whoever ends it by Ctrl-C wants to see what came until then.
    with suppress(KeyboardInterrupt):
        for packet in heard_for(seconds, port=port or bootp.PORT):
            found.packets += 1
            for event in hearing.hear(packet):
                publish([event])
                assert isinstance(event.data, DeviceProbed), "nothing else is overheard"
                found.probes.append(event.data)
                told(event.data)
    return found


def _told(packets: Iterator[Packet], found: Overheard, protocols: Sequence[str]) -> Iterator[Event]:
    def counted() -> Iterator[Packet]:
        for packet in packets:
            found.packets += 1
            yield packet

    for event in Overhearing().events(counted()):
        assert isinstance(event.data, DeviceProbed), "nothing else is overheard"
        if not protocols or event.data.protocol in protocols:
            yield event


def _publish(publish: Publish, events: Iterator[Event], found: Overheard) -> None:
    piece: list[Event] = []
    for event in events:
        piece.append(event)
        if isinstance(event.data, DeviceProbed):
            found.probes.append(event.data)
        if len(piece) >= PIECE:
            publish(piece)
            piece = []
    if piece:
        publish(piece)
