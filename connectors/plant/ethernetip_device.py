"""A simulated EtherNet/IP device, perhaps with a chassis of modules behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from connectors.plant.device import Manner, Refusal

_HEAD: Final = Struct("<HHII8sI")
_LIST_SERVICES, _LIST_IDENTITY, _LIST_INTERFACES = 0x04, 0x63, 0x64
_REGISTER, _UNREGISTER, _SEND = 0x65, 0x66, 0x6F
_UNKNOWN_COMMAND: Final = 1
_SESSION: Final = 0x5E551015

_MESSAGE_AT: Final = 16
_GET_ALL, _GET_SINGLE, _ENVELOPE = 0x01, 0x0E, 0x52
_IDENTITY, _TCP_IP, _LINK = 1, 0xF5, 0xF6
_TO_CONNECTION_MANAGER: Final = bytes.fromhex("0220062401")
_PRIORITY_AT: Final = 6
_CARRIED_AT: Final = 10
_NO_PATH: Final = 0x05
_NO_SERVICE: Final = 0x08
_NO_ATTRIBUTE: Final = 0x14
_NO_OBJECT: Final = 0x16
_CONNECTION_FAILURE: Final = 0x01
_NO_SLOT: Final = bytes.fromhex("1103")

_ATTRIBUTES: Final = Struct("<HHHBBHI")
_SERVICES: Final = b"\x01\x00\x20\x01Communications\0\0"


@dataclass(frozen=True, slots=True)
class Module:
    """An identity: a device's own, or that of a module in a slot."""

    vendor_id: int
    device_type: int
    product_code: int
    major: int
    minor: int
    name: bytes
    status: int = 0x0030
    serial: int = 0x00C0FFEE
    state: int = 3

    @property
    def attributes(self) -> bytes:
        """Attributes 1 to 7, as they travel."""
        numbers = _ATTRIBUTES.pack(
            *(self.vendor_id, self.device_type, self.product_code, self.major, self.minor),
            *(self.status, self.serial),
        )
        return numbers + bytes((len(self.name),)) + self.name

    def attribute(self, number: int) -> bytes | None:
        """One attribute, None where the device has none of that number."""
        known = {
            1: self.vendor_id.to_bytes(2, "little"),
            2: self.device_type.to_bytes(2, "little"),
            3: self.product_code.to_bytes(2, "little"),
            4: bytes((self.major, self.minor)),
            5: self.status.to_bytes(2, "little"),
            6: self.serial.to_bytes(4, "little"),
            7: bytes((len(self.name),)) + self.name,
            8: bytes((self.state,)),
        }
        return known.get(number)


@dataclass(frozen=True, slots=True)
class EthernetIpDevice:
    """A device, what sits in the slots of its chassis, and what it says before its identity.

    `address` is what it believes to be its own, which is told in its identity; `items` are items
    of other kinds that its identity stands behind.
    """

    module: Module
    slots: Mapping[int, Module] = field(default_factory=dict)
    mac: bytes = bytes.fromhex("0000bc000001")
    address: bytes = bytes((192, 0, 2, 1))
    items: tuple[tuple[int, bytes], ...] = ()
    manner: Manner = Manner()  # noqa: RUF009  # it is frozen
    head: int = _HEAD.size

    def size(self, head: bytes) -> int:
        """How long the request is that begins so."""
        return _HEAD.size + int.from_bytes(head[2:4], "little")

    def answer(self, request: bytes) -> bytes | None:
        """The answer to a packet."""
        command, _, session, _, context, _ = _HEAD.unpack_from(request)
        data = request[_HEAD.size :]
        if command == _UNREGISTER:
            return None
        if command == _REGISTER:
            return _packet(command, _SESSION, context, data)
        if command == _SEND:
            if session != _SESSION:
                return _packet(command, session, context, b"", status=0x64)
            carried = _items((0, b""), (0xB2, self._message(data[_MESSAGE_AT:])))
            return _packet(command, session, context, bytes(6) + carried)
        listed: dict[int, Callable[[], bytes]] = {
            _LIST_IDENTITY: lambda: _items(*self.items, (0x0C, self._identity())),
            _LIST_SERVICES: lambda: _items((0x0100, _SERVICES)),
            _LIST_INTERFACES: _items,
        }
        if command not in listed:
            raise Refusal(_packet(command, session, context, b"", status=_UNKNOWN_COMMAND))
        return _packet(command, session, context, listed[command]())

    def _identity(self) -> bytes:
        socket = b"\x00\x02\xaf\x12" + self.address + bytes(8)
        return b"\x01\x00" + socket + self.module.attributes + bytes((self.module.state,))

    def _message(self, message: bytes) -> bytes:
        if message[:1] == bytes((_ENVELOPE,)):
            if message[1:_PRIORITY_AT] != _TO_CONNECTION_MANAGER:
                raise Refusal(None)
            size = int.from_bytes(message[8:10], "little")
            carried = message[_CARRIED_AT : _CARRIED_AT + size]
            slot = message[-1]
            if slot in self.slots:
                return self._read(carried, self.slots[slot])
            return bytes((_ENVELOPE | 0x80, 0, _CONNECTION_FAILURE, 1)) + _NO_SLOT + b"\x01"
        return self._read(message, self.module)

    def _read(self, message: bytes, module: Module) -> bytes:
        service, path = message[0], message[2:]
        if service not in {_GET_ALL, _GET_SINGLE}:
            raise Refusal(None)
        found = self._found(path[1], path[3], path[5] if service == _GET_SINGLE else None, module)
        if isinstance(found, int):
            return bytes((service | 0x80, 0, found, 0))
        return bytes((service | 0x80, 0, 0, 0)) + found

    def _found(
        self, class_id: int, instance: int, attribute: int | None, module: Module
    ) -> bytes | int:
        """The attributes that are read, or the status of why there are none."""
        if class_id == _IDENTITY and instance == 0:
            return b"\x01\x00" if attribute is not None else _NO_SERVICE
        if class_id == _IDENTITY and instance == 1:
            if attribute is None:
                return module.attributes
            found = module.attribute(attribute)
            return _NO_ATTRIBUTE if found is None else found
        if attribute is not None or instance != 1:
            return _NO_PATH
        if class_id == _LINK:
            return bytes(8) + self.mac
        return bytes(12) + self.address + bytes(18) if class_id == _TCP_IP else _NO_OBJECT


def _packet(command: int, session: int, context: bytes, data: bytes, status: int = 0) -> bytes:
    return _HEAD.pack(command, len(data), session, status, context, 0) + data


def _items(*items: tuple[int, bytes]) -> bytes:
    return len(items).to_bytes(2, "little") + b"".join(
        kind.to_bytes(2, "little") + len(data).to_bytes(2, "little") + data for kind, data in items
    )
