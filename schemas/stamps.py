"""Moments as other programs write them: ISO 8601, often without an offset, sometimes only a day."""

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from schemas.clock import DAY_US
from schemas.times import FIRST_US, LAST_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# `datetime.fromisoformat` reads weeks and ordinal days too, and more with each Python.
_is_stamp = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
).fullmatch


class Stamp(NamedTuple):
    """A moment in microseconds since the Unix epoch; `assumed` says that no offset was stated."""

    at_us: int
    assumed: bool


def read_stamp(text: object, zone: tzinfo = UTC) -> Stamp | None:
    """The moment that a text names, in `zone` where it states no offset; None for anything else.

    A bare day is its midnight in UTC, wherever one is.

    >>> read_stamp("1970-01-01T01:00:01+01:00"), read_stamp("1970-01-02")
    (Stamp(at_us=1000000, assumed=False), Stamp(at_us=86400000000, assumed=True))
    """
    found = _is_stamp(text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[0].upper())
        assumed = moment.tzinfo is None
        if assumed:
            moment = moment.replace(tzinfo=zone if found["time"] else UTC)
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    at_us = since.days * DAY_US + since.seconds * 1_000_000 + since.microseconds
    return Stamp(at_us, assumed) if FIRST_US <= at_us <= LAST_US else None
