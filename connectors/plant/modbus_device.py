"""A simulated Modbus device: one unit, a gateway with several, or one that every unit reaches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from connectors.plant.device import Manner, Refusal

_HEAD: Final = 7
_LENGTH_AT: Final = 4
_UNIT_AT: Final = 6
_PDU_MAX: Final = 253
_EXCEPTION: Final = 0x80
_IDENTIFY: Final = (43, 14)
_IDENTIFY_BYTES: Final = 4
_SERVER_ID: Final = 17
_READS: Final = {1: 2000, 2: 2000, 3: 125, 4: 125}
_READ_BYTES: Final = 5
_BITS: Final = (1, 2)
_LAST: Final = {1: 2, 2: 6, 3: 255}
"""The last object of each stream."""
_INDIVIDUAL: Final = 4
_OBJECT_HEAD: Final = 2

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6
NO_PATH, NO_TARGET = 10, 11


@dataclass(frozen=True, slots=True)
class Unit:
    """What answers under a unit: objects of its identification, its server id, what it can read.

    `declared` is a number of objects that its streams state whatever they hold, as some gateways
    do. `codes` are the ways to identify that it knows, and `busy` answers everything with busy.
    """

    objects: Mapping[int, bytes] = field(default_factory=dict)
    conformity: int = 0x83
    codes: tuple[int, ...] = (1, 2, 3, 4)
    server_id: bytes | None = None
    values: int = 500
    declared: int | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class ModbusDevice:
    """A device by its units; whoever asks for another unit gets what `others` says."""

    units: Mapping[int, Unit]
    others: Literal["same", "silent", "gateway"] = "same"
    manner: Manner = Manner()  # noqa: RUF009  # it is frozen
    head: int = _HEAD

    def size(self, head: bytes) -> int:
        """How long the request is that begins so."""
        return _LENGTH_AT + 2 + int.from_bytes(head[_LENGTH_AT : _LENGTH_AT + 2])

    def answer(self, request: bytes) -> bytes | None:
        """The answer of the unit that is asked."""
        unit, pdu = request[_UNIT_AT], request[_HEAD:]
        found = self.units.get(unit)
        if found is None and self.others == "same":
            found = next(iter(self.units.values()))
        if not _is_reading(pdu):
            raise Refusal(_framed(request, _failure(pdu[:1] or b"\0", ILLEGAL_FUNCTION)))
        if found is None:
            gone = _framed(request, _failure(pdu, NO_TARGET))
            return gone if self.others == "gateway" else None
        return _framed(request, _answer(found, pdu, endless=self.manner.quirk == "endless"))


def _is_reading(pdu: bytes) -> bool:
    if not pdu:
        return False
    if tuple(pdu[:2]) == _IDENTIFY:
        return len(pdu) == _IDENTIFY_BYTES
    if pdu[0] in _READS:
        count = int.from_bytes(pdu[3:5])
        return len(pdu) == _READ_BYTES and 0 < count <= _READS[pdu[0]]
    return pdu == bytes((_SERVER_ID,))


def _framed(request: bytes, pdu: bytes) -> bytes:
    length = (len(pdu) + 1).to_bytes(2)
    return request[:_LENGTH_AT] + length + request[_UNIT_AT:_HEAD] + pdu


def _failure(pdu: bytes, code: int) -> bytes:
    return bytes((pdu[0] | _EXCEPTION, code))


def _answer(unit: Unit, pdu: bytes, *, endless: bool) -> bytes:
    if unit.busy:
        return _failure(pdu, BUSY)
    if pdu[0] == _SERVER_ID:
        if unit.server_id is None:
            return _failure(pdu, ILLEGAL_FUNCTION)
        return bytes((_SERVER_ID, len(unit.server_id))) + unit.server_id
    if pdu[0] in _READS:
        return _values(unit, pdu)
    return _identification(unit, pdu[2], pdu[3], endless=endless)


def _values(unit: Unit, pdu: bytes) -> bytes:
    address, count = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
    if address + count > unit.values:
        return _failure(pdu, ILLEGAL_ADDRESS)
    size = -(-count // 8) if pdu[0] in _BITS else 2 * count
    return bytes((pdu[0], size)) + bytes(size)


def _identification(unit: Unit, code: int, start: int, *, endless: bool) -> bytes:
    asked = bytes((*_IDENTIFY, code))
    if not unit.objects:
        return _failure(asked, ILLEGAL_FUNCTION)
    if code not in unit.codes:
        return _failure(asked, ILLEGAL_VALUE)
    if code == _INDIVIDUAL:
        if start not in unit.objects:
            return _failure(asked, ILLEGAL_ADDRESS)
        return asked + _stream(unit, {start: unit.objects[start]}, 0, more=False)
    wanted = {one: value for one, value in unit.objects.items() if one <= _LAST[code]}
    if start not in wanted:
        start = 0
    packed, following = _packed({one: v for one, v in sorted(wanted.items()) if one >= start})
    if endless:
        return asked + _stream(unit, packed, max(packed) + 1, more=True)
    return asked + _stream(unit, packed, following or 0, more=following is not None)


def _packed(objects: Mapping[int, bytes]) -> tuple[dict[int, bytes], int | None]:
    """As many objects as a PDU has room for, and the one that comes next."""
    packed: dict[int, bytes] = {}
    room = _PDU_MAX - 7
    for object_id, value in objects.items():
        if packed and len(value) + _OBJECT_HEAD > room:
            return packed, object_id
        room -= len(value) + _OBJECT_HEAD
        packed[object_id] = value
    return packed, None


def _stream(unit: Unit, objects: Mapping[int, bytes], following: int, *, more: bool) -> bytes:
    declared = len(objects) if unit.declared is None else unit.declared
    head = bytes((unit.conformity, 255 if more else 0, following, declared))
    return head + b"".join(bytes((one, len(value))) + value for one, value in objects.items())
