"""Derived numbers agree with the standard library and with their definitions."""

from __future__ import annotations

import statistics as oracle
from fractions import Fraction
from math import ceil, isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.measure import Measure
from streams.statistics import (
    Z_95,
    mean,
    quantile,
    rate,
    stddev,
    variance,
    wilson,
    wilson_low,
)

values = st.one_of(
    st.integers(-100, 100),
    st.integers(-(2**70), 2**70),
    st.integers(10**18, 10**18 + 5),  # where floating point loses the variance altogether
)
trials = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def measured(*numbers: int) -> Measure:
    """Return the measure of some values."""
    measure = Measure()
    for number in numbers:
        measure.add(number)
    return measure


def test_no_data_has_no_numbers() -> None:
    nothing = Measure()

    assert mean(nothing) is variance(nothing) is stddev(nothing) is quantile(nothing, 0.5) is None
    assert variance(measured(5)) is stddev(measured(5)) is None
    assert rate(0, 0) is wilson_low(0, 0) is None
    assert wilson(0, 0) is None


@given(st.lists(values, min_size=1))
def test_the_mean_is_that_of_the_standard_library(numbers: list[int]) -> None:
    assert mean(measured(*numbers)) == float(oracle.mean(map(Fraction, numbers)))


@given(st.lists(values, min_size=2))
def test_variance_and_deviation_are_those_of_the_standard_library(numbers: list[int]) -> None:
    expected = float(oracle.variance(map(Fraction, numbers)))
    measure = measured(*numbers)

    found, deviation = variance(measure), stddev(measure)

    assert found == expected
    assert deviation is not None
    assert isclose(deviation, sqrt(expected), rel_tol=1e-15)


@given(st.lists(values, min_size=1), st.integers(0, 100))
def test_a_quantile_is_element_ceil_p_n_to_a_128th(numbers: list[int], percent: int) -> None:
    expected = sorted(numbers)[max(1, ceil(Fraction(percent, 100) * len(numbers))) - 1]

    found = quantile(measured(*numbers), percent / 100)

    assert found is not None
    assert min(numbers) <= found <= max(numbers) or isclose(found, expected, rel_tol=1e-15)
    assert abs(found - expected) <= abs(expected) * 0.0079


@given(st.lists(values, min_size=1))
def test_the_lowest_and_highest_quantile_of_equal_values_are_exact(numbers: list[int]) -> None:
    value = numbers[0]

    assert quantile(measured(value, value, value), 0.9) == float(value)


def test_results_are_in_the_unit_of_the_measure() -> None:
    cents = measured(10_000_000, 30_000_000)

    assert mean(cents, "usd") == 0.02
    assert variance(cents, "usd") == 0.0002
    assert stddev(cents, "usd") == sqrt(0.0002)
    assert quantile(cents, 1, "usd") == 0.03
    assert mean(measured(500_000), "ratio") == 0.5
    assert mean(measured(7), "us") == 7.0


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (8, 10, 0.4901625, 0.9433178),  # R: prop.test(8, 10, correct = FALSE)
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (50, 100, 0.4038315, 0.5961685),
    ],
)
def test_the_interval_is_the_published_one(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(successes, n)

    assert found is not None
    assert list(found) == pytest.approx([low, high], abs=5e-8)
    assert wilson_low(successes, n) == found[0]


@given(trials)
def test_the_ends_of_the_interval_are_z_deviations_from_the_rate(trial: tuple[int, int]) -> None:
    """Wilson's definition: at either end p, the observed rate is just z standard errors away."""
    successes, n = trial
    interval, share = wilson(successes, n), rate(successes, n)

    assert interval is not None
    assert share is not None
    assert 0.0 <= interval[0] <= share <= interval[1] <= 1.0
    for end in interval:
        away = abs(share - end)
        assert isclose(away, Z_95 * sqrt(end * (1 - end) / n), rel_tol=1e-6, abs_tol=1e-9)


@given(trials)
def test_failures_mirror_successes(trial: tuple[int, int]) -> None:
    successes, n = trial
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)

    assert interval is not None
    assert mirrored is not None
    assert isclose(interval[0], 1 - mirrored[1], abs_tol=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(-1, 1), (2, 1), (1, 0), (0, -1)])
def test_impossible_trials_are_refused(successes: int, n: int) -> None:
    for derived in (rate, wilson, wilson_low):
        with pytest.raises(ValueError, match="trials cannot have"):
            derived(successes, n)
