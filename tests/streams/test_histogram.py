"""Buckets are narrow, ordered and the same everywhere; quantiles follow their definition."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.histogram import Histogram, bucket_of, value_of

values = st.one_of(st.integers(-300, 300), st.integers(-(2**80), 2**80))


def counted(*numbers: int) -> Histogram:
    """Return the histogram of some values."""
    histogram = Histogram()
    for number in numbers:
        histogram.add(number)
    return histogram


@given(values)
def test_the_middle_of_a_bucket_is_within_a_128th_of_its_values(value: int) -> None:
    middle = value_of(bucket_of(value))

    assert abs(middle - value) * 128 <= abs(value)
    assert bucket_of(middle) == bucket_of(value)


@given(values, values)
def test_buckets_rise_with_their_values(one: int, two: int) -> None:
    low, high = sorted((one, two))

    assert bucket_of(low) <= bucket_of(high)
    assert value_of(bucket_of(low)) <= value_of(bucket_of(high))


def test_buckets_leave_no_gap_and_split_each_power_of_two_into_64() -> None:
    buckets = [bucket_of(value) for value in range(5000)]

    assert sorted(set(buckets)) == list(range(buckets[-1] + 1))
    assert len(set(buckets[1024:2048])) == 64


@pytest.mark.parametrize("value", [*range(-127, 128, 7), 0, 127, -127])
def test_sizes_below_128_are_exact(value: int) -> None:
    assert value_of(bucket_of(value)) == value


@given(values)
def test_adding_uses_the_bucket_that_bucket_of_names(value: int) -> None:
    """The text of `bucket_of` stands twice, for speed; both copies must agree."""
    assert counted(value).to_json() == [[bucket_of(value)], [1]]


@given(st.lists(values, min_size=1), st.integers(0, 100))
def test_a_quantile_stands_for_element_ceil_p_n(numbers: list[int], percent: int) -> None:
    rank = max(1, ceil(Fraction(percent, 100) * len(numbers)))
    expected = sorted(numbers)[rank - 1]

    found = counted(*numbers).quantile(percent / 100)

    assert found is not None
    assert abs(found - expected) <= abs(expected) * 0.0079


def test_a_share_means_what_its_text_says() -> None:
    """In floating point 0.07 * 100 is a little more than 7."""
    assert counted(*range(1, 101)).quantile(0.07) == 7
    assert counted(1, 2, 3).quantile(Fraction(1, 3)) == 1


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_share_outside_of_0_to_1_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"p must be from 0 to 1|Invalid literal"):
        counted(1).quantile(p)


def test_nothing_counted_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
    assert Histogram().ends() is None


@pytest.mark.parametrize("rank", [0, 4, -1])
def test_an_element_that_is_not_there_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match="rank must be from 1 to 3"):
        counted(1, 2, 3).element(rank)


def test_removing_what_is_not_there_is_refused() -> None:
    histogram = counted(5, 5)

    with pytest.raises(ValueError, match="6 was counted 0 times"):
        histogram.remove(6)
    with pytest.raises(ValueError, match="5 was counted 2 times"):
        histogram.remove(5, 3)
    assert histogram.count(5) == histogram.n == 2


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight must not be negative"):
        Histogram().add(1, -1)


@pytest.mark.parametrize(
    "value",
    [
        [],
        [[1]],
        [[1], [1], [1]],
        [[1], [1, 2]],
        [[2, 1], [1, 1]],
        [[1, 1], [1, 1]],
        [[1], [0]],
        [[1], [-1]],
        [[1], [True]],
        [["1"], [1]],
        [[2**40], [1]],
        [[1], [2**70]],
    ],
    ids=str,
)
def test_what_no_histogram_writes_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_json(value)
