"""Names for numbers: vendors and types of devices, what was asked for, and why it was not given.

Numbers are assigned by ODVA and by the Modbus organization. pycomm3 and pymodbus bring tables of
them, which are asked and not copied; a number that they do not know stays a number. Ours are only
those names for which pymodbus has other words than the standard.
"""

import re
from functools import cache
from typing import Final

from schemas.vendors import vendor_name

_FUNCTIONS: Final = {
    8: "diagnostics",
    17: "report server id",
    43: "encapsulated interface transport",
}
_IDENTIFICATION: Final = (43, 14)
_EXCEPTIONS: Final = {
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    6: "server device busy",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""As in the Modbus application protocol specification, V1.1b3, sections 6 and 7."""

_capital: Final = re.compile(r"(?<!^)(?=[A-Z])")


def vendor_of(vendor_id: int) -> str | None:
    """The name of the vendor that ODVA gave this number, None where we do not know it.

    >>> vendor_of(1), vendor_of(60_000)
    ('Rockwell Automation', None)
    """
    found = _tables()[0].get(vendor_id)
    return None if found is None else vendor_name(found)


def device_type_of(device_type: int) -> str | None:
    """What a device of this type is, None where we do not know it.

    >>> device_type_of(12), device_type_of(775)
    ('Communications Adapter', None)
    """
    return _tables()[1].get(device_type)


def function_of(pdu: bytes) -> str:
    """What a Modbus request asks for.

    >>> function_of(bytes((43, 14, 1, 0))), function_of(bytes((3,))), function_of(bytes((99,)))
    ('read device identification', 'read holding registers', 'function 99')
    """
    if tuple(pdu[:2]) == _IDENTIFICATION:
        return "read device identification"
    return _FUNCTIONS.get(pdu[0]) or _modbus()[0].get(pdu[0]) or f"function {pdu[0]}"


def service_of(message: bytes) -> str:
    """Which service a CIP message asks for.

    >>> service_of(bytes.fromhex("010220012401")), service_of(bytes((99,)))
    ('get attributes all', 'service 99')
    """
    from pycomm3.cip.services import Services  # noqa: PLC0415  # seldom needed

    found = Services.get(message[:1])  # type: ignore[no-untyped-call]
    return f"service {message[0]}" if found is None else str(found).replace("_", " ")


def exception_of(code: int) -> str | None:
    """What a Modbus exception says, None where the standard has none of that number.

    >>> exception_of(1), exception_of(11), exception_of(99)
    ('illegal function', 'gateway target device failed to respond', None)
    """
    return _EXCEPTIONS.get(code) or _modbus()[1].get(code)


def packet_status_of(status: int) -> str | None:
    """What the status of an EtherNet/IP packet says, None where we do not know it.

    >>> packet_status_of(2)
    'Insufficient memory'
    """
    return _tables()[2].get(status)


def message_status_of(status: int) -> str | None:
    """What the status of a CIP message says, None where we do not know it.

    >>> message_status_of(0x14)
    'Attribute not supported'
    """
    return _tables()[3].get(status)


@cache
def _tables() -> tuple[dict[int, str], ...]:
    """Vendors, types, statuses of packets and of messages, read when the first is asked for."""
    from pycomm3.cip.status_info import (  # noqa: PLC0415  # seldom needed
        PRODUCT_TYPES,
        SERVICE_STATUS,
        STATUS,
        VENDORS,
    )

    return tuple(
        {key: str(value) for key, value in table.items() if isinstance(key, int)}
        for table in (VENDORS, PRODUCT_TYPES, STATUS, SERVICE_STATUS)
    )


@cache
def _modbus() -> tuple[dict[int, str], dict[int, str]]:
    """Functions and exceptions, read when the first is asked for."""
    from pymodbus.constants import ExcCodes  # noqa: PLC0415  # seldom needed
    from pymodbus.pdu import DecodePDU  # noqa: PLC0415  # as above

    functions = {
        number: _capital.sub(" ", request.__name__.removesuffix("Request")).lower()
        for number, (request, _) in DecodePDU.pdu_table.items()
    }
    return functions, {code.value: code.name.lower().replace("_", " ") for code in ExcCodes}
