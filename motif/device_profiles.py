"""How devices of a sort are best asked, computed from what was observed of them.

Every part says on how much it stands; what nothing was observed of is None.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.devices.pace import POLITE
from projections.device_sorts import LearnedSort
from schemas.devices import USUAL_UNITS, DataPoint
from streams.recognise.device import UNIT, WORKS
from streams.sorts import Sort

TIMEOUT_LEAST_MS: Final = 250
"""No request is given up sooner."""

_TIMEOUT_TIMES: Final = 4
_LOST_LEAST: Final = 0.001
_RETRIES_MAX: Final = 3
_BUSY_TIMES: Final = 10
_READ_BYTES: Final = 5
_READ_FUNCTIONS: Final = range(1, 5)


@dataclass(frozen=True, slots=True)
class TimingProfile:
    """Times in milliseconds, over `n` replies.

    `typical_response_time_ms` is their median, `max_response_time_ms` their 99th percentile,
    `inter_request_delay_ms` the gap that discovery leaves, and `connection_timeout_ms` four times
    the 99th percentile, 250 at least.
    """

    typical_response_time_ms: float
    max_response_time_ms: float
    inter_request_delay_ms: float
    connection_timeout_ms: float
    n: int


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """A request that works: its bytes as hexadecimal digits without what numbers a conversation.

    `votes` of `of` devices answered it with `expected_response_length` bytes.
    """

    request_pattern: str
    expected_response_length: int
    votes: int
    of: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Registers or bits that can be read: by a function of Modbus, from an address on, so many.

    Blocks that follow each other are one. At least `votes` of `of` devices let each of them be
    read.
    """

    function: int
    address: int
    count: int
    votes: int
    of: int


@dataclass(frozen=True, slots=True)
class AnsweringUnit:
    """A unit of Modbus under which `votes` of `of` devices answered, one of 255, 0 and 1."""

    unit: int
    votes: int
    of: int


@dataclass(frozen=True, slots=True)
class DataPointMap:
    """A value that devices have, as somebody stated it: `scale_factor` times what stands there."""

    tag_name: str
    address: str
    data_type: str
    scale_factor: float = 1.0
    unit: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorStrategy:
    """What to do where nothing comes back, over `n` requests.

    `retry_count` is the least number of repeats after which less than one request of a thousand is
    lost at the share of timeouts that was observed, 3 at most. `retry_delay_ms` is the gap between
    requests, ten times that where devices were busy.
    """

    retry_count: int
    retry_delay_ms: float
    timeouts: int
    busy: int
    n: int


@dataclass(frozen=True, slots=True)
class BandwidthProfile:
    """What polling takes: the mean bytes of a request with its response, over `n` of them.

    `bytes_per_second` is that at the optimal polling rate. There is one connection.
    """

    bytes_per_request: float
    bytes_per_second: float | None
    concurrent_connections: int
    n: int


@dataclass(frozen=True, slots=True)
class CommunicationProfile:
    """How devices of a sort are best asked.

    `optimal_polling_rate` is in requests a second: one in every 99th percentile of the reply times
    plus the gap between requests. `largest_block` is the greatest number of registers or bits that
    a request which works asks for, and `extents` are all that can be read so. `data_point_mappings`
    are as somebody stated them last. `inherited_from` names, for each field of which nothing was
    observed here, the pattern it is from: the surest of the same model, else of the same family.
    """

    optimal_polling_rate: float | None
    timing: TimingProfile | None
    request_templates: Sequence[RequestTemplate]
    largest_block: int | None
    extents: Sequence[Extent]
    units: Sequence[AnsweringUnit]
    data_point_mappings: Sequence[DataPointMap]
    error_handling_strategy: ErrorStrategy | None
    bandwidth_requirements: BandwidthProfile | None
    inherited_from: Mapping[str, str] = field(default_factory=dict)


def profile_of(
    learned: LearnedSort, sort: Sort, data_points: Sequence[DataPoint] = ()
) -> CommunicationProfile:
    """The profile of a sort by what was learned of it, and the values it has as somebody said."""
    gap_ms = POLITE.gap_s * 1000
    typical, slowest = learned.reply_ms, learned.reply_p99_ms
    timing = rate = None
    if typical is not None and slowest is not None:
        timeout_ms = max(TIMEOUT_LEAST_MS, _TIMEOUT_TIMES * slowest)
        timing = TimingProfile(typical, slowest, gap_ms, timeout_ms, learned.replies)
        rate = 1000 / (slowest + gap_ms)
    templates = [
        RequestTemplate(
            request,
            length,
            learned.counters.get(f"{WORKS}.{request}.{length}", 0),
            learned.interviewed,
        )
        for request, length in sorted(sort.answers.items())
    ]
    blocks = [block for block in map(_block, templates) if block is not None]
    bandwidth = None
    if learned.octets is not None:
        a_second = None if rate is None else learned.octets * rate
        bandwidth = BandwidthProfile(learned.octets, a_second, 1, learned.octets_n)
    return CommunicationProfile(
        optimal_polling_rate=rate,
        timing=timing,
        request_templates=templates,
        largest_block=max((one.count for one in blocks), default=None),
        extents=_joined(blocks),
        units=_units(learned),
        data_point_mappings=list(map(_mapped, data_points)),
        error_handling_strategy=_errors(learned, gap_ms),
        bandwidth_requirements=bandwidth,
    )


def _errors(learned: LearnedSort, gap_ms: float) -> ErrorStrategy | None:
    if not learned.exchanges:
        return None
    share = learned.timeouts / learned.exchanges
    retries = 0
    while share ** (retries + 1) >= _LOST_LEAST and retries < _RETRIES_MAX:
        retries += 1
    delay_ms = gap_ms * (_BUSY_TIMES if learned.busy else 1)
    return ErrorStrategy(retries, delay_ms, learned.timeouts, learned.busy, learned.exchanges)


def _block(template: RequestTemplate) -> Extent | None:
    """What a request of Modbus reads; None where it reads no registers or bits.

    >>> _block(RequestTemplate("030002000a", 22, 1, 1))
    Extent(function=3, address=2, count=10, votes=1, of=1)
    """
    octets = bytes.fromhex(template.request_pattern)
    if len(octets) != _READ_BYTES or octets[0] not in _READ_FUNCTIONS:
        return None
    address, count = int.from_bytes(octets[1:3], "big"), int.from_bytes(octets[3:], "big")
    return Extent(octets[0], address, count, template.votes, template.of)


def _joined(blocks: Iterable[Extent]) -> list[Extent]:
    """Extents without what lies within others; those that touch are one."""
    found: list[Extent] = []
    for block in sorted(blocks, key=lambda one: (one.function, one.address, -one.count)):
        last = found[-1] if found else None
        end = 0 if last is None else last.address + last.count
        if last is None or last.function != block.function or block.address > end:
            found.append(block)
        elif block.address + block.count > end:
            count = block.address + block.count - last.address
            found[-1] = replace(last, count=count, votes=min(last.votes, block.votes))
    return found


def _mapped(point: DataPoint) -> DataPointMap:
    return DataPointMap(
        *(point["tag_name"], point["address"], point["data_type"]),
        scale_factor=point.get("scale_factor", 1.0),
        unit=point.get("unit"),
        description=point.get("description"),
    )


def _units(learned: LearnedSort) -> list[AnsweringUnit]:
    votes = [(unit, learned.counters.get(f"{UNIT}.{unit}", 0)) for unit in USUAL_UNITS]
    return [AnsweringUnit(unit, n, learned.interviewed) for unit, n in votes if n]
