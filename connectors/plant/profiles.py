"""How long simulated devices take to answer: distributions as they were measured on real ones."""

from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final

_P99: Final = 2.3263478740408408
"""How many standard deviations above its mean the 99th percentile of a normal variable is."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Times whose logarithms are normal: half of them below the median, one of a hundred above p99.

    >>> profile = Profile(0.02, 0.037)
    >>> times = sorted(profile.draw(Random(7)) for _ in range(1))
    >>> 0 < times[0] < 1
    True
    """

    median_s: float
    p99_s: float

    def draw(self, randomness: Random) -> float:
        """The time until an answer."""
        spread = log(self.p99_s / self.median_s) / _P99
        return exp(randomness.gauss(log(self.median_s), spread))


PROFILES: Final = {
    "fast": Profile(0.0026, 0.0035),
    "plc": Profile(0.008, 0.0126),
    "default": Profile(0.02, 0.037),
    "slow": Profile(0.447, 3.629),
}
"""A controller on its own network, one on a shared network, what may be expected, a slow link."""
