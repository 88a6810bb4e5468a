"""Patterns on a terminal: a list of them, and one with everything known about it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import sqrt
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from motif.display import words
from motif.display.table import Column, facts, number, table, text
from projections.examples import Example
from projections.overview import Lift
from projections.queries import Day, Detail, Measure, Pattern
from streams.statistics import Z_95

Measures = Mapping[str, Measure]

WIDE: Final = 100
"""Columns from which on a table shows what it can do without."""

NARROW: Final = 78
"""Columns below which a table leaves out what is rarely asked for."""

LEAST_VALUES: Final = 4
"""Values from which on an interval of their mean says something."""

_DAYS_SHOWN: Final = 60
_LATENCIES: Final = ("latency", "duration", "time_to_recovery")


def listed(
    patterns: Sequence[Pattern], measures: Mapping[str, Measures], width: int, *, kinds: bool = True
) -> Table:
    """Patterns in the order given: title, kind and the numbers to compare them by.

    Times and costs of several kinds are hard to compare, so they go first where there is no room.
    """
    of = [measures.get(one.pattern_id, {}) for one in patterns]
    room = width >= WIDE or not kinds
    timed = room and any(_median_time(one) is not None for one in of)
    priced = room and any("cost" in one for one in of)
    rated = any(one.success_rate is not None for one in patterns)
    columns = [text("pattern"), *([Column("kind")] if kinds else [])]
    columns += [number("occurrences"), number("confidence")]
    columns += [number("success")] if rated else []
    columns += [number("p50 time")] if timed else []
    columns += [number("p50 cost")] if priced else []
    rows = []
    for one, known in zip(patterns, of, strict=True):
        row = [
            one.title,
            *([one.kind] if kinds else []),
            words.count(one.occurrences),
            f"{one.confidence:.3f}",
        ]
        if rated:
            row.append(words.rate(one.success_rate, one.success_low, one.success_high))
        if timed:
            row.append(words.duration(_median_time(known)))
        if priced:
            row.append(words.dollars(known["cost"].p50 if "cost" in known else None))
        rows.append(row)
    return table(columns, rows)


def shown(
    detail: Detail, lift: Lift | None, examples: Sequence[Example], width: int
) -> RenderableType:
    """One pattern with everything known about it."""
    one = detail.pattern
    parts: list[RenderableType] = [
        Text(words.safe(one.title), style="bold"),
        facts(_facts(one, lift)),
    ]
    if detail.measures:
        parts += ["", measured(detail.measures, width)]
    if detail.days:
        parts += ["", Text("Days (UTC)", style="bold"), daily(detail.days)]
    if detail.sites:
        parts += ["", Text("Sites", style="bold"), contributed(detail)]
    if examples:
        parts += ["", Text("Latest here", style="bold"), happened(examples, width)]
    return Group(*parts)


def measured(measures: Sequence[Measure], width: int) -> Table:
    """The numbers of every measure; all of them where there is room."""
    wide, narrow = width >= WIDE, width < NARROW
    columns = [Column("measure"), number("n"), number("total"), number("mean")]
    columns += [] if narrow else [number("± 95 %")]
    columns += [number("p50"), number("p90"), *([] if narrow else [number("p99")])]
    columns += [*([number("min")] if wide else []), number("max")]
    rows = []
    for one in measures:
        numbers = [one.total, one.mean, *([] if narrow else [_margin(one)])]
        numbers += [one.p50, one.p90, *([] if narrow else [one.p99])]
        numbers += [*([one.minimum] if wide else []), one.maximum]
        cells = [words.amount(None if it is None else float(it), one.unit) for it in numbers]
        rows.append([one.measure.replace("_", " "), words.count(one.n), *cells])
    return table(columns, rows)


def daily(days: Sequence[Day]) -> Table:
    """A bar a day, from the first to the last, days without anything left blank."""
    by_day = {one.day: one.occurrences for one in days}
    last = max(by_day)
    first = max(min(by_day), last - timedelta(days=_DAYS_SHOWN - 1))
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    numbers = [by_day.get(day, 0) for day in every]
    most = max(by_day, key=lambda day: (by_day[day], day))
    made = Table.grid(padding=(0, 1))
    made.add_row(f"{first:%Y-%m-%d}", Text(words.bars(numbers), style="cyan"), f"{last:%Y-%m-%d}")
    return _with_line(made, by_day, most)


def contributed(detail: Detail) -> Table:
    """What each site contributed; outcomes where the kind tells them apart."""
    judged = detail.pattern.successes is not None
    columns = [text("site"), number("occurrences")]
    columns += [number("successes"), number("failures")] if judged else []
    rows = []
    for one in detail.sites:
        counts = [one.occurrences, *((one.successes, one.failures) if judged else ())]
        rows.append([one.site_label or one.site_id, *map(words.count, counts)])
    return table(columns, rows)


def happened(examples: Sequence[Example], width: int) -> Table:
    """Where a pattern happened lately: what to look for in one's own files."""
    wide = width >= WIDE
    rows = []
    for one in examples:
        when, where = words.minute_of(one.happened_at), one.session_id or words.UNKNOWN
        # Where there is no room for both, the event stands in for a session that is not known.
        rows.append([when, where, one.event_id] if wide else [when, one.session_id or one.event_id])
    columns = [Column("when"), text("session"), *([text("event")] if wide else [])]
    return table(columns, rows)


def _with_line(made: Table, by_day: Mapping[date, int], most: date) -> Table:
    outer = Table.grid()
    outer.add_row(made)
    active = words.plural(len(by_day), "day")
    outer.add_row(Text(f"{active}, the most on {most:%Y-%m-%d}: {by_day[most]:,}", style="dim"))
    return outer


def _facts(one: Pattern, lift: Lift | None) -> list[tuple[str, str]]:
    pairs = [
        ("name", f"{one.kind}:{one.signature}"),
        ("id", one.pattern_id),
        ("occurrences", words.count(one.occurrences)),
    ]
    if one.success_rate is not None:
        decided = (one.successes or 0) + (one.failures or 0)
        rate = words.rate(one.success_rate, one.success_low, one.success_high)
        pairs.append(("success", f"{rate}, {one.successes or 0:,} of {decided:,} decided"))
    pairs.append(("confidence", f"{one.confidence:.3f}"))
    if one.score is not None:
        pairs.append(("score", f"{one.score:g}"))
    if lift is not None:
        of_tool, of_all = words.percent(lift.share), words.percent(lift.baseline)
        compared = f"{of_tool} of what follows {lift.tool_a}, {of_all} of all"
        pairs.append(("lift", f"{lift.lift:.2f}: {compared}"))
    if one.first_seen is not None:
        seen = f"{words.minute_of(one.first_seen)} to {words.minute_of(one.last_seen)}"
        pairs.append(("seen", seen))
    pairs += [(name, words.count(value)) for name, value in sorted(one.counters.items())]
    if one.undated:
        pairs.append(("undated", words.count(one.undated)))
    if one.forks:
        pairs.append(("forks, not summed", ", ".join(one.forks)))
    return pairs


def _median_time(measures: Measures) -> float | None:
    return next((measures[name].p50 for name in _LATENCIES if name in measures), None)


def _margin(one: Measure) -> float | None:
    """Half the width of the interval that holds the mean in 95 of 100 cases; None below 4 values.

    Formula: t s / sqrt(n), with Student's t for n - 1 degrees of freedom by its expansion around
    the normal distribution.

    Source: M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    if one.stddev is None or one.n < LEAST_VALUES:
        return None
    freedom, z = one.n - 1, Z_95
    t = z + (z**3 + z) / (4 * freedom)
    t += (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return t * one.stddev / sqrt(one.n)
