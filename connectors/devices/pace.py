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

    `gap_s` passes at least between a device's reply and the next request to it; rates are of all
    devices together, and so many devices are asked at once.
    """

    gap_s: float = 0.05
    connections_per_s: float = 20
    requests_per_s: float = 50
    at_once: int = 32
    connect_timeout_s: float = 1
    reply_timeout_s: float = 5
    datagram_timeout_s: float = 1
    close_timeout_s: float = 1


POLITE: Final = Limits()

UNLIMITED: Final = Limits(gap_s=0, connections_per_s=FOREVER, requests_per_s=FOREVER)
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
        self._rested_s: dict[str, float] = {}

    async def connection(self) -> None:
        """Wait until one more connection may be opened."""
        await self._connections.turn()

    async def request(self, device: str) -> None:
        """Wait until a request may go to this device."""
        await until(self._rested_s.get(device, 0.0), self._clock, self._sleep)
        await self._requests.turn()

    def answered(self, device: str) -> None:
        """The device has answered, or is not waited for any longer: its gap begins."""
        self._rested_s[device] = self._clock() + self.limits.gap_s


async def until(at_s: float, clock: Callable[[], float], sleep: Sleep) -> None:
    """Sleep until the clock says so; a sleep may end a little early."""
    while (left_s := at_s - clock()) > 0:
        await sleep(left_s)
