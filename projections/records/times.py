"""Ranges of time: how a moment may be written, and which months a range lies in."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from schemas.clock import from_us, to_us
from schemas.errors import Refused, WrongUse
from schemas.times import FIRST_US, LAST_US, time_us

_DAY = len("2025-06-15")
_DECEMBER = 12


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


def months_of(first_us: int, end_us: int) -> Iterator[tuple[int, int | None]]:
    """The years and months that together cover a range; of a whole year the month is None.

    >>> DAY = 86_400_000_000
    >>> list(months_of(0, 32 * DAY)), list(months_of(-DAY, 400 * DAY))[:2]
    ([(1970, 1), (1970, 2)], [(1969, 12), (1970, None)])
    """
    first = from_us(min(max(first_us, FIRST_US), LAST_US))
    last = from_us(min(max(end_us - 1, FIRST_US), LAST_US))
    for year in range(first.year, last.year + 1):
        begins = first.month if year == first.year else 1
        ends = last.month if year == last.year else _DECEMBER
        if (begins, ends) == (1, _DECEMBER):
            yield year, None
        else:
            yield from ((year, month) for month in range(begins, ends + 1))
