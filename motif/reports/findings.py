"""What stands out in the series of a report: records far from usual, and changes over time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from motif.reports.contents import Anomalies, Anomaly, Record, Trend, Trends
from projections.reports import Series
from schemas.clock import from_us
from streams import discoveries, robust, trends

ANOMALIES_MAX: Final = 20

CHANGING: Final = ("duration", "time_to_resolve")
"""The measures that are tested for changes, beside the share of successes."""

LEAST_RARER: Final = 5
"""How many successes, and how many failures, there must be before their share is tested."""

_UNUSUAL: Final = ("duration", "time_to_resolve", "tokens", "cost")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in all series of a report."""

    anomalies: Anomalies
    trends: Trends


def found_in(series: Iterable[Series]) -> Findings:
    """Look through every series; changes are judged together, as one family of tests."""
    far: list[Anomaly] = []
    candidates: list[Trend | None] = []
    chances: list[float] = []
    for one in series:
        far += _far(one)
        for p, change in _changes(one):
            chances.append(p)
            candidates.append(change)
    far.sort(key=lambda one: (-abs(one.spreads), one.record.source, one.record.event_id))
    q_values = discoveries.q_values(chances)
    changed = [
        replace(change, q=q)
        for change, q in zip(candidates, q_values, strict=True)
        if change is not None and q <= trends.ALPHA
    ]
    changed.sort(key=lambda one: (one.q, one.p, one.kind, one.pattern, one.measure))
    return Findings(
        Anomalies(len(far), far[:ANOMALIES_MAX], robust.FAR, robust.LEAST_VALUES),
        Trends(
            test=trends.TEST,
            control=discoveries.METHOD,
            alpha=trends.ALPHA,
            least_n=trends.LEAST_VALUES,
            candidates=len(chances),
            found=changed,
        ),
    )


def record_of(series: Series, row: int) -> Record:
    """Where a row of a series is found again."""
    place = series.place(row)
    at = from_us(int(series.at_us[row])) if row < series.dated else None
    return Record(place["source"] or "", place["event_id"] or "", place["session_id"], at)


def _far(series: Series) -> Iterator[Anomaly]:
    for measure, values in series.values.items():
        if measure not in _UNUSUAL:
            continue
        usual = robust.usual(values)
        if usual is None:
            continue
        with np.errstate(invalid="ignore"):
            outside = (values > 0) & ((values < usual.low) | (values > usual.high))
        for row in np.flatnonzero(outside).tolist():
            value = float(values[row])
            yield Anomaly(
                kind=series.facts.kind,
                pattern=_named(series),
                measure=measure,
                unit=series.facts.measures[measure][1],
                record=record_of(series, row),
                value=value,
                n=usual.n,
                median=usual.median,
                factor=usual.above if value > usual.median else usual.below,
                spreads=usual.spreads(value),
            )


def _changes(series: Series) -> Iterator[tuple[float, Trend | None]]:
    """The p-value of every test of a series, with the change where it may be a finding."""
    for measure, values in series.values.items():
        if measure in CHANGING:
            yield from _change(series, measure, series.facts.measures[measure][1], values)
    known = series.decided[: series.dated]
    rarer = min(np.count_nonzero(known == 0), np.count_nonzero(known == 1))
    if rarer >= LEAST_RARER:
        outcome = "resolved" if series.facts.kind == "error" else "success"
        yield from _change(series, outcome, "share", series.decided)


def _change(
    series: Series, measure: str, unit: str, values: NDArray[Any]
) -> Iterator[tuple[float, Trend | None]]:
    dated = values[: series.dated]
    known = ~np.isnan(dated)
    kept = dated[known]
    shift = trends.shift(kept)
    if shift is None:
        return
    if shift.p > trends.ALPHA:
        yield shift.p, None
        return
    usual = np.mean if unit == "share" else np.median
    before, after = float(usual(kept[: shift.before])), float(usual(kept[shift.before :]))
    yield (
        shift.p,
        Trend(
            kind=series.facts.kind,
            pattern=_named(series),
            measure=measure,
            unit=unit,
            at=from_us(int(series.at_us[known][shift.before])),
            n_before=shift.before,
            n_after=len(kept) - shift.before,
            before=before,
            after=after,
            ratio=after / before if before else None,
            p=shift.p,
            q=1.0,
        ),
    )


def _named(series: Series) -> str:
    return pattern_name(series.names)


def pattern_name(names: Sequence[str]) -> str:
    """The parts of a pattern's name as people read them."""
    return " / ".join(names)
