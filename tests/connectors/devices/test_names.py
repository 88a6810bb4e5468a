"""Names of what was asked and why it was not given: the standard's, and read only when needed."""

import subprocess
import sys
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from connectors.devices import cip
from connectors.devices.names import _EXCEPTIONS, exception_of, function_of, service_of
from connectors.plant.device import Device
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.modbus_device import ModbusDevice, Unit
from tests.connectors.devices.plants import ENBT, discovered

# Modbus application protocol specification V1.1b3, section 7.
STANDARD = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}


@pytest.mark.parametrize(("code", "name"), STANDARD.items())
def test_an_exception_has_the_name_that_the_standard_gives_it(code: int, name: str) -> None:
    assert exception_of(code) == name


def test_a_name_is_ours_only_where_the_library_has_another() -> None:
    theirs = {code.value: code.name.lower().replace("_", " ") for code in ExcCodes}

    assert set(STANDARD) < set(theirs)
    assert {code for code, name in STANDARD.items() if theirs[code] != name} == set(_EXCEPTIONS)


@pytest.mark.parametrize(
    ("pdu", "name"),
    [
        ("01", "read coils"),
        ("02", "read discrete inputs"),
        ("03", "read holding registers"),
        ("04", "read input registers"),
        ("08", "diagnostics"),
        ("11", "report server id"),
        ("2b0e0100", "read device identification"),
        ("2b0d", "encapsulated interface transport"),
        ("64", "function 100"),
    ],
)
def test_a_function_has_the_name_that_the_standard_gives_it(pdu: str, name: str) -> None:
    assert function_of(bytes.fromhex(pdu)) == name


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (cip.get_all(cip.IDENTITY), "get attributes all"),
        (cip.get_single(cip.IDENTITY, 7), "get attribute single"),
        (b"\x7f", "service 127"),
    ],
)
def test_a_service_has_a_name(message: bytes, name: str) -> None:
    assert service_of(message) == name


DEVICES: dict[str, tuple[Device, set[Any]]] = {
    "nameless": (
        ModbusDevice({1: Unit(values=1)}),
        {(1, "illegal function"), (2, "illegal data address")},
    ),
    "busy": (ModbusDevice({1: Unit(busy=True)}), {(6, "server device busy")}),
    "chassis": (
        EthernetIpDevice(ENBT),
        {(1, "Connection failure (see extended status)"), (0x14, "Attribute not supported")},
    ),
}


@pytest.mark.parametrize("name", DEVICES)
def test_what_a_device_refuses_is_recorded_with_the_name_of_the_reason(name: str) -> None:
    device, expected = DEVICES[name]

    probes = discovered({name: device}).probes[name]

    sents = [sent for probe in probes for sent in probe.exchanges if sent.get("code") is not None]
    assert {(sent.get("code"), sent.get("meaning")) for sent in sents} == expected


def test_the_libraries_that_know_names_are_loaded_with_the_first_name() -> None:
    code = """
import sys
import connectors.devices.recording, connectors.devices.discovery
from connectors.devices.names import exception_of, vendor_of
libraries = {"pymodbus", "pycomm3"}
print(sorted(libraries & sys.modules.keys()))
exception_of(1)
print(sorted(libraries & sys.modules.keys()))
vendor_of(1)
print(sorted(libraries & sys.modules.keys()))
"""

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.split("\n")[:3] == ["[]", "['pymodbus']", "['pycomm3', 'pymodbus']"]
