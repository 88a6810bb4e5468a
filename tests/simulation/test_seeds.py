"""Seeds of the simulation, each of them clean: some hundred here, ten thousand in a campaign."""

import pytest

from motif.simulation import simulate

FEW, MANY = 300, 10_000
TOGETHER = 25
"""Seeds of one test."""


@pytest.mark.parametrize(
    "first",
    [
        *range(0, FEW, TOGETHER),
        *(pytest.param(first, marks=pytest.mark.campaign) for first in range(FEW, MANY, TOGETHER)),
    ],
)
def test_what_is_learned_is_right_whatever_happens(first: int) -> None:
    outcomes = [simulate(seed) for seed in range(first, first + TOGETHER)]

    assert [(one.seed, one.difference) for one in outcomes if one.difference] == []


def test_a_seed_comes_to_the_same_every_time() -> None:
    assert simulate(7).digest == simulate(7).digest
