"""Times as databases hold them: with an offset or without, as text or as seconds."""

from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.sources.lines import moment_of_seconds
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

    Text is ISO 8601, a date alone its midnight in UTC; a number is seconds since the Unix epoch.

    >>> moment("1970-01-01 00:00:01", UTC)
    Moment(at_us=1000000, assumed=True)
    >>> moment("1970-01-01T01:00:00+01:00", UTC)
    Moment(at_us=0, assumed=False)
    """
    if not isinstance(value, str):
        seconds = moment_of_seconds(value)
        return None if seconds is None else Moment(seconds, assumed=False)
    try:
        stated = datetime.fromisoformat(value.strip())
        if len(value.strip()) <= len("2026-W01-1"):
            return Moment(to_us(stated.replace(tzinfo=UTC)), assumed=True)
        assumed = stated.tzinfo is None
        return Moment(to_us(stated.replace(tzinfo=zone) if assumed else stated), assumed)
    except (ValueError, OverflowError):
        return None
