"""Sorts of devices as they are used: what is known of one, and a client's configuration for it.

A configuration is computed from what was observed of a sort and says of each part on how much it
stands; what nothing was observed of is None. The names of its parts are those under which such
configurations are exchanged between programs that speak to devices.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from connectors.devices.recording import PROTOCOLS
from motif.asking import Asking
from motif.device_profiles import (
    BandwidthProfile,
    CommunicationProfile,
    TimingProfile,
    profile_of,
)
from motif.known_sorts import KnownSort, known_sorts
from projections import device_sorts
from projections.device_sorts import PARTS, LearnedSort
from schemas.errors import WrongUse
from schemas.ids import signature_parts
from streams.versions import order_of, ranked

_INHERITED: Final = (
    "optimal_polling_rate",
    "timing",
    "request_templates",
    "largest_block",
    "extents",
    "data_point_mappings",
    "error_handling_strategy",
    "bandwidth_requirements",
)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Revisions that were observed, both ends with them; None where none was.

    `exact_version` is the one revision where they are all the same.

    >>> found = VersionRange("1.9", "2.0")
    >>> found.holds("1.10"), found.holds("2.0.0"), found.holds("2.0.1")
    (True, True, False)
    """

    min_version: str | None = None
    max_version: str | None = None

    @property
    def exact_version(self) -> str | None:
        """The revision that is the only one."""
        return self.min_version if self.min_version == self.max_version else None

    def holds(self, version: str) -> bool:
        """Whether a revision lies within, in the order of numbers (`streams.versions`)."""
        found = order_of(version)
        least, greatest = self.min_version, self.max_version
        if least is not None and found < order_of(least):
            return False
        return greatest is None or found <= order_of(greatest)


@dataclass(frozen=True, slots=True)
class ProtocolSpec:
    """How a device is spoken to; `port` is that of the protocol."""

    protocol: str
    port: int | None


@dataclass(frozen=True, slots=True)
class ResponsePattern:
    """A request and what devices of the sort answer: how many bytes, and how many of them did.

    `confidence_weight` is the share of devices that answered so.
    """

    request_data: str
    response_length_min: int
    response_length_max: int
    confidence_weight: float | None


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service that devices of the sort have: the protocol, and where."""

    service_type: str
    service_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DiscoverySignature:
    """What discovery meets: replies, their times, and the service."""

    network_responses: Sequence[ResponsePattern]
    timing_characteristics: TimingProfile | None
    service_discovery_data: Sequence[ServiceInfo]


@dataclass(frozen=True, slots=True)
class HistoricalPerformance:
    """How devices of the sort did: the mean reply time in milliseconds, the share verified."""

    avg_response_time: float
    reliability_score: float | None
    bandwidth_requirements: BandwidthProfile | None
    last_updated: datetime | None


@dataclass(frozen=True, slots=True)
class DevicePattern:
    """A sort of devices: what it is, how it is asked, and how far that is to be trusted.

    `status` is experimental until devices agreed, then active; deprecated and archived is what
    somebody decided so, and neither is used any more. `pattern_confidence` is
    (verified + 2 prior) / (verified + contradicted + 2), where the prior is how far whoever
    defined the sort is trusted, else 0.5; beside it stands the 95 % Wilson score interval of the
    share verified. `contributor_reputation` is how far whoever defined it is trusted, None where
    it was learned here only. `usage_count` is how often the pattern was applied,
    `reliability_score` the share verified, None where it was never decided.
    """

    pattern_id: str
    signature: str
    title: str
    manufacturer_id: str | None
    device_type: int | None
    model_number: str | None
    firmware_version_range: VersionRange
    protocol_variant: ProtocolSpec
    discovery_signature: DiscoverySignature
    communication_profile: CommunicationProfile
    historical_performance: HistoricalPerformance | None
    product_family: str | None
    status: str
    pattern_confidence: float
    confidence_low: float | None
    confidence_high: float | None
    reliability_score: float | None
    probes: int
    devices: int
    matched: int
    usage_count: int
    verified: int
    contradicted: int
    is_used: bool
    first_seen: datetime | None
    last_seen: datetime | None
    last_verified: datetime | None
    contributor_reputation: float | None


class NoSort(WrongUse):
    """No sort of devices has this name, or several have."""


def device_patterns(node: Asking, *, archived: bool = False) -> list[DevicePattern]:
    """All sorts of devices that are known, the surest first; without those that are archived."""
    found = patterns_of(known_sorts(node))
    return found if archived else [one for one in found if one.status != "archived"]


def patterns_of(known: Iterable[KnownSort]) -> list[DevicePattern]:
    """The same of sorts that were asked for already, in their order."""
    found = list(map(_pattern, known))
    kin = _Kin([one for one in found if one.status != "archived"])
    return list(map(kin.inheriting, found))


def device_pattern(node: Asking, name: str) -> DevicePattern:
    """The sort with this signature, id, or beginning of an id.

    Raises:
        NoSort: there is none, or more than one id begins so.
    """
    found = [
        one
        for one in device_patterns(node, archived=True)
        if one.signature == name or (name and one.pattern_id.startswith(name))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoSort(f"{len(found)} sorts of devices have an id that begins with {name!r}")
    raise NoSort(f"no sort of devices is called {name!r}; `motif devices list` names them")


def history(node: Asking, pattern: DevicePattern) -> list[dict[str, Any]]:
    """What happened to a sort at this installation, the oldest first.

    Rows of `happened_at`, `what` (defined, a decision, or how it was used), `times` and `detail`.
    """
    parts = signature_parts(pattern.signature)
    return node.ask(lambda store: device_sorts.history(store, pattern.pattern_id, parts))


def statistics(patterns: Sequence[DevicePattern]) -> dict[str, Any]:
    """Five numbers about all sorts; of none at all the same five.

    >>> statistics([])["total_patterns"], statistics([])["most_used_pattern"]
    (0, None)
    """
    most = max(patterns, key=lambda one: one.usage_count, default=None)
    total = sum(one.pattern_confidence for one in patterns)
    return {
        "total_patterns": len(patterns),
        "average_confidence": total / len(patterns) if patterns else 0.0,
        "total_usage": sum(one.usage_count for one in patterns),
        "most_used_pattern": most
        and {
            "pattern_id": most.pattern_id,
            "usage_count": most.usage_count,
            "confidence": most.pattern_confidence,
        },
        "protocols": sorted({one.protocol_variant.protocol for one in patterns}),
    }


def configuration(pattern: DevicePattern) -> dict[str, Any]:
    """What a client needs to speak to devices of a sort, without what only says how it is known."""
    return {
        "pattern_id": pattern.pattern_id,
        "manufacturer_id": pattern.manufacturer_id,
        "device_type": pattern.device_type,
        "model_number": pattern.model_number,
        "firmware_version_range": pattern.firmware_version_range,
        "protocol_variant": pattern.protocol_variant,
        "pattern_confidence": pattern.pattern_confidence,
        "communication_profile": pattern.communication_profile,
    }


def _pattern(known: KnownSort) -> DevicePattern:
    learned, sort = known.learned, known.sort
    profile = profile_of(learned, sort, known.data_points)
    said = dict(zip(PARTS, learned.parts, strict=True))
    protocol = PROTOCOLS.get(said["protocol"])
    port = None if protocol is None else protocol.port
    return DevicePattern(
        pattern_id=learned.pattern_id,
        signature=learned.signature,
        title=learned.title,
        manufacturer_id=said["vendor"] or None,
        device_type=sort.fingerprint.device_type,
        model_number=said["product_code"] or None,
        firmware_version_range=_versions(said["major"], sort.ranks),
        protocol_variant=ProtocolSpec(said["protocol"], port),
        discovery_signature=_signature(profile, ProtocolSpec(said["protocol"], port)),
        communication_profile=profile,
        historical_performance=_performance(learned, profile),
        product_family=None if known.defined is None else known.defined.family,
        status=known.status,
        pattern_confidence=sort.confidence,
        confidence_low=learned.wilson_low,
        confidence_high=learned.wilson_high,
        reliability_score=_reliability(learned),
        probes=learned.probes,
        devices=learned.interviewed,
        matched=learned.matched,
        usage_count=learned.applied,
        verified=learned.verified,
        contradicted=learned.contradicted,
        is_used=sort.is_learned,
        first_seen=learned.first_seen,
        last_seen=learned.last_seen,
        last_verified=learned.last_verified,
        contributor_reputation=None if known.defined is None else known.defined.reputation,
    )


def _reliability(learned: LearnedSort) -> float | None:
    decided = learned.verified + learned.contradicted
    return learned.verified / decided if decided else None


def _signature(profile: CommunicationProfile, spec: ProtocolSpec) -> DiscoverySignature:
    responses = [
        ResponsePattern(
            one.request_pattern,
            *(one.expected_response_length, one.expected_response_length),
            one.votes / one.of if one.of else None,
        )
        for one in profile.request_templates
    ]
    services = [ServiceInfo(spec.protocol, {"port": spec.port})]
    return DiscoverySignature(responses, profile.timing, services)


def _performance(
    learned: LearnedSort, profile: CommunicationProfile
) -> HistoricalPerformance | None:
    if learned.reply_mean_ms is None:
        return None
    bandwidth = profile.bandwidth_requirements
    score = _reliability(learned)
    return HistoricalPerformance(learned.reply_mean_ms, score, bandwidth, learned.last_seen)


class _Kin:
    """Sorts by model and by family, the surest of each first."""

    def __init__(self, patterns: Sequence[DevicePattern]) -> None:
        """Take in the sorts."""
        self._by_group: dict[tuple[object, ...], list[DevicePattern]] = {}
        for one in patterns:
            for group in _groups(one):
                self._by_group.setdefault(group, []).append(one)

    def inheriting(self, pattern: DevicePattern) -> DevicePattern:
        """A pattern with what was observed of its nearest kin, where nothing was of itself.

        For a client's configuration only: discovery uses what is known of a sort itself.
        """
        profile = pattern.communication_profile
        taken: dict[str, Any] = {}
        given: dict[str, str] = {}
        for name in _INHERITED:
            kin = None if getattr(profile, name) else self._heard_of(pattern, name)
            if kin is not None:
                taken[name] = getattr(kin.communication_profile, name)
                given[name] = kin.pattern_id
        if not taken:
            return pattern
        made = replace(profile, **taken, inherited_from=given)
        return replace(pattern, communication_profile=made)

    def _heard_of(self, pattern: DevicePattern, name: str) -> DevicePattern | None:
        for group in _groups(pattern):
            for kin in self._by_group.get(group, ()):
                if getattr(kin.communication_profile, name):
                    return kin
        return None


def _groups(one: DevicePattern) -> Iterator[tuple[object, ...]]:
    """What a sort has in common with others: its model, then its family."""
    made = (one.protocol_variant, one.manufacturer_id)
    yield ("model", *made, one.device_type, one.model_number)
    if one.product_family is not None:
        yield ("family", *made, one.product_family)


def _versions(major: str, ranks: tuple[int, int] | None) -> VersionRange:
    if not major or ranks is None:
        return VersionRange(major or None, major or None)
    return VersionRange(*(f"{major}.{ranked(rank)}" for rank in ranks))
