"""Modbus/TCP: the read-only requests that tell what a device is, and what is answered to them.

Pure functions from values to bytes and back. A request is a *PDU*, a function code and what it
needs; in a *frame* it stands behind seven bytes that say for which unit it is. Only functions that
read can be built here: 1 to 4 with bounds, 17 (report server id) and 43/14 (read device
identification). A reply that is not what was asked for is `Malformed`, whatever it holds.
"""

import re
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

from connectors.devices.octets import Malformed, Octets

PROTOCOL: Final = "modbus.tcp"
PORT: Final = 502

HEADER_BYTES: Final = 7
"""Transaction, protocol, length and unit before every PDU."""
PDU_MAX: Final = 253
FRAME_MAX: Final = HEADER_BYTES + PDU_MAX

REPORT_SERVER_ID: Final = 17
READ_IDENTIFICATION: Final = 43
IDENTIFICATION: Final = 14
"""The kind of encapsulated interface that function 43 is used for here."""
BITS: Final = (1, 2)
REGISTERS: Final = (3, 4)

BASIC, REGULAR, EXTENDED, INDIVIDUAL = 1, 2, 3, 4
"""What of the identification is asked for: one of three streams, or one object."""

READ_MAX: Final = {1: 2000, 2: 2000, 3: 125, 4: 125}
"""How many values one request reads at most, by function code."""

VENDOR, PRODUCT_CODE, REVISION, URL, PRODUCT_NAME, MODEL = range(6)
"""Ids of the objects of an identification that make no secret of themselves."""

ROUNDS_MAX: Final = 16
OBJECTS_MAX: Final = 256

_EXCEPTION: Final = 0x80
_MORE: Final = 0xFF
_STREAM: Final = Struct("BBBBBB")
"""Kind, code, conformity, whether more follows, the object to go on with, how many are here."""
_ADDRESSES: Final = 1 << 16
_TEXT_LEAST: Final = 3
_printable = re.compile(rb"[\x20-\x7e]{%d,}" % _TEXT_LEAST).findall


class Frame(NamedTuple):
    """A PDU with the transaction it belongs to and its unit."""

    transaction: int
    unit: int
    pdu: bytes


class Failure(NamedTuple):
    """The device answered with an exception: it is there, and does not do what was asked."""

    function: int
    code: int


class Values(NamedTuple):
    """So many values can be read there; the values themselves say nothing of what a device is."""

    function: int
    number: int


class ServerId(NamedTuple):
    """The answer to function 17; where in it name and run indicator stand differs by vendor."""

    data: bytes

    @property
    def text(self) -> str | None:
        """The longest run of printable characters, None where none is long enough.

        >>> ServerId(bytes.fromhex("00ff57696e6770617468204c696d69746564")).text
        'Wingpath Limited'
        """
        runs: list[bytes] = _printable(self.data)
        longest = max(runs, key=len, default=b"").decode("ascii").strip()
        return longest or None


@dataclass(frozen=True, slots=True)
class Identification:
    """One reply of function 43/14: some objects, and where the next begin if there are more.

    `declared` is how many objects the reply says it has. Some gateways mean all objects there are.
    """

    code: int
    conformity: int
    more: bool
    next_object: int
    declared: int
    objects: dict[int, bytes]


Reply = Failure | Values | ServerId | Identification
"""What a device may answer."""


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A PDU as it travels.

    >>> frame(1, 255, read_identification(BASIC)).hex()
    '000100000005ff2b0e0100'
    """
    length = len(pdu) + 1
    head = (transaction.to_bytes(2), bytes(2), length.to_bytes(2), unit.to_bytes(1))
    return b"".join((*head, pdu))


def read_identification(code: int, object_id: int = 0) -> bytes:
    """Asks for a stream of objects from an id on, or with `INDIVIDUAL` for one object."""
    assert BASIC <= code <= INDIVIDUAL
    return bytes((READ_IDENTIFICATION, IDENTIFICATION, code, object_id))


def report_server_id() -> bytes:
    """Asks what the server calls itself."""
    return bytes((REPORT_SERVER_ID,))


def read(function: int, address: int, count: int) -> bytes:
    """Asks for so many bits (1, 2) or registers (3, 4) from an address on."""
    assert 1 <= count <= READ_MAX[function]
    assert 0 <= address <= address + count <= _ADDRESSES
    return bytes((function,)) + address.to_bytes(2) + count.to_bytes(2)


def frame_size(received: bytes) -> int | None:
    """How long the frame is that begins so; None while its header is not whole.

    Raises:
        Malformed: no frame begins so.
    """
    if received[2:4] not in {b"", b"\0", b"\0\0"}:
        raise Malformed(f"the protocol is {received[2:4].hex()}; Modbus has 0000")
    if len(received) < HEADER_BYTES:
        return None
    length = int.from_bytes(received[4:6])
    if not 2 <= length <= PDU_MAX + 1:  # noqa: PLR2004  # a unit and a function at least
        raise Malformed(f"the length is {length}; a unit and a PDU have 2 to {PDU_MAX + 1} bytes")
    return length + HEADER_BYTES - 1


def read_frame(received: bytes) -> Frame:
    """The frame in these bytes, which hold nothing else.

    Raises:
        Malformed: they hold none, or more.
    """
    size = frame_size(received)
    if size is None or len(received) < size:
        raise Malformed(f"the frame is cut off after {len(received)} bytes")
    if len(received) > size:
        raise Malformed(f"{len(received) - size} bytes stand behind the frame")
    return Frame(int.from_bytes(received[:2]), received[6], received[7:])


def decode(request: bytes, reply: bytes) -> Reply:
    """What a PDU says in reply to another, which may be one that somebody else sent.

    Raises:
        Malformed: it is no answer to that.
    """
    if not request:
        raise Malformed("nothing was asked for")
    octets = Octets(reply, "big")
    function = octets.u8("the function")
    if function == request[0] | _EXCEPTION:
        failure = Failure(request[0], octets.u8("the exception"))
        octets.end("the exception")
        return failure
    if function != request[0]:
        raise Malformed(f"the function is {function}; {request[0]} was asked for")
    if function == REPORT_SERVER_ID:
        size = octets.u8("the count")
        answer = ServerId(octets.take(size, "the server id"))
        octets.end("the server id")
        return answer
    if function == READ_IDENTIFICATION:
        return _identification(request, octets)
    return _values(request, octets)


def _values(request: bytes, octets: Octets) -> Values:
    count = int.from_bytes(request[3:5])
    size = -(-count // 8) if request[0] in BITS else 2 * count
    stated = octets.u8("the byte count")
    if stated != size:
        raise Malformed(f"the byte count is {stated}; {count} values have {size}")
    octets.take(size, "the values")
    octets.end("the values")
    return Values(request[0], count)


def _identification(request: bytes, octets: Octets) -> Identification:
    kind, code, conformity, more, following, declared = octets.fields(_STREAM, "the stream")
    if kind != IDENTIFICATION or bytes((kind, code)) != request[1:3]:
        asked = "/".join(map(str, request[1:3])) or "nothing"
        raise Malformed(f"the answer is {kind}/{code}; {asked} was asked for")
    if more not in {0, _MORE}:
        raise Malformed(f"more follows is {more}; it is 0 or 255")
    objects: dict[int, bytes] = {}
    # Some gateways count the objects of the whole stream here, so an end between objects is fine.
    for _ in range(declared):
        if not octets.left:
            break
        object_id = octets.u8("an object's id")
        size = octets.u8("an object's length")
        objects.setdefault(object_id, octets.take(size, f"object {object_id}"))
    octets.end("the objects")
    if declared and not objects:
        raise Malformed(f"{declared} objects are declared and none is there")
    return Identification(code, conformity, more == _MORE, following, declared, objects)


@dataclass(slots=True)
class Stream:
    """The objects of one stream, gathered reply by reply, and an end to streams without one.

    A device says itself where to go on. It may not go back, not give nothing, and not go on for
    more than `ROUNDS_MAX` replies or `OBJECTS_MAX` objects.
    """

    asked: int = 0
    rounds: int = 0
    objects: dict[int, bytes] = field(default_factory=dict)

    def add(self, reply: Identification) -> int | None:
        """Take in a reply; the object to ask for next, None at the end.

        Raises:
            Malformed: the stream does not lead on.
        """
        self.rounds += 1
        if min(reply.objects, default=self.asked) < self.asked:
            raise Malformed(f"the stream went back to object {min(reply.objects)}")
        for object_id, value in reply.objects.items():
            self.objects.setdefault(object_id, value)
        if not reply.more:
            return None
        if not reply.objects or reply.next_object <= max(self.asked, *reply.objects):
            raise Malformed(f"the stream goes on at object {reply.next_object}, which is behind")
        if self.rounds >= ROUNDS_MAX or len(self.objects) >= OBJECTS_MAX:
            raise Malformed(f"the stream does not end after {self.rounds} replies")
        self.asked = reply.next_object
        return self.asked
