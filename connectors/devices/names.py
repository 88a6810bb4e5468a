"""Names for numbers: vendors of EtherNet/IP devices, and types of devices.

Numbers are assigned by ODVA. pycomm3 brings a table of them, which is asked and not copied; a
number it does not know stays a number.
"""

from functools import cache

from schemas.vendors import vendor_name


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


@cache
def _tables() -> tuple[dict[int, str], dict[int, str]]:
    """The tables of vendors and of types, read when the first name is asked for."""
    from pycomm3.cip.status_info import PRODUCT_TYPES, VENDORS  # noqa: PLC0415  # seldom needed

    vendors, types = (
        {key: str(value) for key, value in table.items() if isinstance(key, int)}
        for table in (VENDORS, PRODUCT_TYPES)
    )
    return vendors, types
