"""Kind `device`: sorts of devices, by what they say of themselves.

A sort is protocol, vendor, device type, product code and the first number of the revision. Nothing
that is a single device's own is part of it. A device that says what it is in free text only may
have put anything there, and one that pretends is of no sort.
"""

from schemas.devices import DeviceProbed
from streams.change import Change
from streams.fingerprint import fingerprint_of
from streams.names import MASKED, public_name
from streams.recognise.kind import Kind

KIND = Kind(
    name="device",
    parts=("protocol", "vendor", "device_type", "product_code", "major"),
    describes="probes of devices of one sort; what is not known of a sort is empty",
    outcomes=False,
    title=lambda parts: _title(*parts),
    units={"reply_time": "us"},
)


def recognise(probed: DeviceProbed, at_us: int | None) -> list[Change]:
    """One occurrence a probe, with the time of every reply.

    A sort whose vendor or product code may not be shown is not learned: under one mask, different
    sorts would be one.
    """
    found = fingerprint_of(probed)
    if found is None or found.evidence != "identity":
        return []
    # Comparing leaves out what makes a text private, so the texts are looked at as they came.
    stated = [probed.vendor if found.vendor_id is None else None, probed.product_code]
    if any(text and public_name(text.strip(" ")) == MASKED for text in stated):
        return []
    parts = ["" if part is None else str(part) for part in found.key]
    public = [public_name(part) if part else "" for part in parts]
    if MASKED in public:
        return []
    replies = [exchange.get("reply_us") for exchange in probed.exchanges]
    measures = tuple(("reply_time", reply_us) for reply_us in replies if reply_us is not None)
    return [Change(("device", *public), at_us, 1, 0, 0, (), measures)]


def _title(protocol: str, vendor: str, device_type: str, product_code: str, major: str) -> str:
    if device_type:
        vendor, product_code = f"vendor {vendor}", f"type {device_type} product {product_code}"
    revision = f" revision {major}" if major else ""
    return " ".join(part for part in (vendor, product_code) if part) + f"{revision} by {protocol}"
