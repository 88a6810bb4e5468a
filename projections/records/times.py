"""Ranges of time: how a moment may be written, and which days a range covers."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from schemas.clock import from_us, to_us
from schemas.errors import Refused, WrongUse
from schemas.times import FIRST_US, LAST_US, time_us

_DAY = len("2025-06-15")
_DECEMBER = 12
_TEN = 10


def moment(name: str, said: Any) -> int:
    """Microseconds since the Unix epoch; where nothing is said, the end of all times on that side.

    >>> moment("since", "1970-01-01"), moment("since", "1970-01-01T00:00:01Z")
    (0, 1000000)

    Raises:
        WrongUse: it is no date and no time with its offset.
    """
    if said is None:
        return FIRST_US if name == "since" else LAST_US + 1
    if isinstance(said, datetime):
        if said.tzinfo is None:
            raise WrongUse(f"{name} is {said}; it must have a time zone")
        return to_us(said)
    text = said.isoformat() if isinstance(said, date) else said
    try:
        return time_us(f"{text}T00:00:00Z" if len(text) == _DAY else text)
    except (Refused, TypeError) as error:
        message = (
            f"{name} is {text!r}; it must be a date such as 2025-06-15 or a time with its offset"
            " such as 2025-06-15T15:06:40Z"
        )
        raise WrongUse(message) from error


def span_of_day(day: date) -> tuple[int, int, int, int]:
    """A day as its year, its month, the third of that month, and itself.

    Whatever this begins with is a span of time in which the day lies.

    >>> span_of_day(date(2025, 6, 30))
    (2025, 6, 2, 30)
    """
    return day.year, day.month, min((day.day - 1) // _TEN, 2), day.day


def spans_of(first_us: int, end_us: int) -> Iterator[tuple[int, ...]]:
    """The years, months, thirds of months and days, UTC, that together cover a range.

    They are the largest that fit. The last day of a month is in its last third.

    >>> DAY = 86_400_000_000
    >>> list(spans_of(0, 42 * DAY)), list(spans_of(-DAY, 365 * DAY))
    ([(1970, 1), (1970, 2, 0), (1970, 2, 1, 11)], [(1969, 12, 2, 31), (1970,)])
    """
    if first_us >= end_us:
        return
    first = from_us(min(max(first_us, FIRST_US), LAST_US)).toordinal()
    last = from_us(min(max(end_us - 1, FIRST_US), LAST_US)).toordinal()
    while first <= last:
        day = date.fromordinal(first)
        length, end = next((length, end) for length, end in _ends(day) if end <= last)
        yield span_of_day(day)[:length]
        first = end + 1


def _ends(day: date) -> Iterator[tuple[int, int]]:
    """The spans that begin with a day, by how much of it names them: the last day of each."""
    first = day.toordinal()
    month_end = first - day.day + monthrange(day.year, day.month)[1]
    if day.month == day.day == 1:
        yield 1, date(day.year, _DECEMBER, 31).toordinal()
    if day.day == 1:
        yield 2, month_end
    if day.day in {1, 1 + _TEN}:
        yield 3, first + _TEN - 1
    if day.day == 1 + 2 * _TEN:
        yield 3, month_end
    yield 4, first
