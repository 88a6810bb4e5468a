"""Sorts of devices that were learned: all of them, and everything about one."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from connectors.devices import modbus
from connectors.devices.names import function_of, service_of
from motif.device_patterns import DevicePattern, VersionRange
from motif.device_profiles import CommunicationProfile, Extent
from motif.display import words
from motif.display.table import number, table, text
from projections.device_restrictions import Restricted

ID_DIGITS = 8
"""So much of an id tells sorts apart on a screen."""

_MS = 1000


def listed(patterns: Sequence[DevicePattern]) -> RenderableType:
    """A row a sort, the surest first."""
    columns = [
        *(text("id"), text("sort"), text("revisions"), text("status"), number("confidence")),
        *(number("devices"), number("probes"), number("matched"), number("applied")),
        *(number("verified"), number("contradicted"), number("reply")),
    ]
    return table(columns, [_row(one) for one in patterns])


def shown(pattern: DevicePattern) -> RenderableType:
    """Everything about a sort, and how it is asked."""
    bounds = words.interval(pattern.confidence_low, pattern.confidence_high)
    decided = pattern.verified + pattern.contradicted
    facts = [
        ("id", pattern.pattern_id),
        ("signature", pattern.signature),
        ("status", pattern.status),
        ("protocol", pattern.protocol_variant.protocol),
        ("revisions", _versions(pattern.firmware_version_range)),
        ("confidence", f"{pattern.pattern_confidence:.2f}, {_use(pattern)}"),
        ("verified", f"{pattern.verified:,} of {decided:,} {bounds}".rstrip()),
        ("matched, applied", f"{pattern.matched:,}, {pattern.usage_count:,}"),
        ("probes, devices", f"{pattern.probes:,}, {pattern.devices:,}"),
        ("first, last seen", _seen(pattern)),
    ]
    facts += _profile(pattern.communication_profile)
    lines = [f"{name:<18}{words.safe(said)}" for name, said in facts]
    parts: list[RenderableType] = [Text(pattern.title, style="bold"), Text("\n".join(lines))]
    templates = pattern.communication_profile.request_templates
    if templates:
        rows = [
            [
                *(one.request_pattern, _asks_for(pattern, one.request_pattern)),
                *(f"{one.expected_response_length:,}", f"{one.votes:,}"),
            ]
            for one in templates
        ]
        columns = [text("request"), text("asks for"), number("bytes"), number("votes")]
        parts += ["", table(columns, rows)]
    return Group(*parts)


def told(history: Sequence[Mapping[str, Any]]) -> RenderableType:
    """What happened to a sort, a row a thing."""
    columns = [text("when"), text("what"), number("times"), text("")]
    return table(
        columns,
        [
            [
                words.minute_of(row["happened_at"]),
                row["what"],
                words.count(row["times"]),
                row["detail"] or "",
            ]
            for row in history
        ],
    )


def restricted(found: Sequence[Restricted]) -> RenderableType:
    """How devices may be asked, a row a network or device."""
    columns = [
        *(
            text("network"),
            text("fragile"),
            text("windows"),
            text("by"),
            text("since"),
            text("why"),
        ),
    ]
    rows = []
    for one in found:
        zone = f" {one.timezone or 'UTC'}" if one.windows else ""
        rows.append(
            [
                one.network if one.port is None else f"{one.network}:{one.port}",
                "yes" if one.fragile else "",
                ", ".join(one.windows or ()) + zone,
                one.who or one.origin,
                words.minute_of(one.since),
                one.notes or "",
            ]
        )
    return table(columns, rows)


def _asks_for(pattern: DevicePattern, request: str) -> str:
    """What a request asks for, by the name of its function or service."""
    try:
        octets = bytes.fromhex(request)
    except ValueError:  # somebody defined a sort so
        octets = b""
    if not octets:
        return words.UNKNOWN
    is_modbus = pattern.protocol_variant.protocol == modbus.PROTOCOL
    return function_of(octets) if is_modbus else service_of(octets)


def _row(pattern: DevicePattern) -> list[str]:
    timing = pattern.communication_profile.timing
    typical = None if timing is None else timing.typical_response_time_ms * _MS
    numbers = (pattern.devices, pattern.probes, pattern.matched, pattern.usage_count)
    return [
        pattern.pattern_id[:ID_DIGITS],
        pattern.title,
        _versions(pattern.firmware_version_range),
        pattern.status,
        f"{pattern.pattern_confidence:.2f}",
        *map(words.count, numbers),
        words.count(pattern.verified),
        words.count(pattern.contradicted),
        words.duration(typical),
    ]


def _use(pattern: DevicePattern) -> str:
    if pattern.status in {"deprecated", "archived"}:
        return "not used any more"
    if pattern.is_used:
        return "used by discovery"
    if pattern.devices:
        return "not used yet: another interview has to agree"
    return "not used yet: nobody knows what works"


def _seen(pattern: DevicePattern) -> str:
    return f"{words.minute_of(pattern.first_seen)} to {words.minute_of(pattern.last_seen)}"


def _versions(seen: VersionRange) -> str:
    if seen.min_version is None:
        return words.UNKNOWN
    if seen.min_version == seen.max_version:
        return seen.min_version
    return f"{seen.min_version} to {seen.max_version}"


def _end(extent: Extent) -> int:
    return extent.address + extent.count - 1


def _profile(profile: CommunicationProfile) -> list[tuple[str, str]]:
    found = []
    if timing := profile.timing:
        typical, slowest, timeout = (
            words.duration(one * _MS)
            for one in (
                timing.typical_response_time_ms,
                timing.max_response_time_ms,
                timing.connection_timeout_ms,
            )
        )
        found.append(("replies", f"{typical}, p99 {slowest}, of {timing.n:,}; wait {timeout}"))
    if profile.optimal_polling_rate is not None:
        found.append(("polling rate", f"{profile.optimal_polling_rate:.1f} requests a second"))
    if errors := profile.error_handling_strategy:
        said = f"{errors.timeouts:,} timeouts and {errors.busy:,} busy of {errors.n:,} requests"
        found.append(("errors", f"{said}; repeat {errors.retry_count} times at most"))
    if bandwidth := profile.bandwidth_requirements:
        found.append(("request and reply", f"{bandwidth.bytes_per_request:.0f} bytes on average"))
    if profile.largest_block is not None:
        found.append(("largest block", f"{profile.largest_block:,} registers or bits"))
    if profile.extents:
        spans = [f"FC{one.function} {one.address} to {_end(one)}" for one in profile.extents]
        found.append(("readable", ", ".join(spans)))
    if profile.units:
        said = ", ".join(f"{one.unit} ({one.votes:,} of {one.of:,})" for one in profile.units)
        found.append(("units", said))
    if profile.data_point_mappings:
        found.append(("data points", f"{len(profile.data_point_mappings):,}"))
    if profile.inherited_from:
        names = ", ".join(name.replace("_", " ") for name in profile.inherited_from)
        origins = sorted({one[:ID_DIGITS] for one in profile.inherited_from.values()})
        found.append(("inherited", f"{names}, from {', '.join(origins)}"))
    return found
