"""Kind `device`: sorts of devices, by what they say of themselves.

A sort is protocol, vendor, device type, product code and the first number of the revision. Nothing
that is a single device's own is part of it. A device that says what it is in free text only may
have put anything there, and one that pretends is of no sort.

What is learned of a sort is how to ask it: which requests work and how long their replies are,
whether its devices were met alone at their address, and between which revisions they lie. What was
learned may be used with the next device; then one read says whether it holds.

How to ask is put to the vote. A device has one, whatever sort it is of and however often it is
met: what its newest whole interview says stands in place of what an earlier one said.
"""

import re
from collections.abc import Iterator
from typing import Final

from schemas.devices import BUSY_CODES, USUAL_UNITS, DeviceProbed, Exchange
from streams.change import Change, Pattern
from streams.fingerprint import fingerprint_of
from streams.names import MASKED, public_name
from streams.recognise.kind import Kind
from streams.versions import rank_of

PRIOR: Final = 0.5
"""The confidence of a pattern that nobody verified; it weighs as much as two verifications."""

_WEIGHT: Final = 2

INTERVIEWED: Final = "interviewed"
ALONE: Final = "alone"
MATCHED: Final = "matched"
APPLIED: Final = "applied"
WORKS: Final = "works"
UNIT: Final = "unit"
EXCHANGES: Final = "exchanges"
TIMEOUTS: Final = "timeouts"
BUSY: Final = "busy"
"""Counters: devices that were asked the whole list, those that were met alone at their address,
uses that fitted and that were applied, behind `works.` each request with the length of its reply,
and of how many devices it is so; behind `unit.` each usual unit that answered; requests that were
sent, those that nobody answered, and those that were answered by being busy."""

REVISION: Final = "revision"
"""The measure of which least and greatest are those of the revisions that were met."""

_SUCCESSES: Final = frozenset({"agreed", "confirmed"})
_FAILURES: Final = frozenset({"disagreed", "contradicted"})
_APPLIED: Final = frozenset({"applied", "confirmed", "contradicted"})

_LENGTH_MAX: Final = 4096
is_read: Final = re.compile(
    r"0[1-4][0-9a-f]{8} | 11 | 2b0e0[1-4][0-9a-f]{2}"
    r"| 010220(?:01|f5|f6)240[01] | 0e0320(?:01|f5|f6)240[01]30[0-9a-f]{2}",
    re.VERBOSE,
).fullmatch
"""What a request can be that only reads; all else might be anything."""

KIND = Kind(
    name="device",
    parts=("protocol", "vendor", "device_type", "product_code", "major"),
    describes="probes of devices of one sort; what is not known of a sort is empty; success: "
    "what was learned of it held with a device",
    outcomes=True,
    title=lambda parts: _title(*parts),
    units={"reply_time": "us", "octets": "bytes", REVISION: "revision"},
    confidence=lambda tally: confidence_of(tally.successes, tally.failures),
)


def confidence_of(verified: int, contradicted: int, prior: float = PRIOR) -> float:
    """How far a pattern is to be trusted: the mean of a Beta distribution.

    Formula: (verified + 2 * prior) / (n + 2), where n is how often it was verified or contradicted.

    >>> confidence_of(0, 0), confidence_of(3, 1), confidence_of(0, 2)
    (0.5, 0.6666666666666666, 0.25)
    """
    return (verified + _WEIGHT * prior) / (verified + contradicted + _WEIGHT)


def recognise(probed: DeviceProbed, at_us: int | None) -> list[Change]:
    """One occurrence a probe, with the time and size of every exchange and how a pattern was used.

    A sort whose vendor or product code may not be shown is not learned: under one mask, different
    sorts would be one.
    """
    pattern = _pattern(probed)
    if pattern is None:
        return []
    replies = [exchange.get("reply_us") for exchange in probed.exchanges]
    measures = [("reply_time", reply_us) for reply_us in replies if reply_us is not None]
    measures += [("octets", octets) for octets in map(_octets, probed.exchanges) if octets]
    rank = rank_of(probed.revision)
    if rank is not None and probed.path == "slow":
        measures.append((REVISION, rank))
    usage = probed.usage
    change = Change(
        pattern,
        at_us,
        successes=int(usage in _SUCCESSES),
        failures=int(usage in _FAILURES),
        counts=(*_uses(probed), *_endings(probed)),
        measures=tuple(measures),
    )
    return [change]


def vote(probed: DeviceProbed) -> list[Change]:
    """What a device says of how its sort is asked; nothing where it was not asked the whole list.

    Counters alone, no occurrence: they can be taken back exactly.
    """
    pattern = _pattern(probed) if probed.path == "slow" and probed.answers else None
    if pattern is None:
        return []
    counts = [INTERVIEWED, ALONE] if probed.alone else [INTERVIEWED]
    told = {probed.unit, *(probed.units or ())}
    counts += [f"{UNIT}.{unit}" for unit in USUAL_UNITS if unit in told]
    counts += [
        f"{WORKS}.{request}.{length}"
        for request, length in sorted((probed.answers or {}).items())
        if is_read(request) and length <= _LENGTH_MAX
    ]
    return [Change(pattern, None, 0, counts=tuple(counts))]


def _pattern(probed: DeviceProbed) -> Pattern | None:
    """The pattern of the sort of a device; None where there is none to be learned."""
    found = fingerprint_of(probed)
    if found is None or found.evidence != "identity" or probed.learn is False:
        return None
    # Comparing leaves out what makes a text private, so the texts are looked at as they came.
    stated = [probed.vendor if found.vendor_id is None else None, probed.product_code]
    if any(text and public_name(text.strip(" ")) == MASKED for text in stated):
        return None
    public = [public_name(part) if part else "" for part in found.parts]
    return None if MASKED in public else ("device", *public)


def _uses(probed: DeviceProbed) -> tuple[str, ...]:
    if probed.usage is None:
        return ()
    return (MATCHED, APPLIED) if probed.usage in _APPLIED else (MATCHED,)


def _octets(exchange: Exchange) -> int | None:
    """The bytes of a request and its response together, None where nothing came back."""
    response = exchange.get("response")
    return None if response is None else (len(exchange["request"]) + len(response)) // 2


def _endings(probed: DeviceProbed) -> Iterator[str]:
    """A counter for every request that was sent, and for how it ended where that was no answer."""
    for exchange in probed.exchanges:
        yield EXCHANGES
        if exchange["outcome"] == "timeout":
            yield TIMEOUTS
        elif exchange["outcome"] == "exception" and exchange.get("code") == BUSY_CODES.get(
            probed.protocol
        ):
            yield BUSY


def _title(protocol: str, vendor: str, device_type: str, product_code: str, major: str) -> str:
    if device_type:
        vendor, product_code = f"vendor {vendor}", f"type {device_type} product {product_code}"
    revision = f" revision {major}" if major else ""
    return " ".join(part for part in (vendor, product_code) if part) + f"{revision} by {protocol}"
