"""The devices that the benchmark of discovery asks: sorts of them, and what each truly is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from connectors.plant.device import Device, Manner, Quirk
from connectors.plant.ethernetip_device import EthernetIpDevice, Module
from connectors.plant.modbus_device import ModbusDevice, Unit
from connectors.plant.profiles import PROFILES
from schemas.devices import DeviceProbed

MANNER: Final = Manner(delay_s=0.02)
SORTS: Final = 10
QUIRKS: Final[tuple[Quirk, ...]] = ("dribbles", "silent", "garbage", "closes", "truncates")
KNOWN, NEWER = 3, 8
"""Firmware 4.3, which is learned, and 4.8, which lies outside of what was observed."""

_MAJOR: Final = 4
_BRIDGE: Final = Module(60_001, 12, 12, _MAJOR, KNOWN, b"Bridge B-12")
_CONTROLLER: Final = Module(60_001, 14, 77, 20, 11, b"Controller C-77")
_OUTPUTS: Final = Module(60_001, 7, 31, 2, 1, b"Outputs O-31")
_UNLEARNED: Final = Module(60_001, 7, 99, 1, 1, b"Inputs I-99")


class Truth(NamedTuple):
    """What a device or module is, whatever is said about it: what it sells as, and its revision."""

    vendor: str
    product_code: str
    revision: str

    @property
    def sort(self) -> tuple[str, str, str]:
        """The same without the second number of the revision."""
        return (self.vendor, self.product_code, self.revision.partition(".")[0])


def one_of(sort: int, serial: int, minor: int = KNOWN) -> Device:
    """A device of a sort, the odd ones of which speak EtherNet/IP."""
    if sort % 2:
        module = Module(60_000, 14, 100 + sort, _MAJOR, minor, b"Drive", serial=serial)
        return EthernetIpDevice(module, manner=MANNER)
    objects = {0: b"Acme", 1: f"M-{sort}".encode(), 2: f"{_MAJOR}.{minor}".encode()}
    return ModbusDevice({1: Unit(objects)}, manner=MANNER)


def fleet(name: str, copies: int, *, first: int = 0, sorts: int = SORTS) -> dict[str, Device]:
    """So many devices of each of so many sorts."""
    return {
        f"{name} {sort}/{copy}": one_of(sort, 1000 * sort + copy + 1)
        for sort in range(first, first + sorts)
        for copy in range(copies)
    }


def chassis(name: str, count: int, *, exchanged: bool = False) -> dict[str, Device]:
    """Chassis with two modules, the second perhaps one that nobody learned."""
    slots = {0: _CONTROLLER, 2: _UNLEARNED if exchanged else _OUTPUTS}
    return {
        f"{name}/{number}": EthernetIpDevice(_BRIDGE, slots, manner=MANNER)
        for number in range(count)
    }


def drawn(devices: Mapping[str, Device]) -> dict[str, Device]:
    """The same devices with reply times as measured on real ones, one of twenty with a quirk."""
    found: dict[str, Device] = {}
    for number, (name, device) in enumerate(devices.items()):
        quirk = None if number % 20 else QUIRKS[number // 20 % len(QUIRKS)]
        manner = Manner(profile=PROFILES["default"], quirk=quirk)
        assert isinstance(device, EthernetIpDevice | ModbusDevice)
        found[name] = replace(device, manner=manner)
    return found


def newer(devices: Mapping[str, Device]) -> dict[str, Device]:
    """The same devices with firmware that was not observed."""
    return {name: one_of(sort_of(device), 1, NEWER) for name, device in devices.items()}


def sort_of(device: Device) -> int:
    """The number of a device's sort."""
    if isinstance(device, EthernetIpDevice):
        return device.module.product_code - 100
    assert isinstance(device, ModbusDevice)
    return int(device.units[1].objects[1].decode().partition("-")[2])


def speaks(device: Device) -> str:
    """The protocol of a device."""
    return "ethernet_ip" if isinstance(device, EthernetIpDevice) else "modbus.tcp"


def class_of(device: Device) -> str:
    """Devices that the slow path asks as much: those of a protocol, and those with modules."""
    is_chassis = isinstance(device, EthernetIpDevice) and device.slots
    return "chassis" if is_chassis else speaks(device)


def truth_of(device: Device, slot: int | None) -> Truth:
    """What a device, or the module in this slot, is."""
    if isinstance(device, EthernetIpDevice):
        module = device.module if slot is None else device.slots[slot]
        revision = f"{module.major}.{module.minor}"
        return Truth(str(module.vendor_id), str(module.product_code), revision)
    assert isinstance(device, ModbusDevice)
    texts = [device.units[1].objects[number].decode() for number in range(3)]
    return Truth(*texts)


def told_by(probed: DeviceProbed) -> Truth:
    """What a probe says that a device is."""
    vendor = probed.vendor if probed.vendor_id is None else str(probed.vendor_id)
    return Truth(vendor or "", probed.product_code or "", probed.revision or "")
