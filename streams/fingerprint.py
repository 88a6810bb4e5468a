"""What of a device tells its sort apart, and how far one sort fits another.

A fingerprint holds nothing that differs between two devices of one sort: no address, no serial
number, no name that somebody gave it. What a device did not say is not known, which is never 0.
"""

from dataclasses import dataclass
from typing import Final, Literal

from schemas.devices import DeviceProbed, Evidence
from schemas.vendors import vendor_key
from streams.versions import major_of

Protocol = Literal["modbus.tcp", "ethernet_ip", "bootp"]

_SPELLINGS: Final[dict[str, Protocol]] = {
    "modbus": "modbus.tcp",
    "modbus-tcp": "modbus.tcp",
    "modbus_tcp": "modbus.tcp",
    "modbus.tcp": "modbus.tcp",
    "ethernet-ip": "ethernet_ip",
    "ethernet/ip": "ethernet_ip",
    "ethernetip": "ethernet_ip",
    "ethernet_ip": "ethernet_ip",
    "cip": "ethernet_ip",
    "enip": "ethernet_ip",
    "bootp": "bootp",
    "dhcp": "bootp",
}
"""What protocols are called elsewhere."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The sort of a device.

    `vendor` is compared as `vendor_key` has it, `model` is the name of the product. `major` is the
    first number of the revision; exact revisions are a range that is observed, and no part of it.
    """

    protocol: Protocol
    evidence: Evidence | None = None
    vendor_id: int | None = None
    vendor: str | None = None
    device_type: int | None = None
    product_code: str | None = None
    model: str | None = None
    major: int | None = None

    @property
    def key(self) -> tuple[str | int | None, ...]:
        """What devices of one sort have in common exactly: by this, patterns are looked up.

        The name of the vendor counts where it has no number.
        """
        vendor = self.vendor_id if self.vendor_id is not None else self.vendor
        return (self.protocol, vendor, self.device_type, self.product_code, self.major)

    @property
    def parts(self) -> tuple[str, ...]:
        """The key as the parts of a signature; what is not known is empty."""
        return tuple("" if part is None else str(part) for part in self.key)


def protocol_named(name: str) -> Protocol | None:
    """The protocol that somebody calls so.

    >>> protocol_named("EtherNet/IP"), protocol_named("profinet")
    ('ethernet_ip', None)
    """
    return _SPELLINGS.get(name.strip().casefold())


def fingerprint_of(probed: DeviceProbed) -> Fingerprint | None:
    """The sort of a device that was probed; None where it said nothing, or only pretends.

    A simulator's identity is that of whatever it simulates, and must not pass for one.
    """
    if probed.evidence is None or probed.simulator:
        return None
    vendor = vendor_key(probed.vendor) if probed.vendor else None
    return Fingerprint(
        protocol=probed.protocol,
        evidence=probed.evidence,
        vendor_id=probed.vendor_id,
        vendor=vendor or None,
        device_type=probed.device_type,
        product_code=plain(probed.product_code),
        model=plain(probed.product),
        major=major_of(probed.revision),
    )


def plain(text: str | None) -> str | None:
    """Without what firmwares pad with and spell differently."""
    return " ".join(text.split()).casefold() or None if text else None
