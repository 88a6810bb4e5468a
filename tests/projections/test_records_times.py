"""Spans of time that the index knows: together they are a range of days, and there are few."""

from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from projections.records.question import SPANS_MAX
from projections.records.times import span_of_day, spans_of
from schemas.clock import DAY_US, from_us, to_us

DAYS = st.dates(date(1995, 1, 1), date(2040, 12, 31))
TEN_YEARS = 3652


def midnight_us(day: date) -> int:
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_US


@given(DAYS, st.integers(1, TEN_YEARS), st.integers(0, DAY_US - 1))
@example(date(2024, 2, 21), 9, 0)  # the third of a leap February
@example(date(2025, 12, 31), 1, 0)
def test_a_range_is_cut_into_the_spans_of_its_days_and_of_no_others(
    first: date, days: int, into_us: int
) -> None:
    begin_us = midnight_us(first)

    spans = list(spans_of(begin_us + into_us, begin_us + days * DAY_US))

    within = {span_of_day(from_us(begin_us + n * DAY_US).date()) for n in range(days)}
    assert all(sum(day[: len(span)] == span for span in spans) == 1 for day in within)
    before, behind = (from_us(begin_us + n * DAY_US).date() for n in (-1, days))
    for day in map(span_of_day, (before, behind)):
        assert not any(day[: len(span)] == span for span in spans)
    assert len(spans) <= SPANS_MAX


@given(DAYS, st.integers(0, 3 * DAY_US))
def test_a_range_that_has_no_moment_has_no_span(day: date, back_us: int) -> None:
    begin_us = midnight_us(day)

    assert list(spans_of(begin_us, begin_us - back_us)) == []
    assert to_us(from_us(begin_us)) == begin_us


def test_the_ends_of_time_are_spans_too() -> None:
    assert list(spans_of(-(10**18), midnight_us(date(1, 1, 2)))) == [(1, 1, 0, 1)]
    assert list(spans_of(midnight_us(date(9999, 12, 31)), 10**18)) == [(9999, 12, 2, 31)]
