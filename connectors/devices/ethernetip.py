"""EtherNet/IP: the packets that carry CIP, and those that tell what a device is without it.

Pure functions from values to bytes and back. Every packet begins with 24 bytes; numbers are little
end first, but for the socket address inside an identity.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from struct import Struct
from typing import Final, NamedTuple

from connectors.devices import cip
from connectors.devices.octets import Malformed, Octets

PROTOCOL: Final = "ethernet_ip"
PORT: Final = 44818

HEADER_BYTES: Final = 24
DATA_MAX: Final = 4096
"""Bytes of a reply's data at most; an identity has under 300, a bus of 256 slots none more."""

LIST_SERVICES: Final = 0x04
LIST_IDENTITY: Final = 0x63
LIST_INTERFACES: Final = 0x64
REGISTER: Final = 0x65
UNREGISTER: Final = 0x66
SEND: Final = 0x6F
"""SendRRData: a CIP message that needs no connection."""

NULL_ITEM: Final = 0x0000
IDENTITY_ITEM: Final = 0x000C
MESSAGE_ITEM: Final = 0x00B2
SERVICE_ITEM: Final = 0x0100
ITEMS_MAX: Final = 64

CONTEXT_BYTES: Final = 8
VERSION: Final = 1

_TIMEOUT_S: Final = 5

_HEADER: Final = Struct(f"<HHII{CONTEXT_BYTES}sI")
"""Command, length, session, status, context, options."""
_ITEM: Final = Struct("<HH")
_BEFORE_ITEMS: Final = 6
_SOCKET: Final = Struct("!2xH4s8x")
"""Behind the family, the port and the address, and padding."""


class Packet(NamedTuple):
    """One packet; `context` is sent back as it came."""

    command: int
    session: int
    status: int
    context: bytes
    data: bytes


class Item(NamedTuple):
    """One of the items that the data of most replies consist of."""

    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """What a device says of itself in ListIdentity.

    `address` and `port` are what it believes to be its own: told, and never connected to.
    """

    identity: cip.Identity
    version: int
    address: str
    port: int


def packet(command: int, session: int, context: bytes, data: bytes = b"") -> bytes:
    """A packet as it travels.

    >>> packet(LIST_IDENTITY, 0, bytes(8)).hex()
    '630000000000000000000000000000000000000000000000'
    """
    assert len(context) == CONTEXT_BYTES
    head = (command.to_bytes(2, "little"), len(data).to_bytes(2, "little"))
    return b"".join((*head, session.to_bytes(4, "little"), bytes(4), context, bytes(4), data))


def register(context: bytes) -> bytes:
    """Asks for a session."""
    return packet(REGISTER, 0, context, VERSION.to_bytes(2, "little") + bytes(2))


def send(session: int, context: bytes, message: bytes) -> bytes:
    """Asks a CIP question within a session."""
    timeout = bytes(4) + _TIMEOUT_S.to_bytes(2, "little")
    items = (2).to_bytes(2, "little") + bytes(4) + MESSAGE_ITEM.to_bytes(2, "little")
    return packet(
        SEND, session, context, timeout + items + len(message).to_bytes(2, "little") + message
    )


def packet_size(received: bytes) -> int | None:
    """How long the packet is that begins so; None while that is not known.

    Raises:
        Malformed: no packet begins so.
    """
    command = int.from_bytes(received[:2], "little")
    if len(received) >= 2 and command not in _COMMANDS:  # noqa: PLR2004  # a command has two bytes
        raise Malformed(f"the command is {command:#06x}, which nobody asks for")
    if len(received) < HEADER_BYTES:
        return None
    length = int.from_bytes(received[2:4], "little")
    if length > DATA_MAX:
        raise Malformed(f"the length is {length}; {DATA_MAX} bytes are the most")
    return HEADER_BYTES + length


def read_packet(received: bytes) -> Packet:
    """The packet in these bytes, which hold nothing else.

    Raises:
        Malformed: they hold none, or more.
    """
    size = packet_size(received)
    if size is None or len(received) < size:
        raise Malformed(f"the packet is cut off after {len(received)} bytes")
    if len(received) > size:
        raise Malformed(f"{len(received) - size} bytes stand behind the packet")
    command, _, session, status, context, options = _HEADER.unpack_from(received)
    if options:
        raise Malformed(f"the options are {options}; they must be 0")
    return Packet(command, session, status, context, received[HEADER_BYTES:])


def items_of(data: bytes) -> list[Item]:
    """The items of a reply.

    Raises:
        Malformed: one is cut off, they are too many, or something stands behind them.
    """
    octets = Octets(data, "little")
    count = octets.u16("the number of items")
    if count > ITEMS_MAX:
        raise Malformed(f"the reply declares {count} items; {ITEMS_MAX} are the most")
    items = []
    for _ in range(count):
        kind, length = octets.fields(_ITEM, "an item's type and length")
        items.append(Item(kind, octets.take(length, "an item")))
    octets.end("the items")
    return items


def listed_in(data: bytes) -> Listed:
    """The identity among the items of a ListIdentity reply, wherever it stands among them.

    Raises:
        Malformed: there is none, or it is cut off.
    """
    for item in items_of(data):
        if item.kind == IDENTITY_ITEM:
            return _listed(item.data)
    raise Malformed("none of the items is an identity")


def services_in(data: bytes) -> dict[str, int]:
    """The services that ListServices names, each with its capabilities.

    Raises:
        Malformed: an item is cut off.
    """
    found = {}
    for item in items_of(data):
        if item.kind == SERVICE_ITEM:
            octets = Octets(item.data, "little")
            octets.u16("the version")
            capabilities = octets.u16("the capabilities")
            name = octets.rest().partition(b"\0")[0]
            found[name.decode("latin-1")] = capabilities
    return found


def message_in(data: bytes) -> bytes:
    """The CIP message that the reply to `send` carries.

    Raises:
        Malformed: it carries none.
    """
    octets = Octets(data, "little")
    octets.take(_BEFORE_ITEMS, "the interface and the timeout")
    for item in items_of(octets.rest()):
        if item.kind == MESSAGE_ITEM:
            return item.data
    raise Malformed("none of the items is a message")


def _listed(data: bytes) -> Listed:
    octets = Octets(data, "little")
    version = octets.u16("the version")
    port, address = octets.fields(_SOCKET, "the address")
    return Listed(cip.read_identity(octets), version, str(IPv4Address(address)), port)


_COMMANDS: Final = frozenset(
    {LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES, REGISTER, UNREGISTER, SEND}
)
