"""The report on errors: which occur most, how they end, and what resolved them before.

Resolutions are texts of the local records: they are counted here, and stand in no pattern.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from statistics import fmean, median
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from motif.reports import advice
from motif.reports.contents import ErrorRow, ErrorsReport, Rate, Resolution
from motif.reports.findings import found_in
from projections import reports
from projections.remote import Readable
from projections.reports import Amounts, Facts, Series, Window
from streams.error_words import error_class, template

ERRORS: Final = Facts(
    "error",
    "error_occurrences",
    ("error_class", "template"),
    "resolved",
    {"time_to_resolve": ("resolution_time_us", "us")},
)

Rows = list[dict[str, Any]]


def errors(store: Readable, window: Window) -> ErrorsReport:
    """Every class and form of error, the most frequent first."""
    grouped: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in reports.errors(store, window):
        grouped[_pattern(row["error_type"], row["error_message"])].append(row)
    found = found_in(_series(names, rows) for names, rows in sorted(grouped.items()))
    counted = [_row(names, rows) for names, rows in grouped.items()]
    counted.sort(key=lambda one: (-one.n, one.error_class, one.template))
    return ErrorsReport(
        name="errors",
        window=window,
        since=window.since,
        rows=[reports.rows(store, ERRORS.table, window)],
        anomalies=found.anomalies,
        trends=found.trends,
        recommendations=[
            *advice.about_errors(counted),
            *advice.about_trends(found.trends.found),
        ],
        errors=counted,
    )


@lru_cache(1 << 12)
def _pattern(error_type: str, message: str) -> tuple[str, str]:
    """The parts of the pattern of kind `error` that an error belongs to."""
    return error_class(error_type), template(message)


def _row(names: tuple[str, str], rows: Rows) -> ErrorRow:
    return ErrorRow(
        error_class=names[0],
        template=names[1],
        error_type=_most_frequent(Counter(row["error_type"] for row in rows)),
        n=len(rows),
        resolved=Rate.of(sum(map(_is_resolved, rows)), len(rows)),
        auto_resolved=_known(rows, "auto_resolved"),
        user_intervention=_known(rows, "user_intervention"),
        time_to_resolve_us=_amounts(
            [row["resolution_time_us"] for row in rows if row["resolution_time_us"] is not None]
        ),
        best_resolution=best_resolution(row["resolution"] for row in rows),
    )


def best_resolution(texts: Iterator[str | None]) -> Resolution | None:
    """The resolution that was stated most often, whatever its case and spaces; None without any.

    >>> best_resolution(iter(["Retry", "retry ", None, "Use a default"]))
    Resolution(text='Retry', n=2, of=3)
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        if text is not None:
            shown = " ".join(text.split())
            spellings[shown.casefold()][shown] += 1
    counts = Counter({same: times.total() for same, times in spellings.items()})
    if not counts:
        return None
    best = _most_frequent(counts)
    return Resolution(_most_frequent(spellings[best]), counts[best], counts.total())


def _is_resolved(row: Mapping[str, Any]) -> bool:
    """As the pattern counts it: by some resolution, or by itself."""
    return row["resolution"] is not None or bool(row["auto_resolved"])


def _known(rows: Rows, name: str) -> Rate:
    stated = [row[name] for row in rows if row[name] is not None]
    return Rate.of(sum(stated), len(stated))


def _most_frequent(counts: Counter[str]) -> str:
    return min(counts, key=lambda one: (-counts[one], one))


def _amounts(values: Sequence[int]) -> Amounts:
    if not values:
        return Amounts(0, None, None, None, None, None)
    ordered = sorted(values)
    return Amounts(
        n=len(ordered),
        total=Decimal(sum(ordered)),
        mean=fmean(ordered),
        median=float(median(ordered)),
        p90=float(ordered[-(-9 * len(ordered) // 10) - 1]),
        most=float(ordered[-1]),
    )


def _series(names: tuple[str, str], rows: Rows) -> Series:
    times = [row["at_us"] for row in rows if row["at_us"] is not None]
    return Series(
        facts=ERRORS,
        names=names,
        dated=len(times),
        at_us=np.array(times, dtype=np.int64),
        decided=np.array([float(_is_resolved(row)) for row in rows]),
        values={"time_to_resolve": _floats([row["resolution_time_us"] for row in rows])},
        rows=pa.Table.from_pylist(
            [{name: row[name] for name in ("source", "event_id", "session_id")} for row in rows]
        ),
    )


def _floats(values: Sequence[int | None]) -> NDArray[Any]:
    return np.array([np.nan if value is None else float(value) for value in values])
