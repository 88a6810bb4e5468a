"""What was learned of sorts of devices, and where devices were met: what discovery begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from projections.asking import ask
from projections.remote import Readable
from schemas.devices import DataPoint
from streams.recognise.device import (
    APPLIED,
    BUSY,
    EXCHANGES,
    INTERVIEWED,
    KIND,
    MATCHED,
    TIMEOUTS,
)
from streams.sorts import Retired


@dataclass(frozen=True, slots=True)
class LearnedSort:
    """A pattern of kind `device` with its numbers; times in milliseconds, None is not known.

    `verified` is how often what was learned held with a device, `contradicted` how often it did
    not. `exchanges` are requests that were sent, of which nobody answered `timeouts` and `busy`
    were answered by being busy; `reply_ms` is the median of the times of replies; `octets` is the
    mean of the bytes of a request with its response, over `octets_n` of them. Among `counters` are
    the requests that work.
    """

    pattern_id: str
    signature: str
    title: str
    parts: Sequence[str]
    confidence: float
    wilson_low: float | None = None
    wilson_high: float | None = None
    probes: int = 0
    interviewed: int = 0
    matched: int = 0
    applied: int = 0
    verified: int = 0
    contradicted: int = 0
    least_rank: int | None = None
    greatest_rank: int | None = None
    replies: int = 0
    reply_mean_ms: float | None = None
    reply_ms: float | None = None
    reply_p99_ms: float | None = None
    octets: float | None = None
    octets_n: int = 0
    exchanges: int = 0
    timeouts: int = 0
    busy: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    last_verified: datetime | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DefinedSort:
    """What somebody said of a sort, the newest of what was said; it may never have been met."""

    parts: Sequence[str]
    least_revision: str | None
    greatest_revision: str | None
    family: str | None
    origin: str
    confidence: float
    reputation: float
    answers: Mapping[str, int]
    alone: bool | None


PARTS: Final = KIND.parts

_COUNTED: Final = (INTERVIEWED, MATCHED, APPLIED, EXCHANGES, TIMEOUTS, BUSY)

_SORTS: Final = """
SELECT pattern_id, signature, title, attributes, confidence, success_low AS wilson_low,
    success_high AS wilson_high, occurrences AS probes, coalesce(successes, 0) AS verified,
    coalesce(failures, 0) AS contradicted, first_seen, last_seen, counters,
    revision.minimum::BIGINT AS least_rank, revision.maximum::BIGINT AS greatest_rank,
    coalesce(reply.n, 0) AS replies, reply.mean / 1000 AS reply_mean_ms,
    reply.p50 / 1000 AS reply_ms, reply.p99 / 1000 AS reply_p99_ms,
    octets.mean AS octets, coalesce(octets.n, 0) AS octets_n, held.last_verified
FROM patterns
LEFT JOIN (SELECT * FROM pattern_measures WHERE measure = 'revision') revision USING (pattern_id)
LEFT JOIN (SELECT * FROM pattern_measures WHERE measure = 'reply_time') reply USING (pattern_id)
LEFT JOIN (SELECT * FROM pattern_measures WHERE measure = 'octets') octets USING (pattern_id)
LEFT JOIN (SELECT pattern_id, max(happened_at) AS last_verified FROM device_probed
    WHERE usage IN ('agreed', 'confirmed') GROUP BY pattern_id) held USING (pattern_id)
WHERE kind = 'device' ORDER BY confidence DESC, probes DESC, pattern_id
"""

_OF_SORT: Final = """
(SELECT * REPLACE (coalesce(vendor, '') AS vendor,
    coalesce(device_type::VARCHAR, '') AS device_type, coalesce(product_code, '') AS product_code,
    coalesce(major::VARCHAR, '') AS major) FROM {})
"""
"""What was said of sorts in a table, with the parts of the sorts as signatures have them."""

_NEWEST: Final = f"""
QUALIFY row_number() OVER (PARTITION BY {", ".join(PARTS)}
    ORDER BY happened_at DESC NULLS LAST, source, event_id) = 1
"""

_DEFINED: Final = f"""
SELECT {", ".join(PARTS)}, least_revision, greatest_revision, family, origin, confidence,
    reputation, answers, alone
FROM {_OF_SORT.format("device_defined")} {_NEWEST} ORDER BY {", ".join(PARTS)}
"""

_MAPPED: Final = f"""
SELECT {", ".join(PARTS)}, data_points FROM {_OF_SORT.format("device_mapped")} {_NEWEST}
"""

_RETIRED: Final = """
SELECT pattern_id, arg_max(status, {'at': happened_at, 'id': event_id}) AS status
FROM pattern_reviews GROUP BY pattern_id HAVING status IN ('deprecated', 'archived')
"""

_HISTORY: Final = f"""
WITH told AS (
    SELECT happened_at, 'defined' AS what, 1 AS times,
        origin || ', confidence ' || round(confidence * reputation, 2) AS detail
    FROM {_OF_SORT.format("device_defined")} WHERE [{", ".join(PARTS)}] = $parts
    UNION ALL
    SELECT happened_at, 'mapped', 1, origin || ', data points: ' || json_array_length(data_points)
    FROM {_OF_SORT.format("device_mapped")} WHERE [{", ".join(PARTS)}] = $parts
    UNION ALL
    SELECT happened_at, status, 1, concat_ws(': ', reviewed_by, notes)
    FROM pattern_reviews WHERE pattern_id = $pattern_id
    UNION ALL
    SELECT max(happened_at), usage, count(*), 'by ' || min(address) || ':' || min(port)
        || CASE WHEN count(DISTINCT address || ':' || port) > 1 THEN ' and others' ELSE '' END
    FROM device_probed WHERE pattern_id = $pattern_id AND usage IS NOT NULL
    GROUP BY happened_at::DATE, usage
)
SELECT happened_at, what, times, nullif(detail, '') AS detail FROM told
ORDER BY happened_at NULLS FIRST, what
"""

_RUNS: Final = """
WITH RECURSIVE latest AS (
    SELECT run_id, continues FROM discovery_started
    WHERE targets = $targets AND coalesce(broadcasts, []) = $broadcasts
    ORDER BY happened_at DESC, event_id LIMIT 1
), chain AS (
    SELECT * FROM latest
    UNION
    SELECT run.run_id, run.continues FROM discovery_started run
    JOIN chain ON run.run_id = chain.continues
)
SELECT DISTINCT (SELECT run_id FROM latest) AS latest, address, port, protocol
FROM chain LEFT JOIN device_probed USING (run_id)
"""

_CHANGES: Final = """
SELECT change, count(*) AS n FROM device_changes WHERE run_id = $run_id GROUP BY 1 ORDER BY 1
"""

_PLACES: Final = """
SELECT address, port, protocol, unit FROM device_inventory
ORDER BY last_seen DESC, address, port, unit
"""


def sorts(store: Readable) -> list[LearnedSort]:
    """All learned sorts, the surest first."""
    return [_sort(row) for row in ask(store, _SORTS)]


def defined(store: Readable) -> list[DefinedSort]:
    """All sorts that somebody defined."""
    found = []
    for row in ask(store, _DEFINED):
        parts = [row.pop(name) for name in PARTS]
        answers = msgspec.json.decode(row.pop("answers") or b"{}")
        found.append(DefinedSort(parts=parts, answers=answers, **row))
    return found


def mapped(store: Readable) -> dict[tuple[str, ...], list[DataPoint]]:
    """The values that devices of sorts have as somebody said, by the parts of the sorts."""
    return {
        tuple(row[name] for name in PARTS): msgspec.json.decode(row["data_points"])
        for row in ask(store, _MAPPED)
    }


def retired(store: Readable) -> dict[str, Retired]:
    """Patterns by their ids that somebody decided to use no more."""
    return {row["pattern_id"]: row["status"] for row in ask(store, _RETIRED)}


def history(store: Readable, pattern_id: str, parts: Sequence[str]) -> list[dict[str, Any]]:
    """What happened to a sort here, the oldest first: definitions, decisions, uses by their days.

    Rows of `happened_at`, `what`, `times` and `detail`; with what was used stands one device.
    """
    return ask(store, _HISTORY, {"pattern_id": pattern_id, "parts": list(parts)})


def done_before(
    store: Readable, targets: Sequence[str], broadcasts: Sequence[str] = ()
) -> tuple[str | None, set[tuple[str, int, str]]]:
    """The newest run with these targets, and where it and those it continues probed.

    None and nothing where there is no such run.
    """
    rows = ask(store, _RUNS, {"targets": list(targets), "broadcasts": list(broadcasts)})
    found = {(row["address"], row["port"], row["protocol"]) for row in rows if row["address"]}
    return (rows[0]["latest"] if rows else None), found


def changes(store: Readable, run_id: str) -> dict[str, int]:
    """How many devices a run found to be new, replaced, moved, gone, or of another firmware."""
    return {row["change"]: row["n"] for row in ask(store, _CHANGES, {"run_id": run_id})}


def places(store: Readable) -> dict[tuple[str, int, str], int | None]:
    """Where devices were met, by address, port and protocol, with the unit that answered."""
    found: dict[tuple[str, int, str], int | None] = {}
    for row in ask(store, _PLACES):
        found.setdefault((row["address"], row["port"], row["protocol"]), row["unit"])
    return found


def _sort(row: dict[str, Any]) -> LearnedSort:
    attributes: dict[str, str] = msgspec.json.decode(row.pop("attributes"))
    counters: dict[str, int] = msgspec.json.decode(row["counters"])
    counted = {name: counters.get(name, 0) for name in _COUNTED}
    parts = [attributes[name] for name in PARTS]
    return LearnedSort(**{**row, **counted, "counters": counters, "parts": parts})
