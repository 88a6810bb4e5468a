"""Reply times of simulated devices: as measured, and the same for the same seed."""

from random import Random
from statistics import quantiles

import pytest

from connectors.plant.device import Manner
from connectors.plant.profiles import PROFILES, Profile
from motif.cli.discovering import Speed
from tests.connectors.devices.plants import discovered, meter


@pytest.mark.parametrize("name", PROFILES)
def test_times_have_the_median_and_the_99th_percentile_of_their_profile(name: str) -> None:
    profile, randomness = PROFILES[name], Random(5)

    cuts = quantiles([profile.draw(randomness) for _ in range(20_000)], n=100)

    assert cuts[49] == pytest.approx(profile.median_s, rel=0.05)
    assert cuts[98] == pytest.approx(profile.p99_s, rel=0.12)


def test_every_profile_may_be_asked_for() -> None:
    assert [speed.value for speed in Speed] == list(PROFILES)


def test_devices_take_the_time_of_their_profile() -> None:
    found = discovered({"meter": meter(manner=Manner(profile=Profile(0.004, 0.0041)))})

    times = [exchange.get("reply_us") or 0 for exchange in found.one("meter").exchanges]
    assert len(times) == 21
    assert min(times) >= 3_500
