"""What devices were overheard to say, in traffic that others caused or asking for an address.

Of each device, unit or slot the exchanges that say what it is make one passive probe, from the
first to the last of a capture. When a device answers the same question otherwise than before, it
has changed, and another probe begins.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final

from connectors.devices import bootp, cip, ethernetip, modbus
from connectors.devices.captures import Packet, Place
from connectors.devices.contract import DeviceProtocol, Probe, Sent
from connectors.devices.discovery import SOURCE
from connectors.devices.ethernetip_interview import ETHERNET_IP
from connectors.devices.modbus_interview import MODBUS
from connectors.devices.octets import Malformed
from connectors.devices.recording import DECODER_VERSION, stated
from connectors.devices.streams import Way
from schemas.devices import DeviceProbed
from schemas.envelope import Event

REQUESTS_MAX: Final = 256
"""Requests without a reply that are remembered of one connection."""

CLASS_MAX: Final = 255
"""Bytes of a vendor class that are told as a name, as many as one option has; all are recorded."""

_TELLING: Final = frozenset({modbus.READ_IDENTIFICATION, modbus.REPORT_SERVER_ID})


@dataclass(frozen=True, slots=True)
class _Part:
    """A device, or a unit or slot of one."""

    protocol: DeviceProtocol
    place: Place
    unit: int | None = None
    slot: int | None = None


@dataclass(slots=True)
class _Heard:
    """What a part has said so far: its exchanges by the question, and when the first was."""

    at_us: int
    sents: dict[bytes, Sent] = field(default_factory=dict)


@dataclass(slots=True)
class _Stream:
    """One way of a connection and the bytes of it that are not a frame yet."""

    way: Way = field(default_factory=Way)
    rest: bytes = b""


class Overhearing:
    """Takes packets in their order and gives what they tell of devices."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._parts: dict[_Part, _Heard] = {}
        self._streams: dict[tuple[Place, Place], _Stream] = {}
        self._asked: dict[tuple[Place, Place, bytes], tuple[bytes, int]] = {}
        self._listed: tuple[bytes, int] | None = None

    def events(self, packets: Iterable[Packet]) -> Iterator[Event]:
        """The events of all packets; what was heard of a device comes when all is heard."""
        for packet in packets:
            yield from self.hear(packet)
        for part, heard in self._parts.items():
            yield from _told(part, heard)
        self._parts.clear()

    def hear(self, packet: Packet) -> Iterator[Event]:
        """What a packet tells at once: a request for an address, or that a device has changed."""
        if packet.transport == "udp":
            if packet.target.port == bootp.PORT:
                yield from _sighted(packet)
            elif ethernetip.PORT in {packet.source.port, packet.target.port}:
                yield from self._datagram(packet)
        elif ports := {packet.source.port, packet.target.port} & {modbus.PORT, ethernetip.PORT}:
            yield from self._segment(packet, min(ports))

    def _datagram(self, packet: Packet) -> Iterator[Event]:
        """A question of EtherNet/IP, often to everybody, or an answer."""
        try:
            said = ethernetip.read_packet(packet.payload)
        except Malformed:
            return
        if said.command != ethernetip.LIST_IDENTITY:
            return
        if not said.data:
            self._listed = (packet.payload, packet.at_us)
        elif packet.source.port == ethernetip.PORT:
            request, asked_us = self._listed or (b"", packet.at_us)
            part = _Part(ETHERNET_IP, packet.source)
            yield from self._exchanged(part, request, packet, packet.payload, asked_us)

    def _segment(self, packet: Packet, port: int) -> Iterator[Event]:
        """Bytes of a connection: whole frames of it are requests, or replies to them."""
        stream = self._streams.setdefault((packet.source, packet.target), _Stream())
        if packet.begins:
            stream.rest = b""
        more = stream.way.add(packet)
        if stream.way.broken:
            stream.rest = b""
        stream.rest += more
        is_reply = packet.source.port == port
        for frame in _frames(stream, port):
            if is_reply:
                yield from self._replied(packet, port, frame)
            else:
                self._remember((packet.source, packet.target, _name(frame, port)), packet, frame)

    def _remember(self, key: tuple[Place, Place, bytes], packet: Packet, frame: bytes) -> None:
        self._asked.pop(key, None)
        self._asked[key] = (frame, packet.at_us)
        while len(self._asked) > REQUESTS_MAX:
            self._asked.pop(next(iter(self._asked)))

    def _replied(self, packet: Packet, port: int, frame: bytes) -> Iterator[Event]:
        asked = self._asked.pop((packet.target, packet.source, _name(frame, port)), None)
        if asked is None:
            return
        request, asked_us = asked
        part = _modbus_part(packet, request) if port == modbus.PORT else _cip_part(packet, request)
        if part is not None:
            yield from self._exchanged(part, request, packet, frame, asked_us)

    def _exchanged(
        self, part: _Part, request: bytes, packet: Packet, reply: bytes, asked_us: int
    ) -> Iterator[Event]:
        """Keep an exchange; what was heard before is told where this contradicts it."""
        sent = Sent(request, reply, max(0, packet.at_us - asked_us), "ok")
        question = _question(part, request)
        heard = self._parts.get(part)
        if heard is not None:
            before = heard.sents.get(question)
            if before is None:
                heard.sents[question] = sent
            if before is None or _answer(part, before) == _answer(part, sent):
                return
            yield from _told(part, heard)
        self._parts[part] = _Heard(packet.at_us, {question: sent})


def _frames(stream: _Stream, port: int) -> Iterator[bytes]:
    """The whole frames at the beginning of a stream; what is no frame is thrown away."""
    size_of = modbus.frame_size if port == modbus.PORT else ethernetip.packet_size
    while True:
        try:
            size = size_of(stream.rest)
        except Malformed:
            stream.rest = b""
            return
        if size is None or len(stream.rest) < size:
            return
        frame, stream.rest = stream.rest[:size], stream.rest[size:]
        yield frame


def _name(frame: bytes, port: int) -> bytes:
    """What a reply repeats of its request: the transaction, or command, session and context."""
    return frame[:2] + frame[6:7] if port == modbus.PORT else frame[:2] + frame[4:8] + frame[12:20]


def _modbus_part(packet: Packet, request: bytes) -> _Part | None:
    """The unit that was asked what it is."""
    try:
        asked = modbus.read_frame(request)
    except Malformed:
        return None
    if not asked.pdu or asked.pdu[0] not in _TELLING:
        return None
    return _Part(MODBUS, packet.source, unit=asked.unit)


def _cip_part(packet: Packet, request: bytes) -> _Part | None:
    """The device, or the slot of one, that was asked for its identity."""
    try:
        asked = ethernetip.read_packet(request)
        if asked.command == ethernetip.LIST_IDENTITY:
            return _Part(ETHERNET_IP, packet.source)
        if asked.command != ethernetip.SEND:
            return None
        message = ethernetip.message_in(asked.data)
    except Malformed:
        return None
    if message == cip.get_all(cip.IDENTITY):
        return _Part(ETHERNET_IP, packet.source)
    slot = cip.slot_asked(message, cip.get_all(cip.IDENTITY))
    return None if slot is None else _Part(ETHERNET_IP, packet.source, slot=slot)


def _question(part: _Part, request: bytes) -> bytes:
    """A request without what numbers it."""
    return request[7:] if part.protocol is MODBUS else request[:2] + request[24:]


def _answer(part: _Part, sent: Sent) -> object:
    """What a device says of itself by an exchange, whatever state it is in just now."""
    identity = part.protocol.decode(Probe(part.unit, part.slot, "answered", (sent,)))
    return replace(identity, status=None, state=None)


def _told(part: _Part, heard: _Heard) -> Iterator[Event]:
    """What a part is; nothing where its replies do not say it, as those of an empty slot."""
    exchanges = tuple(heard.sents.values())
    probe = Probe(
        part.unit, part.slot, "identified", exchanges, transport="capture", path="passive"
    )
    evidence = part.protocol.decode(probe).evidence
    if evidence is None:
        return
    if evidence == "exceptions":
        probe = replace(probe, outcome="answered")
    data = stated(probe, part.protocol, *part.place)
    yield _named(data, heard.at_us)


def _sighted(packet: Packet) -> Iterator[Event]:
    """A device that asks for an address; it has none yet, so its hardware address names it."""
    try:
        sighting = bootp.decode(packet.payload)
    except Malformed:
        return
    if not sighting.hardware:
        return
    wanted = sighting.parameters
    objects = {
        "oui": sighting.oui,
        "kind": "bootp" if sighting.message_type is None else "dhcp",
        "length": str(sighting.length),
        "options": ",".join(map(str, sighting.options)),
        **({} if wanted is None else {"parameters": ",".join(map(str, wanted))}),
    }
    vendor_class = (sighting.vendor_class or b"")[:CLASS_MAX].decode("latin-1").strip("\0 ")
    data = DeviceProbed(
        address=sighting.hardware.hex(":"),
        port=bootp.PORT,
        protocol="bootp",
        transport="capture",
        path="passive",
        outcome="identified",
        exchanges=[{"request": packet.payload.hex(), "outcome": "ok"}],
        evidence="request",
        product=vendor_class or None,
        mac=sighting.hardware.hex(":"),
        objects=objects,
        decoder_version=DECODER_VERSION,
    )
    yield _named(data, packet.at_us)


def _named(data: DeviceProbed, at_us: int) -> Event:
    """An event whose id follows from what was heard and when: the same again is a repeat."""
    said = f"{data.partition_key()}\0{at_us}\0{data.exchanges}".encode()
    return Event(SOURCE, f"sighting/{blake2b(said, digest_size=16).hexdigest()}", data, at_us)
