"""What may be sent to a device: an allow-list of whole frames.

Every byte that goes out is held against it. Nothing here is shared with the modules that build
requests: a mistake there is refused here. A frame is read to its last byte; what is not on the
list, is cut off or has something behind it is `Forbidden`, which only our own mistake can cause.

    Modbus/TCP     functions 1 to 4 with bounds, 17, and 43 with interface 14
    EtherNet/IP    ListServices, ListIdentity, ListInterfaces, RegisterSession, UnRegisterSession,
                   and SendRRData with GetAttributesAll or GetAttributeSingle of the objects
                   Identity, TCP/IP and Ethernet Link, bare or in an UnconnectedSend to one slot
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final

from schemas.errors import MotifError


class Forbidden(MotifError):
    """A frame that is not on the list was about to be sent."""


_MODBUS_HEAD: Final = Struct(">HHHB")
_READ: Final = Struct(">BHH")
_READ_MAX: Final = {1: 2000, 2: 2000, 3: 125, 4: 125}
_ADDRESSES: Final = 1 << 16
_SERVER_ID: Final = b"\x11"
_IDENTIFICATION: Final = b"\x2b\x0e"
_IDENTIFICATION_BYTES: Final = 4
_IDENTIFICATION_CODES: Final = (1, 2, 3, 4)

_PACKET_HEAD: Final = Struct("<HHII8sI")
_LISTS: Final = (0x04, 0x63, 0x64)
_REGISTER, _UNREGISTER, _SEND = 0x65, 0x66, 0x6F
_REGISTER_DATA: Final = bytes.fromhex("01000000")
_SEND_HEAD: Final = Struct("<IHHHHHH")
_ONE_MESSAGE: Final = (2, 0, 0, 0xB2)
"""Two items: none, and an unconnected message."""

_SERVICES: Final = (0x01, 0x0E)
_CLASSES: Final = (0x01, 0xF5, 0xF6)
_ENVELOPE: Final = bytes.fromhex("520220062401")
"""UnconnectedSend to instance 1 of the Connection Manager."""
_ENVELOPE_HEAD: Final = Struct("<6sBBH")
_BACKPLANE: Final = bytes.fromhex("010001")
"""A route of one segment: out of the port to the backplane, to the slot that follows."""
_CLASS, _INSTANCE, _ATTRIBUTE = 0x20, 0x24, 0x30
_SINGLE: Final = 0x0E


def check(protocol: str, frame: bytes) -> None:
    """Let a frame pass that is on the list of its protocol.

    Raises:
        Forbidden: it is not.
    """
    is_allowed = _LISTED.get(protocol)
    if is_allowed is None or not is_allowed(frame):
        shown = frame[:64].hex()
        raise Forbidden(f"these {protocol} bytes are not on the list of what may be sent: {shown}")


def _is_modbus(frame: bytes) -> bool:
    if len(frame) <= _MODBUS_HEAD.size:
        return False
    _, protocol, length, _ = _MODBUS_HEAD.unpack_from(frame)
    pdu = frame[_MODBUS_HEAD.size :]
    if protocol != 0 or length != len(pdu) + 1:
        return False
    if pdu[0] in _READ_MAX:
        return len(pdu) == _READ.size and _is_bounded(*_READ.unpack(pdu))
    if pdu[:2] == _IDENTIFICATION:
        return len(pdu) == _IDENTIFICATION_BYTES and pdu[2] in _IDENTIFICATION_CODES
    return pdu == _SERVER_ID


def _is_bounded(function: int, address: int, count: int) -> bool:
    return 1 <= count <= _READ_MAX[function] and address + count <= _ADDRESSES


def _is_ethernetip(frame: bytes) -> bool:
    if len(frame) < _PACKET_HEAD.size:
        return False
    command, length, session, status, _, options = _PACKET_HEAD.unpack_from(frame)
    data = frame[_PACKET_HEAD.size :]
    if length != len(data) or status or options:
        return False
    if command in _LISTS:
        return not data and not session
    if command == _REGISTER:
        return data == _REGISTER_DATA and not session
    if command == _UNREGISTER:
        return not data
    return command == _SEND and _is_message(data)


def _is_message(data: bytes) -> bool:
    if len(data) < _SEND_HEAD.size:
        return False
    interface, _, *items, length = _SEND_HEAD.unpack_from(data)
    message = data[_SEND_HEAD.size :]
    if interface or tuple(items) != _ONE_MESSAGE or length != len(message):
        return False
    return _is_read(message) or _is_envelope(message)


def _is_read(message: bytes) -> bool:
    """Whether it reads attributes of an object, and holds nothing else."""
    if len(message) <= 2 or message[0] not in _SERVICES:  # noqa: PLR2004  # service and path size
        return False
    path = message[2:]
    kinds = [_CLASS, _INSTANCE, *([_ATTRIBUTE] if message[0] == _SINGLE else [])]
    if message[1] * 2 != len(path) or len(path) != 2 * len(kinds):
        return False
    return list(path[::2]) == kinds and path[1] in _CLASSES


def _is_envelope(message: bytes) -> bool:
    """Whether it takes such a reading to a slot, and holds nothing else."""
    if len(message) < _ENVELOPE_HEAD.size:
        return False
    head, _, _, length = _ENVELOPE_HEAD.unpack_from(message)
    carried = message[_ENVELOPE_HEAD.size :][:length]
    tail = message[_ENVELOPE_HEAD.size + length :]
    route = tail[length % 2 :]
    is_routed = len(route) == len(_BACKPLANE) + 1 and route.startswith(_BACKPLANE)
    return head == _ENVELOPE and is_routed and _is_read(carried)


_LISTED: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "modbus.tcp": _is_modbus,
    "ethernet_ip": _is_ethernetip,
}
