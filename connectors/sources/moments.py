"""Times as databases and programs hold them: with an offset or without, as text or as seconds."""

from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.sources.lines import moment_of_seconds
from connectors.sources.numbers import exact
from schemas.clock import to_us
from schemas.errors import WrongUse


class Moment(NamedTuple):
    """Microseconds since the Unix epoch, and whether its offset was assumed."""

    at_us: int
    assumed: bool


def zone_of(name: str) -> tzinfo:
    """The time zone of this name.

    >>> zone_of("UTC")
    datetime.timezone.utc

    Raises:
        WrongUse: there is none.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"there is no time zone {name!r}; name one of the IANA database, as Europe/Rome"
        raise WrongUse(message) from error


def moment(value: Any, zone: tzinfo) -> Moment | None:
    """When a value of a column says it was; None where it does not say.

    Text is ISO 8601, a date alone its midnight in UTC; a number is seconds since the Unix epoch,
    and a `datetime` is what it says.

    >>> moment("1970-01-01 00:00:01", UTC)
    Moment(at_us=1000000, assumed=True)
    >>> moment("1970-01-01T01:00:00+01:00", UTC)
    Moment(at_us=0, assumed=False)
    """
    if isinstance(value, datetime):
        return _of_datetime(value, zone)
    if isinstance(value, date):
        return _of_datetime(
            datetime(value.year, value.month, value.day, tzinfo=UTC), UTC, bare=True
        )
    if not isinstance(value, str):
        number = value if isinstance(value, int | float) else exact(value)
        seconds = moment_of_seconds(number)
        return None if seconds is None else Moment(seconds, assumed=False)
    text = value.strip()
    try:
        stated = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-W01-1"):
        return _of_datetime(stated.replace(tzinfo=UTC), UTC, bare=True)
    return _of_datetime(stated, zone)


def _of_datetime(stated: datetime, zone: tzinfo, *, bare: bool = False) -> Moment | None:
    """The moment, in `zone` where it has no offset; a bare day has none either."""
    assumed = stated.tzinfo is None
    try:
        return Moment(to_us(stated.replace(tzinfo=zone) if assumed else stated), assumed or bare)
    except (ValueError, OverflowError):
        return None
