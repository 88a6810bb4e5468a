"""Packets out of capture files: pcap and pcapng, of the links that plants are captured on.

What is no UDP or TCP is passed over, and so is a fragment. A file that ends in the middle of a
packet, as one that is still being written, gives all packets before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple

from connectors.devices.octets import Malformed, Octets, Order
from schemas.errors import WrongUse
from schemas.times import LAST_US

PACKET_MAX: Final = 1 << 18
"""Bytes of one packet; a file that states more is damaged."""

_PCAP: Final[dict[bytes, tuple[Order, int]]] = {
    bytes.fromhex("a1b2c3d4"): ("big", 1_000_000),
    bytes.fromhex("d4c3b2a1"): ("little", 1_000_000),
    bytes.fromhex("a1b23c4d"): ("big", 1_000_000_000),
    bytes.fromhex("4d3cb2a1"): ("little", 1_000_000_000),
}
"""The first bytes of a pcap file: the order of its numbers, and its units a second."""

_SECTION: Final = bytes.fromhex("0a0d0d0a")
_ORDERS: Final[dict[bytes, Order]] = {
    bytes.fromhex("1a2b3c4d"): "big",
    bytes.fromhex("4d3c2b1a"): "little",
}
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_RESOLUTION: Final = 9
_BINARY: Final = 0x80
_MICRO: Final = 1_000_000

_ETHERNET, _RAW, _LOOP, _LOOP_BIG, _COOKED, _COOKED_2 = 1, 101, 0, 108, 113, 276
_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS: Final = frozenset({0x8100, 0x88A8})
_TCP, _UDP = 6, 17
_EXTENSIONS: Final = frozenset({0, 43, 60})
_EXTENSIONS_MAX: Final = 8
_FRAGMENT: Final = 0x3FFF


class Place(NamedTuple):
    """An address and a port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Packet:
    """One datagram, or one segment of a connection with its place in the stream."""

    at_us: int
    transport: Literal["udp", "tcp"]
    source: Place
    target: Place
    payload: bytes
    sequence: int = 0
    begins: bool = False


def packets_in(path: Path) -> Iterator[Packet]:
    """The packets of a capture file, in its order.

    Raises:
        WrongUse: the file cannot be read, or is no capture.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            if head in _PCAP:
                frames = _pcap(file, *_PCAP[head])
            elif head == _SECTION:
                frames = _pcapng(file)
            else:
                raise WrongUse(f"{path} is no capture; it must be a pcap or pcapng file")
            for at_us, link, frame in frames:
                if at_us > LAST_US:  # no time: the file is damaged from here on
                    return
                packet = _packet(at_us, link, frame)
                if packet is not None:
                    yield packet
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error


Frame = tuple[int, int, bytes]
"""When it was captured, on which kind of link, and its bytes."""


def _pcap(file: IO[bytes], order: Order, units: int) -> Iterator[Frame]:
    rest = Octets(file.read(20), order)
    try:
        rest.take(16, "the header")
        link = rest.u32("the link") & 0xFFFF
        while head := file.read(16):
            octets = Octets(head, order)
            second, part, size = octets.u32("s"), octets.u32("part"), octets.u32("size")
            frame = file.read(_checked(size))
            if len(frame) < size:
                return
            yield second * _MICRO + part * _MICRO // units, link, frame
    except Malformed:
        return


def _pcapng(file: IO[bytes]) -> Iterator[Frame]:
    """Blocks: a section says the order of numbers, an interface its link and its clock."""
    order: Order = "little"
    interfaces: list[tuple[int, int]] = []
    kind_bytes, raw = _SECTION, file.read(4)
    try:
        while len(raw) == 4:  # noqa: PLR2004  # the length of a block
            if kind_bytes == _SECTION:
                mark = file.read(4)
                order, interfaces = _ORDERS.get(mark, order), []
                size = int.from_bytes(raw, order)
                file.read(_checked(size - 12))
            else:
                size = int.from_bytes(raw, order)
                body = file.read(_checked(size - 8))
                if len(body) < size - 8:
                    return
                kind = int.from_bytes(kind_bytes, order)
                if kind == _INTERFACE:
                    interfaces.append(_interface(Octets(body, order)))
                elif kind in {_SIMPLE, _ENHANCED}:
                    yield _captured(Octets(body, order), kind, interfaces)
            kind_bytes, raw = file.read(4), file.read(4)
    except (Malformed, IndexError):
        return


def _interface(octets: Octets) -> tuple[int, int]:
    """The link of an interface, and the units a second of its clock."""
    link = octets.u16("the link")
    octets.take(6, "the length of packets")
    units = _MICRO
    while octets.left > 4:  # noqa: PLR2004  # the length behind the options
        code, size = octets.u16("an option"), octets.u16("its length")
        value = octets.take(size, "its value")
        octets.take(-size % 4, "its padding")
        if code == _RESOLUTION and value:
            power = value[0] & ~_BINARY
            units = 2**power if value[0] & _BINARY else 10**power
        if not code:
            break
    return link, units


def _captured(octets: Octets, kind: int, interfaces: list[tuple[int, int]]) -> Frame:
    if kind == _SIMPLE:
        octets.u32("the length")
        return 0, interfaces[0][0], octets.take(octets.left - 4, "the packet")
    link, units = interfaces[octets.u32("the interface")]
    clock = (octets.u32("the time") << 32) + octets.u32("the time")
    size = _checked(octets.u32("the captured length"))
    octets.u32("the length")
    return clock * _MICRO // units, link, octets.take(size, "the packet")


def _checked(size: int) -> int:
    if not 0 <= size <= PACKET_MAX:
        raise Malformed(f"a packet of {size} bytes")
    return size


def _packet(at_us: int, link: int, frame: bytes) -> Packet | None:
    """What a frame carries, None where it is of no use here."""
    octets = Octets(frame, "big")
    try:
        kind = _network(link, octets)
        if kind == _IPV4:
            return _ipv4(at_us, octets)
        return _ipv6(at_us, octets) if kind == _IPV6 else None
    except Malformed:
        return None


def _network(link: int, octets: Octets) -> int:
    """The kind of what a frame carries, with the cursor at its beginning."""
    if link == _ETHERNET:
        octets.take(12, "the hardware addresses")
        kind = octets.u16("the kind")
        while kind in _TAGS:
            octets.take(2, "the tag")
            kind = octets.u16("the kind")
        return kind
    if link == _COOKED:
        octets.take(14, "the link")
        return octets.u16("the kind")
    if link == _COOKED_2:
        kind = octets.u16("the kind")
        octets.take(18, "the link")
        return kind
    if link in {_LOOP, _LOOP_BIG}:
        octets.take(4, "the family")
    elif link != _RAW:
        raise Malformed(f"a link of kind {link}")
    return _IPV4 if octets.peek() >> 4 == 4 else _IPV6  # noqa: PLR2004  # the version of IP


def _ipv4(at_us: int, octets: Octets) -> Packet | None:
    first = octets.u8("the version")
    octets.take(1, "the service")
    size = octets.u16("the length")
    octets.take(2, "the identification")
    fragment = octets.u16("the fragment") & _FRAGMENT
    octets.take(1, "the time to live")
    protocol = octets.u8("the protocol")
    octets.take(2, "the checksum")
    source, target = octets.take(4, "the source"), octets.take(4, "the target")
    header = (first & 15) * 4
    octets.take(header - 20, "the options")
    if fragment or size < header:
        return None
    return _carried(at_us, protocol, (source, target), octets.take(size - header, "the packet"))


def _ipv6(at_us: int, octets: Octets) -> Packet | None:
    octets.take(4, "the version")
    size, following = octets.u16("the length"), octets.u8("the next header")
    octets.take(1, "the hops")
    source, target = octets.take(16, "the source"), octets.take(16, "the target")
    inner = Octets(octets.take(size, "the packet"), "big")
    for _ in range(_EXTENSIONS_MAX):
        if following not in _EXTENSIONS:
            return _carried(at_us, following, (source, target), inner.rest())
        following, length = inner.u8("the next header"), inner.u8("the length")
        inner.take(8 * length + 6, "the extension")
    return None


def _carried(
    at_us: int, protocol: int, addresses: tuple[bytes, bytes], body: bytes
) -> Packet | None:
    octets = Octets(body, "big")
    if protocol not in {_UDP, _TCP}:
        return None
    source = Place(str(ip_address(addresses[0])), octets.u16("the source's port"))
    target = Place(str(ip_address(addresses[1])), octets.u16("the target's port"))
    if protocol == _UDP:
        size = octets.u16("the length")
        octets.take(2, "the checksum")
        return Packet(at_us, "udp", source, target, octets.take(size - 8, "the datagram"))
    sequence = octets.u32("the sequence number")
    octets.take(4, "the acknowledgement")
    header = (octets.u8("the offset") >> 4) * 4
    flags = octets.u8("the flags")
    octets.take(header - 14, "the rest of the header")
    return Packet(at_us, "tcp", source, target, octets.rest(), sequence, bool(flags & 2))
