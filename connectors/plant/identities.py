"""Simulated devices from descriptions of real ones: rows with what is known of an identity.

What a row states is served as it is; what it leaves out and a device must have is made up, and a
masked digit of a serial number is a zero. A row that leaves out what names a device is a hint that
nobody can serve.
"""

from collections.abc import Mapping
from typing import Any, Final

from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice, Module
from connectors.plant.modbus_device import ModbusDevice, Unit

ETHERNET_IP, MODBUS = "ethernet-ip", "modbus-tcp"
"""What the protocols are called in rows."""

NEEDED: Final = ("vendor_id", "device_type", "product_code", "revision")
"""What an EtherNet/IP device cannot be served without."""

AS_USUAL: Final = Manner()

_DEVICENET: Final = "DeviceNet"
_SERIAL: Final = "00c00000"
_ATTACHED: Final = 0x8B
_CONFORMITY: Final = 0x83


def is_hint(row: Mapping[str, Any]) -> bool:
    """Whether a row says too little to be served, or is of a device that answers nobody here."""
    if row["protocol"] == ETHERNET_IP:
        return _DEVICENET in row.get("note", "") or any(row.get(one) is None for one in NEEDED)
    return bool(row["protocol"] != MODBUS)


def device_of(row: Mapping[str, Any], manner: Manner = AS_USUAL) -> Device:
    """The simulated device of a row that is no hint."""
    assert not is_hint(row)
    if row["protocol"] == MODBUS:
        return ModbusDevice({row.get("unit_id", 1): _unit(row)}, manner=manner)
    return EthernetIpDevice(_module(row), manner=manner)


def _module(row: Mapping[str, Any]) -> Module:
    major, minor = map(int, row["revision"].split("."))
    return Module(
        vendor_id=row["vendor_id"],
        device_type=row["device_type"],
        product_code=row["product_code"],
        major=major,
        minor=minor,
        name=row["product_name"].encode("latin-1"),
        status=int(row.get("status", "0x0030"), 16),
        serial=int(row.get("serial", _SERIAL).replace("*", "0"), 16),
        state=row.get("state", 3),
    )


def _unit(row: Mapping[str, Any]) -> Unit:
    if "raw_pdu_hex" in row:
        return Unit(server_id=bytes.fromhex(row["raw_pdu_hex"])[2:])
    stated = {0: row.get("vendor"), 1: row.get("product_code"), 2: row.get("revision")}
    if "product_name" in row:
        stated[4] = row["product_name"]
    objects = {one: text.encode("latin-1") for one, text in stated.items() if text is not None}
    if "interface_version" in row:
        told = (row["product_code"], row["revision"], row["interface_version"], "0" * 12, "1")
        parts = (f"{number}={text}" for number, text in enumerate(told, 1))
        objects[_ATTACHED] = ";".join(parts).encode("latin-1")
    conformity = row.get("conformity", _CONFORMITY)
    return Unit(
        objects,
        conformity=conformity if isinstance(conformity, int) else max(conformity),
        codes=tuple(row.get("codes", (1, 2, 3, 4))),
        server_id=_server_id(row),
        declared=row.get("number_of_objects"),
    )


def _server_id(row: Mapping[str, Any]) -> bytes | None:
    """The bytes behind a text with escapes, as reports quote them."""
    text = row.get("fc17")
    if text is None:
        return None
    told: str = text.encode("latin-1").decode("unicode_escape")
    return told.encode("latin-1")
