"""A small plant of made-up devices, one of each sort: what a demo and a first try need."""

from collections.abc import Mapping
from typing import Final

from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice, Module
from connectors.plant.modbus_device import ModbusDevice, Unit

AS_USUAL: Final = Manner()

_METER: Final = Unit(
    {0: b"Acme Metering", 1: b"PM-200", 2: b"V2.10", 4: b"Power meter"},
    server_id=b"\x01\xffAcme PM-200",
)
_PUMP: Final = Unit({0: b"Northwind Pumps", 1: b"NP4  ", 2: b" 1.07"}, conformity=1, codes=(1,))
_HEATER: Final = Unit({0: b"Acme Heating", 1: b"H-9", 2: b"3.0"})
_COUNTER: Final = Unit(server_id=b"\x00\xffOld Counter 7")
_CONTROLLER: Final = Module(60_001, 14, 77, 20, 11, b"Controller C-77", serial=0x00A10001)
_BRIDGE: Final = Module(60_001, 12, 12, 4, 3, b"Bridge B-12", serial=0x00A10002)
_OUTPUTS: Final = Module(60_001, 7, 31, 2, 1, b"Outputs O-31", serial=0x00A10003)
_DRIVE: Final = Module(60_002, 2, 140, 5, 2, b"Drive D-140", serial=0x00B20001)


def small_plant(manner: Manner = AS_USUAL) -> Mapping[str, Device]:
    """The devices by their names, all of one manner."""
    return {
        "meter": ModbusDevice({1: _METER}, manner=manner),
        "gateway": ModbusDevice({1: _PUMP, 7: _HEATER}, others="gateway", manner=manner),
        "counter": ModbusDevice({1: _COUNTER}, manner=manner),
        "chassis": EthernetIpDevice(_BRIDGE, {0: _CONTROLLER, 2: _OUTPUTS}, manner=manner),
        "drive": EthernetIpDevice(_DRIVE, manner=manner),
    }
