"""The simulator itself: a learner that is wrong is found out within 300 seeds."""

import pytest

from motif.simulation import Outcome, simulate
from tests.simulation.mutants import MUTANTS

SEEDS_MAX = 300


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_learner_that_is_wrong_is_caught(mutant: str) -> None:
    with MUTANTS[mutant]():
        caught = _first_that_fails()
    assert caught is not None, f"{SEEDS_MAX} seeds did not notice: {mutant}"
    assert simulate(caught.seed).difference is None, "it was the mutant that was caught"


def _first_that_fails() -> Outcome | None:
    outcomes = map(simulate, range(SEEDS_MAX))
    return next((outcome for outcome in outcomes if outcome.difference), None)
