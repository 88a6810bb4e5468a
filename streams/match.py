"""How sure it is that a device is of the sort a pattern was learned from.

    0.3 times the confidence of the pattern
  + 0.3 if manufacturer or vendor id is the same
  + 0.2 if the model, or device type and product code, is the same
  + 0.2 if the protocol is the same

out of 1.0. What one side does not know adds nothing. One thing that both know and that differs
caps the sum below what takes the fast path, at any confidence of the pattern; so does weak
evidence. The product code of a Modbus device is its model, since such devices have no types.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.devices import Evidence
from streams.fingerprint import Fingerprint

FAST_FROM: Final = 0.7
"""Match confidence from which a pattern is applied, where nothing else is asked for."""

PATTERN_FROM: Final = 0.5
"""A pattern of less confidence is never applied."""

DIFFERENT_MOST: Final = 0.69
"""Where something known differs."""

EVIDENCE_MOST: Final[Mapping[Evidence | None, float]] = {
    "identity": 1.0,
    "server_id": 0.6,
    "exceptions": 0.6,
    "request": 0.3,
    None: 0.0,
}
"""How far evidence of each sort can carry."""

_PATTERN, _VENDOR, _MODEL, _PROTOCOL = 0.3, 0.3, 0.2, 0.2
_DIGITS: Final = 9


class Match(NamedTuple):
    """How far a device fits a pattern, what is the same, and what both know and differs."""

    confidence: float
    same: tuple[str, ...]
    different: tuple[str, ...]


def match(device: Fingerprint, pattern: Fingerprint, pattern_confidence: float) -> Match:
    """How far a device fits a pattern of this confidence.

    >>> meter = Fingerprint("modbus.tcp", "identity", vendor="acme", model="m-1")
    >>> match(meter, meter, 0.5).confidence
    0.85

    Raises:
        ValueError: the confidence is not from 0 to 1.
    """
    if not 0 <= pattern_confidence <= 1:
        raise ValueError(f"the pattern's confidence is {pattern_confidence}; it is from 0 to 1")
    same, different = _compared(device, pattern)
    reached = _PATTERN * pattern_confidence
    if {"vendor_id", "vendor"} & same:
        reached += _VENDOR
    untyped = device.device_type is None and pattern.device_type is None
    if "model" in same or ("product_code" in same and (untyped or "device_type" in same)):
        reached += _MODEL
    if "protocol" in same:
        reached += _PROTOCOL
    most = min(EVIDENCE_MOST[device.evidence], EVIDENCE_MOST[pattern.evidence])
    if different:
        most = min(most, DIFFERENT_MOST)
    confidence = round(min(reached, most), _DIGITS)
    return Match(confidence, tuple(sorted(same)), tuple(sorted(different)))


def takes_fast_path(found: Match, pattern_confidence: float, least: float = FAST_FROM) -> bool:
    """Whether a pattern that fits so far is applied."""
    return pattern_confidence >= PATTERN_FROM and found.confidence >= least and not found.different


def _compared(device: Fingerprint, pattern: Fingerprint) -> tuple[set[str], set[str]]:
    """The parts that both know: those that are the same, and those that differ."""
    same: set[str] = set()
    different: set[str] = set()
    for name in ("protocol", "vendor_id", "vendor", "device_type", "product_code", "model"):
        one, other = getattr(device, name), getattr(pattern, name)
        if one is not None and other is not None:
            (same if one == other else different).add(name)
    return same, different
