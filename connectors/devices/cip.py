"""CIP, the messages inside EtherNet/IP: reading attributes of objects, and what they hold.

Pure functions. Only two services are built here, GetAttributesAll and GetAttributeSingle, of three
classes of objects, and an envelope that carries one of these to a slot of a chassis.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from connectors.devices.octets import Malformed, Octets

GET_ALL: Final = 0x01
GET_SINGLE: Final = 0x0E
UNCONNECTED_SEND: Final = 0x52
"""The envelope: the Connection Manager passes a message on along a route."""

IDENTITY: Final = 0x01
TCP_IP: Final = 0xF5
LINK: Final = 0xF6
CONNECTION_MANAGER: Final = 0x06
READABLE: Final = frozenset({IDENTITY, TCP_IP, LINK})
"""Classes whose objects are read."""

BACKPLANE: Final = 1
"""The port of a module that leads to the other slots of its chassis."""

STATE, CONFIGURATION, HEARTBEAT = 8, 9, 10
"""Attributes of the Identity object that GetAttributesAll leaves out."""

_REPLY: Final = 0x80
_ANSWER: Final = Struct("<BxBB")
"""The service, and behind a reserved byte the status and the size of what extends it."""
_ATTRIBUTES: Final = Struct("<HHHBBHIB")
"""Attributes 1 to 6, and the length of the name, which is the seventh."""
_BYTE_MAX: Final = 0xFF
_CARRIED_AT: Final = 10
"""Where in an envelope the message begins that it carries."""
_TICK: Final = 10  # a tick is 2^10 ms
_TICKS: Final = 5


class Answer(NamedTuple):
    """The reply to a message: status 0 and data, or why there is none."""

    service: int
    status: int
    extended: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """What the Identity object of a device or a module says; numbers as they are assigned by ODVA.

    `state` is not known where the reply did not hold it.
    """

    vendor_id: int
    device_type: int
    product_code: int
    major: int
    minor: int
    status: int
    serial: int
    name: bytes
    state: int | None = None

    @property
    def revision(self) -> str:
        """Major and minor revision, as people write them."""
        return f"{self.major}.{self.minor}"


def get_all(class_id: int, instance: int = 1) -> bytes:
    """Asks for all attributes of an object.

    >>> get_all(IDENTITY).hex()
    '010220012401'
    """
    return _message(GET_ALL, _path(class_id, instance))


def get_single(class_id: int, attribute: int, instance: int = 1) -> bytes:
    """Asks for one attribute of an object, or with instance 0 of its class."""
    return _message(GET_SINGLE, _path(class_id, instance) + _segment(0x30, attribute))


def to_slot(message: bytes, slot: int) -> bytes:
    """The message in an envelope that takes it to a slot of the chassis.

    >>> to_slot(get_all(IDENTITY), 3).hex()
    '5202200624010a05060001022001240101000103'
    """
    head = bytes((_TICK, _TICKS)) + len(message).to_bytes(2, "little")
    route = bytes((1, 0, BACKPLANE, slot))
    padding = bytes(len(message) % 2)
    path = _path(CONNECTION_MANAGER, 1)
    return _message(UNCONNECTED_SEND, path) + head + message + padding + route


def slot_asked(message: bytes, inner: bytes) -> int | None:
    """The slot to which an envelope takes this message; None where it is no such envelope.

    >>> slot_asked(to_slot(get_all(IDENTITY), 3), get_all(IDENTITY))
    3
    """
    end = _CARRIED_AT + len(inner)
    if message[:1] != bytes((UNCONNECTED_SEND,)) or message[_CARRIED_AT:end] != inner:
        return None
    route = message[end + len(inner) % 2 :]
    return route[3] if route[:3] == bytes((1, 0, BACKPLANE)) and len(route) == 4 else None  # noqa: PLR2004


def answer_to(message: bytes, reply: bytes) -> Answer:
    """What was answered to a message, or by the slot an envelope was for.

    Raises:
        Malformed: it is no answer to that.
    """
    if not message or (message[0] == UNCONNECTED_SEND and len(message) <= _CARRIED_AT):
        raise Malformed("nothing was asked for")
    octets = Octets(reply, "little")
    service, status, size = octets.fields(_ANSWER, "the service and the status")
    service ^= _REPLY
    extended = octets.take(2 * size, "the extended status")
    expected = {message[0]}
    if message[0] == UNCONNECTED_SEND:
        inner = message[_CARRIED_AT]
        expected = {inner} if status == 0 else {inner, UNCONNECTED_SEND}
    if service not in expected:
        raise Malformed(f"service {service:#04x} is answered; {message[0]:#04x} was asked for")
    return Answer(service, status, extended, octets.rest())


def identity_of(data: bytes) -> Identity:
    """All attributes of an Identity object; some devices leave out what is behind the name.

    Raises:
        Malformed: the data are cut off.
    """
    return read_identity(Octets(data, "little"))


def read_identity(octets: Octets) -> Identity:
    """The attributes of an Identity object from a cursor, the state if it is there."""
    vendor, device_type, product, major, minor, status, serial, size = octets.fields(
        _ATTRIBUTES, "the attributes before the name"
    )
    name = octets.take(size, "the name")
    state = octets.u8("the state") if octets.left else None
    return Identity(vendor, device_type, product, major, minor, status, serial, name, state)


def mac_of(data: bytes) -> str:
    """The hardware address among the attributes of a Link object.

    >>> mac_of(bytes(8) + bytes.fromhex("0000bc123456"))
    '00:00:bc:12:34:56'

    Raises:
        Malformed: the data are cut off.
    """
    octets = Octets(data, "little")
    octets.u32("the speed")
    octets.u32("the flags")
    return octets.take(6, "the hardware address").hex(":")


def _message(service: int, path: bytes) -> bytes:
    return bytes((service, len(path) // 2)) + path


def _path(class_id: int, instance: int) -> bytes:
    return _segment(0x20, class_id) + _segment(0x24, instance)


def _segment(kind: int, number: int) -> bytes:
    if number <= _BYTE_MAX:
        return bytes((kind, number))
    return bytes((kind | 1, 0)) + number.to_bytes(2, "little")
