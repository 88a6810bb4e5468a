"""Moments as text: RFC 3339 on the wire, microseconds since the Unix epoch (UTC) inside."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from schemas.clock import DAY_US
from schemas.errors import Refused

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
FIRST_US = -62_135_596_800_000_000  # year 1
LAST_US = 253_402_300_799_999_999  # year 9999
_MINUTES = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_SECONDS = tuple(f"{second:02d}." for second in range(60))
_MINUTES_US = {text.encode(): at * 60_000_000 for at, text in enumerate(_MINUTES)}
_SECONDS_US = {text.encode(): at * 1_000_000 for at, text in enumerate(_SECONDS)}
_LENGTH = len("1970-01-01T00:00:00.000000Z")
_UTC = ord("Z")

# `datetime.fromisoformat` reads much that RFC 3339 does not know, and more with each Python.
_is_rfc3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch


def time_text(microseconds: int) -> str:
    """RFC 3339 in UTC with six digits.

    >>> time_text(1_000_005)
    '1970-01-01T00:00:01.000005Z'
    """
    day, of_day = divmod(microseconds, DAY_US)
    minute, second = _MINUTES[of_day // 60_000_000], _SECONDS[of_day // 1_000_000 % 60]
    return f"{_day_text(day)}{minute}{second}{of_day % 1_000_000:06d}Z"


def day_text(microseconds: int) -> str:
    """The UTC day of a time.

    >>> day_text(86_400_000_000)
    '1970-01-02'
    """
    return time_text(microseconds)[:10]


def time_us(text: str, what: str = "time") -> int:
    """Microseconds since the Unix epoch of an RFC 3339 time with its offset.

    >>> time_us("1970-01-01T01:00:01+01:00")
    1000000

    Raises:
        Refused: it is no time, has no offset, or is outside the years 1 to 9999 in UTC.
    """
    if not _is_rfc3339(text):
        raise _no_time(text, what)
    try:
        since = datetime.fromisoformat(text if text[-1] != "z" else text[:-1] + "Z") - _EPOCH
    except ValueError as error:
        raise _no_time(text, what) from error
    # Faster than a division by a timedelta, and as exact.
    microseconds = since.days * DAY_US + since.seconds * 1_000_000 + since.microseconds
    if not FIRST_US <= microseconds <= LAST_US:
        raise Refused("bad_time", f"{what} is {text[:64]!r}; in UTC it is outside years 1 to 9999")
    return microseconds


def moment_us(text: bytes) -> int:
    """The same of a time in UTF-8, quicker where it is written as `time_text` writes it.

    >>> moment_us(b"1970-01-01T00:01:01.000005Z")
    61000005

    Raises:
        Refused: as above.
        UnicodeDecodeError: it is no UTF-8.
    """
    fraction = text[20:26]
    if len(text) == _LENGTH and text[26] == _UTC and fraction.isdigit():
        minute_us, second_us = _MINUTES_US.get(text[10:17]), _SECONDS_US.get(text[17:20])
        if minute_us is not None and second_us is not None:
            midnight_us = _midnight_us(text[:10])
            if midnight_us is not None:
                return midnight_us + minute_us + second_us + int(fraction)
    return time_us(text.decode())


@lru_cache(maxsize=4096)
def _midnight_us(day: bytes) -> int | None:
    try:
        return time_us(day.decode() + "T00:00:00Z")
    except (Refused, UnicodeDecodeError):
        return None


def _no_time(text: str, what: str) -> Refused:
    return Refused(
        "bad_time",
        f"{what} is {text[:64]!r}; it must be RFC 3339 with its offset, "
        "such as 2025-06-15T15:06:40.5Z",
    )


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    return date.fromordinal(_EPOCH_DAY + day).isoformat()
