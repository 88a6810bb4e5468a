"""Saying of sorts of devices how they are asked: a sample, a file of another installation.

What is said is an event, trusted as far as whoever said it, and verified with the next device like
all that was learned.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from motif.asking import Asking
from motif.known_sorts import KnownSort, known_sorts
from motif.node import Node
from schemas.clock import new_id, now_us
from schemas.devices import DeviceDefined, DeviceMapped, DeviceProbed
from schemas.envelope import Event
from schemas.errors import SourceUnreadable, WrongUse
from schemas.vendors import vendor_key
from streams.fingerprint import plain, protocol_named
from streams.names import MASKED, public_name
from streams.recognise.device import is_read
from streams.versions import major_of, order_of, ranked

FORMAT: Final = "motif.devices.v1"
FILE_MAX: Final = 64 * 1024 * 1024
SAMPLE_CONFIDENCE: Final = 0.8
_ALL_KNOWN: Final = 1.0
_USUAL_CONFIDENCE: Final = 0.5
_digits: Final = re.compile(r"[0-9]{1,18}").fullmatch


class Imported(NamedTuple):
    """What became of a file: how many were imported, known already, and refused with reasons."""

    imported: int
    known: int
    refused: Sequence[str]


def sample(manufacturer: str, model: str, protocol: str) -> DeviceDefined:
    """A sort as somebody may say it who wants to see one: every revision, and no requests.

    Raises:
        WrongUse: the protocol is not known, or a name may not be shown.
    """
    said = {"vendor": manufacturer, "product_code": model, "protocol": protocol}
    trust = {"family": "Sample Family", "confidence": SAMPLE_CONFIDENCE}
    return _meant({**said, **trust}, "sample")


def described(device: Mapping[str, Any], confidence: float) -> DeviceDefined:
    """The sort of a device that somebody describes, of one revision where it is known.

    Raises:
        WrongUse: what is described is no sort, or may be what is a single device's own.
    """
    entry = {
        "protocol": device.get("protocol"),
        "vendor": _text(device.get("vendor_id", device.get("manufacturer"))),
        "product_code": _code(device),
        "device_type": device.get("device_type"),
        "firmware_version_range": {"exact_version": device.get("firmware_version")},
        "family": device.get("product_family"),
        "confidence": confidence,
    }
    return _meant(entry, "given")


def device_said(device: Mapping[str, Any]) -> DeviceProbed:
    """A device as somebody describes it, as if it had said so itself.

    Raises:
        WrongUse: the protocol is none that is known, or a field is not what it can be.
    """
    named = device.get("protocol")
    protocol = protocol_named(named) if isinstance(named, str) else None
    said: dict[str, Any] = {
        "address": "described",
        "port": 0,
        "protocol": protocol,
        "transport": "tcp",
        "path": "passive",
        "outcome": "identified",
        "exchanges": [],
        "evidence": "identity",
        "vendor_id": device.get("vendor_id"),
        "vendor": device.get("manufacturer"),
        "device_type": device.get("device_type"),
        "product_code": _code(device),
        "revision": device.get("firmware_version"),
        "decoder_version": 0,
    }
    try:
        return DeviceProbed.model_validate(said)
    except ValidationError as error:
        wrong = error.errors()[0]["loc"][0]
        raise WrongUse(f"{wrong} of the device is {said.get(str(wrong))!r:.64}") from None


def define(node: Node, definitions: Iterable[DeviceDefined | DeviceMapped]) -> None:
    """Make definitions durable."""
    node.publish(Event("motif", f"device/{new_id()}", one, now_us()) for one in definitions)


def exported(node: Asking) -> bytes:
    """All sorts as a file that another installation imports, the same bytes for the same sorts."""
    return file_of(exportable(node))


def exportable(node: Asking) -> list[KnownSort]:
    """The sorts that are exported: all but those that are archived."""
    return [one for one in known_sorts(node) if one.status != "archived"]


def file_of(sorts: Iterable[KnownSort]) -> bytes:
    """The file of these sorts, in whichever order they come."""
    rows = sorted(map(_row, sorts), key=msgspec.json.encode)
    body = {"format": FORMAT, "pattern_count": len(rows), "patterns": rows}
    return msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n"


def import_file(
    node: Node, file: Path, *, reputation: float = _ALL_KNOWN, overwrite: bool = False
) -> Imported:
    """Import the sorts of a file: one of ours, or a `patterns.json` of a device pattern store.

    Args:
        node: where they are said.
        file: JSON with `patterns`.
        reputation: how far whoever wrote it is trusted, from 0 to 1; confidences are multiplied.
        overwrite: also say again what is known of a sort already.

    Raises:
        SourceUnreadable: the file cannot be read, or holds no patterns.
    """
    known = {tuple(one.learned.parts) for one in known_sorts(node)}
    found: dict[tuple[str, ...], DeviceDefined] = {}
    mapped: dict[tuple[str, ...], DeviceMapped] = {}
    refused: list[str] = []
    skipped = 0
    for name, entry in _entries(file):
        try:
            one = _definition(entry, "import", reputation)
            points = _points(entry, one)
        except _Refused as reason:
            refused.append(f"{name:.200}: {reason}")
            continue
        except (TypeError, ValueError, OverflowError) as error:  # of a shape nobody thought of
            refused.append(f"{name:.200}: it cannot be meant: {error!s:.200}")
            continue
        if one.parts in known and not overwrite:
            skipped += 1
        else:
            found[one.parts] = one
            mapped |= {one.parts: points} if points is not None else {}
    define(node, [*found.values(), *mapped.values()])
    return Imported(len(found), skipped, refused)


class _Refused(ValueError):
    """Why an entry is not imported."""


def _meant(entry: dict[str, Any], origin: str) -> DeviceDefined:
    """What somebody here says of a sort, trusted as it is said."""
    try:
        return _definition(entry, origin, _ALL_KNOWN)
    except _Refused as reason:
        raise WrongUse(str(reason)) from None


def _code(device: Mapping[str, Any]) -> Any:
    """The product code of a device that is described, else its model."""
    return _text(device.get("product_code", device.get("model")))


def _text(name: Any) -> Any:
    """A number as text, all else as it is."""
    return str(name) if isinstance(name, int) else name


def content_of(file: Path, most: int) -> bytes:
    """What is in a file of so many bytes at most.

    Raises:
        SourceUnreadable: it cannot be read, or is too large.
    """
    try:
        if file.stat().st_size > most:
            raise SourceUnreadable(f"{file} is larger than {most:,} bytes")
        return file.read_bytes()
    except OSError as error:
        raise SourceUnreadable(f"{file} cannot be read: {error}") from error


def decoded(file: Path, content: bytes) -> Any:
    """The JSON that a file holds.

    Raises:
        SourceUnreadable: it holds none.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise SourceUnreadable(f"{file} cannot be read as JSON: {error}") from error


def _entries(file: Path) -> list[tuple[str, Any]]:
    body = decoded(file, content_of(file, FILE_MAX))
    patterns = body.get("patterns") if isinstance(body, dict) else None
    if isinstance(patterns, dict) and isinstance(patterns.get("patterns"), dict):
        patterns = patterns["patterns"]  # an export of such a store holds the store whole
    if isinstance(patterns, dict):
        return list(patterns.items())
    if isinstance(patterns, list):
        return [(f"pattern {at}", one) for at, one in enumerate(patterns, 1)]
    raise SourceUnreadable(f"{file} holds no patterns; its key 'patterns' is missing or no list")


def _definition(entry: Any, origin: str, reputation: float) -> DeviceDefined:
    """What an entry of a file says of a sort; of a device it takes nothing that is its own."""
    if not isinstance(entry, dict):
        raise _Refused("it is no object")
    spec = entry.get("protocol_variant")
    named = spec.get("protocol") if isinstance(spec, dict) else entry.get("protocol")
    protocol = protocol_named(named) if isinstance(named, str) else None
    if protocol not in {"modbus.tcp", "ethernet_ip"}:
        raise _Refused(f"{named!r} is no protocol by which devices say what they are")
    major, least, greatest = _revisions(entry)
    answers = entry.get("answers") or {}
    if not isinstance(answers, dict) or not all(map(is_read, answers)):
        raise _Refused("its answers are to requests of which not all only read")
    confidence = entry.get("confidence", entry.get("pattern_confidence", _USUAL_CONFIDENCE))
    trusted = entry.get("contributor_reputation", _ALL_KNOWN)
    try:
        return DeviceDefined.model_validate(
            {
                "protocol": protocol,
                **_named(entry, numbered=protocol == "ethernet_ip", whole=origin != "import"),
                "major": major,
                "least_revision": least,
                "greatest_revision": greatest,
                "family": _shown(entry.get("family", entry.get("product_family"))),
                "origin": origin,
                "confidence": confidence,
                "reputation": entry.get("reputation", 1.0) * trusted * reputation,
                "answers": answers or None,
                "alone": entry.get("alone"),
            }
        )
    except (ValidationError, TypeError) as error:
        wrong = (
            error.errors()[0] if isinstance(error, ValidationError) else {"loc": ("reputation",)}
        )
        raise _Refused(f"{wrong['loc'][0]} is not what it can be") from None


def _named(entry: dict[str, Any], *, numbered: bool, whole: bool) -> dict[str, Any]:
    """Vendor, type and product as fingerprints name them; `whole` wants both names of Modbus."""
    vendor = entry.get("vendor", entry.get("manufacturer_id"))
    code = entry.get("product_code", entry.get("model_number"))
    kind = entry.get("device_type")
    if numbered:
        numbers = [one for one in (vendor, code) if isinstance(one, str) and _digits(one)]
        if len(numbers) != len((vendor, code)) or not isinstance(kind, int):
            raise _Refused("vendor, device type and product code of EtherNet/IP are numbers")
        vendor, code = (str(int(one)) for one in numbers)
        return {"vendor": vendor, "product_code": code, "device_type": kind}
    stated = {"vendor": vendor, "product_code": code}
    texts = {name: text for name, text in stated.items() if isinstance(text, str)}
    strange = any(text is not None for name, text in stated.items() if name not in texts)
    if not texts or strange or (whole and len(texts) < len(stated)):
        raise _Refused("it names no vendor and model")
    named: dict[str, str | None] = {"vendor": None, "product_code": None}
    # Comparing leaves out what makes a text private, so the texts are looked at as they came.
    for name, text in texts.items():
        key = named[name] = vendor_key(text) if name == "vendor" else plain(text)
        if not key or MASKED in {public_name(text.strip()), public_name(key)}:
            raise _Refused(f"its {name} may be what is a single device's own")
    return named


def _revisions(entry: dict[str, Any]) -> tuple[int | None, str | None, str | None]:
    """Major revision, and the least and the greatest revision of a sort."""
    said = entry.get("firmware_version_range") or {}
    if not isinstance(said, dict):
        raise _Refused("its firmware_version_range is no object")
    least = entry.get("least_revision", said.get("min_version"))
    greatest = entry.get("greatest_revision", said.get("max_version"))
    exact = said.get("exact_version")
    ends = [exact, exact] if exact else [least, greatest]
    texts = [end for end in ends if isinstance(end, str)]
    majors = {major_of(text) for text in texts}
    if entry.get("major") is not None:
        majors.add(entry["major"])
    if len(majors) > 1:
        raise _Refused(f"its revisions {' to '.join(texts)} are of different sorts")
    (major,) = majors or {None}
    if major is None or not texts:
        return major, None, None
    first, last = (end if isinstance(end, str) else None for end in ends)
    if first is not None and last is not None and order_of(first) > order_of(last):
        raise _Refused(f"its revisions go from {first} down to {last}")
    return major, first, last


def _points(entry: dict[str, Any], sort: DeviceDefined) -> DeviceMapped | None:
    """The values that an entry says devices of its sort have."""
    profile = entry.get("communication_profile")
    points = entry.get("data_points")
    if points is None and isinstance(profile, dict):
        points = profile.get("data_point_mappings")
    if not points:
        return None
    said = sort.model_dump(include={"protocol", "vendor", "device_type", "product_code", "major"})
    try:
        return DeviceMapped.model_validate({**said, "origin": "import", "data_points": points})
    except ValidationError as error:
        raise _Refused(
            f"its data points are not what they can be: {error.errors()[0]['msg']}"
        ) from None


def _shown(family: object) -> str | None:
    """The name of a family where it may be shown."""
    return family if isinstance(family, str) and public_name(family) != MASKED else None


def _row(one: KnownSort) -> dict[str, Any]:
    """A sort as it stands in a file."""
    protocol, vendor, device_type, product_code, major = one.learned.parts
    defined = one.defined
    met = one.learned.verified + one.learned.contradicted
    ranks = one.sort.ranks
    row = {
        "protocol": protocol,
        "vendor": vendor or None,
        "device_type": int(device_type) if device_type else None,
        "product_code": product_code or None,
        "major": int(major) if major else None,
        "least_revision": None if ranks is None else f"{major}.{ranked(ranks[0])}",
        "greatest_revision": None if ranks is None else f"{major}.{ranked(ranks[1])}",
        "family": None if defined is None else defined.family,
        "confidence": one.sort.confidence if met or defined is None else defined.confidence,
        "reputation": _ALL_KNOWN if met or defined is None else defined.reputation,
        "answers": dict(sorted(one.sort.answers.items())) or None,
        "alone": one.sort.alone,
        "data_points": list(one.data_points) or None,
    }
    return {name: value for name, value in row.items() if value is not None}
