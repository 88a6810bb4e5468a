"""A pattern's federated row: a pure function of its contributions and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.clock import DAY_US, from_us
from schemas.ids import signature
from streams.contribution import Contribution, Contributor, readable
from streams.fixedpoint import in_unit
from streams.measure import Measure
from streams.recognise import KINDS, Kind
from streams.statistics import mean, quantile, stddev, wilson, wilson_low
from streams.tally import Tally

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Held:
    """A contribution as the federator holds it: still encoded, with its site's label."""

    value: bytes
    label: str
    forked: bool = False


def row_of(held: Sequence[Held]) -> bytes | None:
    """The row as JSON, or None where nobody makes the pattern any more.

    Contributions that forked are named and left out; what is no contribution is passed over.
    """
    readings = ((readable(one.value), one) for one in held)
    read = [(contribution, one) for contribution, one in readings if contribution is not None]
    forks = sorted(contribution.contributor for contribution, one in read if one.forked)
    made = [
        (contribution, tally, one.label)
        for contribution, one in read
        if not one.forked and (tally := _tally_of(contribution))
    ]
    total = Tally()
    for _, tally, _ in made:
        total = total + tally
    if not made or not total.occurrences:
        return None
    first = made[0][0]
    kind = _kind_of(first)
    row = _numbers(total, kind)
    row.update(_names(first, kind))
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
    row["version"] = ";".join(
        sorted(f"{one.contributor}@{version_text(one)}" for one, _, _ in made)
    )
    return _JSON.encode(row)


def _tally_of(contribution: Contribution) -> Tally | None:
    try:
        return contribution.learned()
    except ValueError:
        return None


def _kind_of(contribution: Contribution) -> Kind | None:
    """What this version knows of the kind; another version may have made it of other parts."""
    kind = KINDS.get(contribution.kind)
    if kind is None or kind.joined or len(kind.parts) == len(contribution.parts):
        return kind
    return None


def version_text(contribution: Contribution) -> str:
    """Epoch and offset, readable: `1.0:42`."""
    rules, settings, offset = contribution.version
    return f"{rules}.{settings}:{offset}"


def _names(contribution: Contribution, kind: Kind | None) -> dict[str, Any]:
    parts = tuple(contribution.parts)
    return {
        "pattern_id": contribution.pattern_id,
        "kind": contribution.kind,
        "signature": signature(*parts),
        "title": " / ".join(parts) if kind is None else kind.title(parts),
        "attributes": {"parts": list(parts)} if kind is None else kind.attributes(parts),
        "status": "active",
        "score": None,
    }


def _numbers(tally: Tally, kind: Kind | None) -> dict[str, Any]:
    """Counts, rates with their Wilson interval, confidence, first and last time."""
    decided = tally.successes + tally.failures
    interval = wilson(tally.successes, decided) if decided else None
    low, high = interval or (None, None)
    told_apart = kind is not None and kind.outcomes
    confidence = low or 0.0 if told_apart else wilson_low(tally.occurrences, tally.occurrences)
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


def _sites(made: Sequence[tuple[Contribution, Tally, str]]) -> list[dict[str, Any]]:
    sites: dict[str, dict[str, Any]] = {}
    for contribution, tally, label in sorted(made, key=lambda one: one[0].version):
        site_id = Contributor.parse(contribution.contributor).site_id
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
        site["version"] = version_text(contribution)
    return [sites[site_id] for site_id in sorted(sites)]
