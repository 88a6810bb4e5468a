"""Capture files as a sniffer writes them, made of bytes that we know."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

BEGAN_S = 1_700_000_000
ETHERNET, RAW, LOOP, COOKED, COOKED_2 = 1, 101, 0, 113, 276
CLIENT, DEVICE = "10.0.0.9", "10.0.0.7"
SYN, ACK = 0x02, 0x10


@dataclass(frozen=True)
class Told:
    """A packet to be written: when, in milliseconds since the capture began, and its IP bytes."""

    ms: int
    ip: bytes


def udp(ms: int, source: tuple[str, int], target: tuple[str, int], payload: bytes) -> Told:
    head = struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0)
    return Told(ms, _ip(17, source[0], target[0], head + payload))


def tcp(
    ms: int,
    source: tuple[str, int],
    target: tuple[str, int],
    payload: bytes,
    sequence: int,
    flags: int = ACK,
) -> Told:
    head = struct.pack(">HHIIBBHHH", source[1], target[1], sequence % 2**32, 0, 80, flags, 0, 0, 0)
    return Told(ms, _ip(6, source[0], target[0], head + payload))


def _ip(protocol: int, source: str, target: str, body: bytes) -> bytes:
    addresses = ip_address(source).packed + ip_address(target).packed
    if ":" in source:
        return struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + addresses + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    return head + addresses + body


def conversation(
    pairs: Sequence[tuple[int, bytes, bytes | None]],
    port: int,
    *,
    device: str = DEVICE,
    first: int = 2**32 - 40,
) -> list[Told]:
    """A connection to a device: of each request when it was sent, its bytes and the reply's.

    Sequence numbers begin just before they wrap.
    """
    client, server = (CLIENT, 50_123), (device, port)
    mine, theirs = first, first + 7
    told = [tcp(0, client, server, b"", mine, SYN), tcp(0, server, client, b"", theirs, SYN)]
    mine, theirs = mine + 1, theirs + 1
    for ms, request, reply in pairs:
        told.append(tcp(ms, client, server, request, mine))
        mine += len(request)
        if reply is not None:
            told.append(tcp(ms + 3, server, client, reply, theirs))
            theirs += len(reply)
    return told


def framed(ip: bytes, link: int) -> bytes:
    """An IP packet on a link of that kind."""
    kind = 0x86DD if ip[0] >> 4 == 6 else 0x0800
    match link:
        case 1:
            return bytes(12) + struct.pack(">HHH", 0x8100, 5, kind) + ip  # with a tag
        case 113:
            return bytes(14) + struct.pack(">H", kind) + ip
        case 276:
            return struct.pack(">H", kind) + bytes(18) + ip
        case 0:
            return struct.pack("<I", 2) + ip
    return ip


def pcap(
    told: Sequence[Told], *, link: int = ETHERNET, order: str = "<", nano: bool = False
) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    for one in told:
        frame = framed(one.ip, link)
        second, ms = divmod(one.ms, 1_000)
        part = ms * (1_000_000 if nano else 1_000)
        size = len(frame)
        out += struct.pack(f"{order}IIII", BEGAN_S + second, part, size, size) + frame
    return out


def pcapng(
    told: Sequence[Told], *, link: int = ETHERNET, order: str = "<", power: int = 6
) -> bytes:
    section = struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1)
    option = struct.pack(f"{order}HHB3xHH", 9, 1, power, 0, 0)
    interface = struct.pack(f"{order}HHI", link, 0, 65_535) + option
    unknown = b"\1\2\3\4"
    out = _block(0x0A0D0D0A, section, order) + _block(1, interface, order)
    out += _block(0x0000_0BAD, unknown, order)
    for one in told:
        frame = framed(one.ip, link)
        clock = (BEGAN_S * 1_000 + one.ms) * 10**power // 1_000
        head = struct.pack(
            f"{order}IIIII", 0, clock >> 32, clock & 0xFFFFFFFF, len(frame), len(frame)
        )
        out += _block(6, head + frame + bytes(-len(frame) % 4), order)
    return out


def _block(kind: int, body: bytes, order: str) -> bytes:
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size
