"""A pattern's federated row: a pure function of its contributions and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.clock import DAY_US, from_us
from schemas.ids import signature
from streams.change import Pattern
from streams.contribution import Version
from streams.fixedpoint import in_unit
from streams.measure import Measure
from streams.recognise import KINDS, Kind
from streams.statistics import mean, quantile, stddev, wilson, wilson_low
from streams.tally import Tally

_JSON = msgspec.json.Encoder()


class Held(NamedTuple):
    """What a contributor last said about a pattern: the tally still encoded, its site's label."""

    version: Version
    tally: bytes
    label: str
    forked: bool = False


class _Made(NamedTuple):
    contributor: str
    version: Version
    tally: Tally
    label: str


def row_of(identity: str, pattern: Pattern, held: Mapping[str, Held]) -> bytes | None:
    """The row as JSON, or None where nobody makes the pattern any more.

    `held` is by contributor. Contributions that forked are named and left out; what holds no
    tally is passed over.
    """
    forks = sorted(contributor for contributor, one in held.items() if one.forked)
    made = [
        _Made(contributor, one.version, tally, one.label)
        for contributor, one in sorted(held.items())
        if not one.forked and (tally := _tally_of(one.tally))
    ]
    total = sum((one.tally for one in made[1:]), made[0].tally) if made else Tally()
    if not total.occurrences:
        return None
    kind = _kind_of(pattern)
    row = _numbers(total, kind)
    row.update(_names(identity, pattern, kind))
    row["score"] = None if kind is None or kind.score is None else kind.score(total)
    row["days"] = [
        [from_us(day * DAY_US).date().isoformat(), occurrences, successes, failures]
        for day, occurrences, successes, failures in total.days
    ]
    row["measures"] = [
        _measure(
            name, total.measures[name], "count" if kind is None else kind.units.get(name, "count")
        )
        for name in sorted(total.measures)
    ]
    row["sites"] = _sites(made)
    row["site_count"] = len(row["sites"])
    row["contributor_count"] = len(made)
    row["forks"] = forks
    row["version"] = ";".join(f"{one.contributor}@{version_text(one.version)}" for one in made)
    return _JSON.encode(row)


def _tally_of(encoded: bytes) -> Tally | None:
    try:
        return Tally.decode(encoded)
    except ValueError:
        return None


def _kind_of(pattern: Pattern) -> Kind | None:
    """What this version knows of the kind; another version may have made it of other parts."""
    kind = KINDS.get(pattern[0])
    if kind is None or kind.joined or len(kind.parts) == len(pattern) - 1:
        return kind
    return None


def version_text(version: Version) -> str:
    """Epoch and offset, readable.

    >>> version_text((1, 0, 42))
    '1.0:42'
    """
    rules, settings, offset = version
    return f"{rules}.{settings}:{offset}"


def _names(identity: str, pattern: Pattern, kind: Kind | None) -> dict[str, Any]:
    parts = pattern[1:]
    return {
        "pattern_id": identity,
        "kind": pattern[0],
        "signature": signature(*parts),
        "title": " / ".join(parts) if kind is None else kind.title(parts),
        "attributes": {"parts": list(parts)} if kind is None else kind.attributes(parts),
        "status": "active",
    }


def _numbers(tally: Tally, kind: Kind | None) -> dict[str, Any]:
    """Counts, rates with their Wilson interval, confidence, first and last time."""
    decided = tally.successes + tally.failures
    interval = wilson(tally.successes, decided) if decided else None
    low, high = interval or (None, None)
    told_apart = kind is not None and kind.outcomes
    confidence = low or 0.0 if told_apart else wilson_low(tally.occurrences, tally.occurrences)
    if kind is not None and kind.confidence is not None:
        confidence = kind.confidence(tally)
    return {
        "occurrences": tally.occurrences,
        "successes": tally.successes if told_apart else None,
        "failures": tally.failures if told_apart else None,
        "success_rate": tally.successes / decided if decided else None,
        "success_low": low,
        "success_high": high,
        "confidence": confidence,
        "first_seen_us": tally.first_us,
        "last_seen_us": tally.last_us,
        "undated": tally.undated,
        "counters": dict(sorted(tally.extra.items())),
    }


def _measure(name: str, measure: Measure, unit: str) -> dict[str, Any]:
    smallest, greatest = measure.minimum, measure.maximum
    return {
        "measure": name,
        "unit": unit,
        "n": measure.n,
        "total": in_unit(measure.total, unit),
        "mean": mean(measure, unit),
        "stddev": stddev(measure, unit),
        "p50": quantile(measure, 0.5, unit),
        "p90": quantile(measure, 0.9, unit),
        "p99": quantile(measure, 0.99, unit),
        "minimum": None if smallest is None else in_unit(smallest, unit),
        "maximum": None if greatest is None else in_unit(greatest, unit),
    }


def _sites(made: Sequence[_Made]) -> list[dict[str, Any]]:
    sites: dict[str, dict[str, Any]] = {}
    for contributor, version, tally, label in sorted(made, key=lambda one: one.version):
        site_id = contributor.partition("/")[0]
        site = sites.setdefault(
            site_id,
            {
                "site_id": site_id,
                "site_label": label or None,
                "occurrences": 0,
                "successes": 0,
                "failures": 0,
                "version": "",
            },
        )
        site["occurrences"] += tally.occurrences
        site["successes"] += tally.successes
        site["failures"] += tally.failures
        site["version"] = version_text(version)
    return [sites[site_id] for site_id in sorted(sites)]
