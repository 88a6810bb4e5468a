"""When and how carefully devices may be asked: what people say of networks, for any address.

Pure: what was said comes from the log, and the time from a clock.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from ipaddress import ip_address
from typing import Final, Self

from connectors.devices.targets import Network, network_of, plain_address
from connectors.sources.moments import zone_of
from schemas.errors import WrongUse

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY_MINUTES: Final = 24 * 60
_HOUR_MINUTES: Final = 60
_MICRO: Final = 1_000_000

_split: Final = re.compile(
    r"(?:([a-z,-]+)\s+)?([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})"
).fullmatch


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week: days by their numbers from Monday, and minutes of the day from 0.

    One that ends before it begins goes on into the next day.
    """

    days: frozenset[int]
    begins: int
    ends: int

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies within, in the time of the place where it is said."""
        minute, day = at.hour * _HOUR_MINUTES + at.minute, at.weekday()
        if self.begins < self.ends:
            return day in self.days and self.begins <= minute < self.ends
        yesterday = (day - 1) % len(DAYS)
        return (day in self.days and minute >= self.begins) or (
            yesterday in self.days and minute < self.ends
        )


@dataclass(frozen=True, slots=True)
class Restriction:
    """What holds for the devices of a network; without windows they may be asked at any time.

    `fragile` devices are asked more slowly than others.
    """

    network: Network
    fragile: bool = False
    windows: tuple[Window, ...] = ()
    zone: tzinfo = UTC

    @classmethod
    def of(
        cls,
        network: str,
        *,
        fragile: bool = False,
        windows: Sequence[str] = (),
        timezone: str | None = None,
    ) -> Self:
        """The restriction that these texts state.

        Raises:
            WrongUse: one of them cannot be meant.
        """
        zone = zone_of(timezone or "UTC")
        return cls(network_of(network), fragile, tuple(map(window_of, windows)), zone)

    def allows(self, at_us: int) -> bool:
        """Whether devices may be asked at this moment, in microseconds since 1970."""
        at = datetime.fromtimestamp(at_us / _MICRO, self.zone)
        return not self.windows or any(window.holds(at) for window in self.windows)


class Restrictions:
    """All that was said, for any address."""

    def __init__(self, said: Iterable[Restriction] = ()) -> None:
        """Take in what was said, of each network once."""
        self._said = tuple(said)

    def may(self, address: str, at_us: int) -> bool:
        """Whether a device may be asked now: every network that holds it must allow it."""
        return all(one.allows(at_us) for one in self._of(address))

    def is_fragile(self, address: str) -> bool:
        """Whether any network says so that holds the address."""
        return any(one.fragile for one in self._of(address))

    def touches(self, network: Network) -> bool:
        """Whether anything was said of a part of a network."""
        return any(one.network.overlaps(network) for one in self._said)

    def _of(self, address: str) -> Iterable[Restriction]:
        found = plain_address(ip_address(address))
        for one in self._said:
            if found in one.network:
                yield one


NONE: Final = Restrictions()


def window_of(text: str) -> Window:
    """The time of the week that a text states: days, and from when to when.

    >>> window_of("mon-fri 22:00-05:00").begins
    1320
    >>> sorted(window_of("sat,sun 08:00-24:00").days), len(window_of("01:00-02:00").days)
    ([5, 6], 7)

    Raises:
        WrongUse: it states none.
    """
    found = _split(text.strip().lower())
    if found is not None:
        first, then = (int(found[at]) * _HOUR_MINUTES + int(found[at + 1]) for at in (2, 4))
        sound = max(int(found[3]), int(found[5])) < _HOUR_MINUTES
        if sound and first < _DAY_MINUTES and then <= _DAY_MINUTES and first != then:
            return Window(_days(found[1] or "mon-sun", text), first, then)
    message = (
        f"{text!r} is no window; it must be like 'mon-fri 22:00-05:00', 'sat,sun 08:00-24:00' "
        "or '01:00-02:00'"
    )
    raise WrongUse(message)


def _days(text: str, whole: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        last = last or first
        if first not in DAYS or last not in DAYS:
            raise WrongUse(f"{part!r} in {whole!r} is no day; days are {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last)
        count = (end - begin) % len(DAYS) + 1
        days |= {(begin + one) % len(DAYS) for one in range(count)}
    return frozenset(days)
