"""What is usual, and what is far from it, against the plain way of counting it."""

from math import exp, log
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.robust import FAR, LEAST_VALUES, median_interval, usual

POSITIVE = st.lists(st.integers(1, 10**9), min_size=LEAST_VALUES, max_size=60)


@given(POSITIVE)
def test_limits_are_the_median_and_so_many_spreads_of_logarithms(values: list[int]) -> None:
    logs = [log(value) for value in values]
    middle = median(logs)
    both = median(abs(one - middle) for one in logs)
    low = max(both, median(middle - one for one in logs if one <= middle))
    high = max(both, median(one - middle for one in logs if one >= middle))

    found = usual(values)

    if not both:
        assert found is None
        return
    assert found is not None
    assert found.median == pytest.approx(exp(middle))
    assert log(found.low) == pytest.approx(middle - FAR * 1.4826 * low)
    assert log(found.high) == pytest.approx(middle + FAR * 1.4826 * high)


@given(POSITIVE, st.integers(2, 1_000))
def test_another_unit_moves_every_limit_by_its_factor(values: list[int], factor: int) -> None:
    here, there = usual(values), usual([factor * value for value in values])

    if here is not None and here.above > 1 + 1e-9 and there is not None:
        assert there.high == pytest.approx(factor * here.high, rel=1e-6)
        assert there.low == pytest.approx(factor * here.low, rel=1e-6)


def test_a_few_wild_values_do_not_move_what_is_usual() -> None:
    randomness = Random(1)
    values = [exp(randomness.gauss(0, 0.3)) for _ in range(200)]
    before = usual(values)

    after = usual([*values, 1e6, 1e6, 1e6])

    assert before is not None
    assert after is not None
    assert after.median == pytest.approx(before.median, rel=0.02)
    assert after.high == pytest.approx(before.high, rel=0.2)
    assert after.spreads(1e6) > FAR > before.spreads(max(values))


def test_of_log_normal_values_hardly_any_is_far() -> None:
    randomness = Random(2)
    far = 0

    for _ in range(200):
        values = [exp(randomness.gauss(0, 0.8)) for _ in range(100)]
        found = usual(values)
        assert found is not None
        far += sum(not found.low <= value <= found.high for value in values)

    assert far <= 2


def test_values_without_a_logarithm_are_left_out() -> None:
    values = [float(one) for one in range(1, 31)]

    assert usual([*values, 0.0, -5.0, float("nan")]) == usual(values)
    assert usual([0.0] * 50) is None


def test_nothing_is_usual_among_too_few_or_where_most_are_the_same() -> None:
    assert usual(range(1, LEAST_VALUES)) is None
    assert usual([7] * 50 + [8] * 10) is None


@pytest.mark.parametrize("n", [8, 20, 101])
def test_the_interval_of_a_median_holds_in_95_of_100_cases(n: int) -> None:
    randomness = Random(n)
    held = 0

    for _ in range(2_000):
        found = median_interval([randomness.expovariate(log(2)) for _ in range(n)])
        assert found is not None
        held += found[0] <= 1 <= found[2]

    assert held >= 0.94 * 2_000


def test_the_median_of_few_values_has_no_interval() -> None:
    assert median_interval([1.0, 2.0, 3.0]) is None
    assert median_interval([]) is None
