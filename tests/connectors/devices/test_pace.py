"""The pace: no clock but one that moves when somebody sleeps."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connectors.devices.pace import POLITE, UNLIMITED, Limits, Pace


@dataclass
class Time:
    """A clock that sleeping moves."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Pass the time, a little less than was asked for."""
        self.now_s += max(seconds * 0.9, 1e-6)


def test_the_defaults_are_those_of_the_study() -> None:
    assert (POLITE.gap_s, POLITE.at_once) == (0.05, 32)
    assert (POLITE.connections_per_s, POLITE.requests_per_s) == (20, 50)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=2, max_size=60), st.floats(0, 0.2))
def test_neither_a_rate_nor_a_gap_is_ever_exceeded(devices: list[str], reply_s: float) -> None:
    time = Time()
    sent: list[tuple[float, str]] = []
    ends: dict[str, float] = {}

    async def run() -> None:
        pace = Pace(Limits(), clock=time, sleep=time.sleep)
        for device in devices:
            await pace.request(device)
            sent.append((time.now_s, device))
            assert time.now_s >= ends.get(device, 0) + 0.05 - 1e-9
            time.now_s += reply_s
            ends[device] = time.now_s
            pace.answered(device)

    asyncio.run(run())

    times = [at_s for at_s, _ in sent]
    assert all(later - earlier >= 0.02 - 1e-9 for earlier, later in pairwise(times))


def test_many_at_once_get_turns_one_after_the_other() -> None:
    time = Time()
    opened: list[float] = []

    async def open_one(pace: Pace) -> None:
        await pace.connection()
        opened.append(time.now_s)

    async def run() -> None:
        pace = Pace(Limits(), clock=time, sleep=time.sleep)
        await asyncio.gather(*(open_one(pace) for _ in range(40)))

    asyncio.run(run())

    assert max(opened) - min(opened) >= 39 / 20 - 1e-6


def test_without_limits_nobody_waits() -> None:
    time = Time()

    async def run() -> None:
        pace = Pace(UNLIMITED, clock=time, sleep=time.sleep)
        for _ in range(100):
            await pace.connection()
            await pace.request("a")
            pace.answered("a")

    asyncio.run(run())

    assert time.now_s == 100.0


def test_a_fragile_device_is_left_ten_gaps_in_peace() -> None:
    time = Time()

    async def run() -> list[float]:
        pace = Pace(Limits(requests_per_s=1e9), clock=time, sleep=time.sleep)
        pace.spare("frail")
        waited = []
        for device in ("sturdy", "frail"):
            pace.answered(device)
            began_s = time.now_s
            await pace.request(device)
            waited.append(time.now_s - began_s)
        return waited

    sturdy_s, frail_s = asyncio.run(run())

    assert 0.05 <= sturdy_s < 0.06
    assert 0.5 <= frail_s < 0.6
