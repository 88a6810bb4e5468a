"""How devices of a sort are best asked, computed from what was observed of them.

Every part says on how much it stands; what nothing was observed of is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.devices.pace import POLITE
from projections.device_sorts import LearnedSort
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
    a request which works asks for. `inherited_from` names, for each field of which nothing was
    observed here, the pattern it is from: the surest of the same model, else of the same family.
    """

    optimal_polling_rate: float | None
    timing: TimingProfile | None
    request_templates: Sequence[RequestTemplate]
    largest_block: int | None
    error_handling_strategy: ErrorStrategy | None
    bandwidth_requirements: BandwidthProfile | None
    inherited_from: Mapping[str, str] = field(default_factory=dict)


def profile_of(learned: LearnedSort, sort: Sort) -> CommunicationProfile:
    """The profile of a sort by what was learned of it."""
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
            learned.counters.get(f"works.{request}.{length}", 0),
            learned.interviewed,
        )
        for request, length in sorted(sort.answers.items())
    ]
    blocks = [block for block in map(_block, sort.answers) if block is not None]
    bandwidth = None
    if learned.octets is not None:
        a_second = None if rate is None else learned.octets * rate
        bandwidth = BandwidthProfile(learned.octets, a_second, 1, learned.octets_n)
    return CommunicationProfile(
        optimal_polling_rate=rate,
        timing=timing,
        request_templates=templates,
        largest_block=max(blocks, default=None),
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


def _block(request: str) -> int | None:
    """How many registers or bits a request of Modbus reads; None where it reads none.

    >>> _block("030000000a"), _block("2b0e0100")
    (10, None)
    """
    octets = bytes.fromhex(request)
    if len(octets) != _READ_BYTES or octets[0] not in _READ_FUNCTIONS:
        return None
    return int.from_bytes(octets[3:], "big")
