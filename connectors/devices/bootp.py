"""BOOTP and DHCP requests as devices send them: what they tell without being asked.

Pure functions. A reply is not decoded: the names in it come from the server's own table.
"""

from dataclasses import dataclass
from typing import Final

from connectors.devices.octets import Malformed, Octets

PROTOCOL: Final = "bootp"
PORT: Final = 67

HEADER_BYTES: Final = 236
LENGTH_MAX: Final = 2048
"""Bytes of a request at most; what devices send fits into a frame of Ethernet."""
REQUEST: Final = 1
COOKIE: Final = bytes.fromhex("63825363")

HOST_NAME, OVERLOAD, MESSAGE_TYPE, PARAMETERS, VENDOR_CLASS = 12, 52, 53, 55, 60

_PAD, _END = 0, 255
_ADDRESS_MAX: Final = 16
_FILE, _SERVER_NAME = 1, 2
"""Bits of option 52: which fields of the header hold options as well."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device asked for an address.

    `message_type` is None in plain BOOTP. `parameters` is option 55, whose order is telling;
    `options` are the codes in the order they stand, and `length` the bytes of the whole request.
    """

    hardware: bytes
    transaction: int
    seconds: int
    relayed: bool
    message_type: int | None
    parameters: tuple[int, ...] | None
    vendor_class: bytes | None
    options: tuple[int, ...]
    length: int

    @property
    def oui(self) -> str:
        """The part of the hardware address that names its maker."""
        return self.hardware[:3].hex(":")


def decode(payload: bytes) -> Sighting:
    """What a request tells.

    Raises:
        Malformed: it is no request, too long for one, or cut off.
    """
    if len(payload) > LENGTH_MAX:
        raise Malformed(f"the request has {len(payload)} bytes; {LENGTH_MAX} are the most")
    octets = Octets(payload, "big")
    operation = octets.u8("the operation")
    if operation != REQUEST:
        raise Malformed(f"the operation is {operation}; devices ask with {REQUEST}")
    octets.u8("the hardware type")
    size = octets.u8("the length of the hardware address")
    if size > _ADDRESS_MAX:
        raise Malformed(f"the hardware address has {size} bytes; {_ADDRESS_MAX} are the most")
    octets.u8("the hops")
    transaction, seconds = octets.u32("the transaction"), octets.u16("the seconds")
    octets.take(2 + 4 + 4 + 4, "flags and addresses")
    relay = octets.take(4, "the relay")
    hardware = octets.take(_ADDRESS_MAX, "the hardware address")[:size]
    server_name, file = octets.take(64, "the server's name"), octets.take(128, "the file")
    options = _options(octets.rest(), file, server_name)
    kind, wanted = options.get(MESSAGE_TYPE), options.get(PARAMETERS)
    return Sighting(
        hardware=hardware,
        transaction=transaction,
        seconds=seconds,
        relayed=any(relay),
        message_type=kind[0] if kind else None,
        parameters=None if wanted is None else tuple(wanted),
        vendor_class=options.get(VENDOR_CLASS),
        options=tuple(options),
        length=len(payload),
    )


def _options(tail: bytes, file: bytes, server_name: bytes) -> dict[int, bytes]:
    """The options, those too that stand in fields of the header; the same again is joined."""
    if not tail.startswith(COOKIE):
        return {}
    found: dict[int, bytes] = {}
    _read_options(tail[len(COOKIE) :], found)
    overload = found.get(OVERLOAD) or b"\0"
    if overload[0] & _FILE:
        _read_options(file, found)
    if overload[0] & _SERVER_NAME:
        _read_options(server_name, found)
    return found


def _read_options(field: bytes, found: dict[int, bytes]) -> None:
    octets = Octets(field, "big")
    while octets.left:
        code = octets.u8("an option")
        if code == _END:
            return
        if code != _PAD:
            size = octets.u8("an option's length")
            found[code] = found.get(code, b"") + octets.take(size, f"option {code}")
