"""What each of four readers makes of a frame, in one vocabulary: ours, pymodbus, pycomm3, scapy.

A reader gives the facts of a frame, and None where it refuses it. What only ours tells, or only
theirs, is left out.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from pycomm3.cip.status_info import VENDORS
from pycomm3.custom_types import ListIdentityObject, ModuleIdentityObject
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.bit_message import ReadCoilsResponse
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse
from pymodbus.pdu.other_message import ReportDeviceIdResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse
from scapy.contrib.enipTCP import ENIPTCP, ENIPListIdentity, ENIPListIdentityItem
from scapy.contrib.modbus import (
    ModbusADUResponse,
    ModbusObjectId,
    ModbusPDU2B0EReadDeviceIdentificationResponse,
    ModbusPDU11ReportSlaveIdResponse,
)
from scapy.layers.dhcp import BOOTP, DHCP, DHCPRevOptions

from connectors.devices import bootp, cip, ethernetip, modbus
from connectors.devices.octets import Malformed
from tests.fuzzing.frames import Case

Facts = dict[str, Any]
Reader = Callable[[Case], Facts | None]

_READS: Final = DecodePDU(is_server=False)
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # it says what it does not read


def our_modbus(case: Case) -> Facts | None:
    """A PDU in reply to a request."""
    try:
        said = modbus.decode(case.request, case.frame)
    except Malformed:
        return None
    if isinstance(said, modbus.Failure):
        return {"exception": (said.function, said.code)}
    if isinstance(said, modbus.ServerId):
        return {"server id": said.data}
    if isinstance(said, modbus.Values):
        size = -(-said.number // 8) if said.function in modbus.BITS else 2 * said.number
        return {"values": (said.function, size)}
    return {
        "objects": said.objects,
        "stream": (said.conformity, 255 if said.more else 0, said.next_object),
    }


def pymodbus(case: Case) -> Facts | None:
    """The same by pymodbus, which is not told the request."""
    try:
        said = _READS.decode(case.frame)
    except Exception:  # noqa: BLE001  # whatever it raises, it did not read it
        return None
    if isinstance(said, ExceptionResponse):
        return {"exception": (said.function_code & 0x7F, said.exception_code)}
    if isinstance(said, ReportDeviceIdResponse):
        return {"server id": said.identifier}
    if isinstance(said, ReadHoldingRegistersResponse):
        return {"values": (said.function_code, 2 * len(said.registers))}
    if isinstance(said, ReadCoilsResponse):
        return {"values": (said.function_code, len(said.bits) // 8)}
    if isinstance(said, ReadDeviceInformationResponse):
        stream = (said.conformity, int(said.more_follows), said.next_object_id)
        return {"objects": dict(said.information), "stream": stream}
    return None if said is None else {"another": type(said).__name__}


def scapy_modbus(case: Case) -> Facts | None:
    """The same by scapy, which is not told the request either."""
    try:
        said = ModbusADUResponse(modbus.frame(1, 1, case.frame)).payload
    except Exception:  # noqa: BLE001  # as above
        return None
    name = type(said).__name__
    if name in {"Raw", "Padding", "NoPayload"}:
        return None
    if "exceptCode" in said.fields:
        return {"exception": (case.frame[0] & 0x7F, said.exceptCode)}
    if isinstance(said, ModbusPDU11ReportSlaveIdResponse):
        return {"server id": said.slaveId or b""}
    if isinstance(said, ModbusPDU2B0EReadDeviceIdentificationResponse):
        stream = (said.conformityLevel, said.more, said.nextObjId)
        return {"objects": _scapy_objects(said), "stream": stream}
    for field, width in (("registerVal", 2), ("coilStatus", 1), ("inputStatus", 1)):
        if name[9:11] in {"01", "02", "03", "04"} and field in said.fields:
            return {"values": (said.funcCode, width * len(said.fields[field]))}
    return {"another": name}


def _scapy_objects(said: Any) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    one = said.payload
    while isinstance(one, ModbusObjectId):
        found.setdefault(one.id, one.value)
        one = one.payload
    return found


def our_listed(case: Case) -> Facts | None:
    """The identity in a ListIdentity packet."""
    try:
        packet = ethernetip.read_packet(case.frame)
        if packet.command != ethernetip.LIST_IDENTITY or packet.status:
            return None
        said = ethernetip.listed_in(packet.data)
    except Malformed:
        return None
    return {"address": said.address, "version": said.version, **_ours(said.identity)}


def our_module(case: Case) -> Facts | None:
    """The attributes of an Identity object."""
    try:
        said = _ours(cip.identity_of(case.frame))
    except Malformed:
        return None
    del said["state"]
    return said


def _ours(said: cip.Identity) -> Facts:
    return {
        "vendor": said.vendor_id,
        "device_type": said.device_type,
        "product": said.product_code,
        "revision": (said.major, said.minor),
        "status": said.status,
        "serial": said.serial,
        "name": said.name,
        "state": said.state,
    }


def pycomm3_listed(case: Case) -> Facts | None:
    """The same by pycomm3, which takes the data behind the header and the number of items."""
    try:
        said = ListIdentityObject.decode(case.frame[26:])
    except Exception:  # noqa: BLE001  # as above
        return None
    version = said["encap_protocol_version"]
    told = {"address": said["ip_address"], "version": version, "state": said["state"]}
    return {**told, **_pycomm3(said)}


def pycomm3_module(case: Case) -> Facts | None:
    """The same by pycomm3."""
    try:
        return _pycomm3(ModuleIdentityObject.decode(case.frame))
    except Exception:  # noqa: BLE001  # as above
        return None


def _pycomm3(said: dict[str, Any]) -> Facts:
    """Vendors have names only, and many share one: the least number stands for them."""
    return {
        "vendor": said["vendor"],
        "product": said["product_code"],
        "revision": (said["revision"]["major"], said["revision"]["minor"]),
        "status": int.from_bytes(said["status"], "little"),
        "serial": int(said["serial"], 16),
        "name": said["product_name"].encode("latin-1"),
    }


def as_pycomm3(mine: Facts) -> Facts:
    """Our facts of an identity as pycomm3 tells them: the vendor by name, no device type."""
    told = {**mine, "vendor": VENDORS.get(mine["vendor"], "UNKNOWN")}
    del told["device_type"]
    return told


def scapy_listed(case: Case) -> Facts | None:
    """The same by scapy; the first of the items that it takes for an identity."""
    if not case.frame:  # of nothing scapy makes a packet with its own values
        return None
    try:
        said = ENIPTCP(case.frame).payload
        if not isinstance(said, ENIPListIdentity):
            return None
        one = next(one for one in said.items if isinstance(one, ENIPListIdentityItem))
    except Exception:  # noqa: BLE001  # as above
        return None
    return {
        "address": one.sinAddress,
        "version": one.protocolVersion,
        "vendor": one.vendorId,
        "device_type": one.deviceType,
        "product": one.productCode,
        "revision": (one.revisionMajor, one.revisionMinor),
        "status": one.status,
        "serial": one.serialNumber,
        "name": one.productName or b"",
        "state": one.state,
    }


def our_sighting(case: Case) -> Facts | None:
    """A request for an address."""
    try:
        said = bootp.decode(case.frame)
    except Malformed:
        return None
    return {
        "hardware": said.hardware,
        "transaction": said.transaction,
        "seconds": said.seconds,
        "relayed": said.relayed,
        "type": said.message_type,
        "parameters": said.parameters,
        "class": said.vendor_class,
        "options": said.options,
    }


def scapy_sighting(case: Case) -> Facts | None:
    """The same by scapy; of an option that comes twice the first."""
    if not case.frame:  # of nothing scapy makes a request with its own values
        return None
    try:
        said = BOOTP(case.frame)
        told = said.payload.options if isinstance(said.payload, DHCP) else []
    except Exception:  # noqa: BLE001  # as above
        return None
    options: dict[int, tuple[Any, ...]] = {}
    for one in told:
        if isinstance(one, tuple):
            code = one[0] if isinstance(one[0], int) else DHCPRevOptions[one[0]][0]
            options.setdefault(code, one[1:])
    wanted = options.get(bootp.PARAMETERS)
    return {
        "hardware": said.chaddr[: said.hlen],
        "transaction": said.xid,
        "seconds": said.secs,
        "relayed": said.giaddr != "0.0.0.0",  # noqa: S104  # no relay
        "type": options.get(bootp.MESSAGE_TYPE, (None,))[0],
        "parameters": None if wanted is None else tuple(wanted[0]),
        "class": options.get(bootp.VENDOR_CLASS, (None,))[0],
        "options": tuple(options),
    }


READERS: Final[dict[str, tuple[Reader, dict[str, Reader]]]] = {
    **dict.fromkeys(
        ("Modbus 43/14", "Modbus 17", "Modbus 1 to 4", "Modbus exception"),
        (our_modbus, {"pymodbus": pymodbus, "scapy": scapy_modbus}),
    ),
    "ListIdentity": (our_listed, {"pycomm3": pycomm3_listed, "scapy": scapy_listed}),
    "Identity object": (our_module, {"pycomm3": pycomm3_module}),
    "BOOTP and DHCP": (our_sighting, {"scapy": scapy_sighting}),
}
"""Of each kind of frame our reader, and those of libraries."""
