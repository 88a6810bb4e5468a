"""How fast: gaps and rates that hold for everything a run sends.

Devices on plants were built for one master that asks at leisure. A card with four connections that
is scanned as a web server may have to be switched off and on by hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from schemas.clock import monotonic_s

Sleep = Callable[[float], Awaitable[object]]

FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a run; the defaults are polite.

    `gap_s` passes at least between a device's reply and the next request to it, and ten times that
    where a device is fragile; rates are of all devices together, and so many devices are asked at
    once. Where nobody was met so far, fewer are asked at once and connections are opened at a rate
    of their own, in the background of what is known.
    """

    gap_s: float = 0.05
    connections_per_s: float = 20
    requests_per_s: float = 50
    at_once: int = 32
    background_per_s: float = 10
    background_at_once: int = 8
    connect_timeout_s: float = 1
    reply_timeout_s: float = 5
    datagram_timeout_s: float = 1
    close_timeout_s: float = 1


FRAGILE_TIMES: Final = 10
"""So many gaps pass between requests to a device that is fragile."""

POLITE: Final = Limits()

UNLIMITED: Final = Limits(
    gap_s=0,
    connections_per_s=FOREVER,
    requests_per_s=FOREVER,
    background_per_s=FOREVER,
    background_at_once=32,
)
"""Neither gaps nor rates: for devices that are simulated."""


class Rate:
    """Turns, each at least a fixed time after the one before, to whoever comes first.

    Whoever wakes late moves all behind: the rate is never exceeded to make up for it.
    """

    def __init__(self, per_s: float, clock: Callable[[], float], sleep: Sleep) -> None:
        """Give the first turn at once."""
        self._every_s = 1 / per_s
        self._clock = clock
        self._sleep = sleep
        self._next_s = clock()
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for the next turn."""
        async with self._queue:
            await until(self._next_s, self._clock, self._sleep)
            self._next_s = self._clock() + self._every_s


class Pace:
    """Holds back connections and requests until they may go out."""

    def __init__(
        self,
        limits: Limits = POLITE,
        *,
        clock: Callable[[], float] = monotonic_s,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Begin with no debts."""
        self.limits = limits
        self._clock = clock
        self._sleep = sleep
        self._connections = Rate(limits.connections_per_s, clock, sleep)
        self._requests = Rate(limits.requests_per_s, clock, sleep)
        self._background = Rate(limits.background_per_s, clock, sleep)
        self._fragile: set[str] = set()
        self._rested_s: dict[str, float] = {}

    async def connection(self) -> None:
        """Wait until one more connection may be opened."""
        await self._connections.turn()

    async def background(self) -> None:
        """Wait until one more may be asked of those that were never met."""
        await self._background.turn()

    def spare(self, device: str) -> None:
        """Take a device for fragile from now on."""
        self._fragile.add(device)

    async def request(self, device: str) -> None:
        """Wait until a request may go to this device."""
        await until(self._rested_s.get(device, 0.0), self._clock, self._sleep)
        await self._requests.turn()

    def answered(self, device: str) -> None:
        """The device has answered, or is not waited for any longer: its gap begins."""
        times = FRAGILE_TIMES if device in self._fragile else 1
        self._rested_s[device] = self._clock() + times * self.limits.gap_s


async def until(at_s: float, clock: Callable[[], float], sleep: Sleep) -> None:
    """Sleep until the clock says so; a sleep may end a little early."""
    while (left_s := at_s - clock()) > 0:
        await sleep(left_s)
