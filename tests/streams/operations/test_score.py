"""The score of the first design, number for number."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operations import score

Numbers = list[int | None]


def scored(count: int, seconds: Numbers, errors: Numbers, retries: Numbers) -> Decimal:
    """The score of runs given as they are stated."""
    known = [one * 1_000_000 for one in seconds if one]
    return score(
        count,
        len(seconds),
        n_nonzero=len(known),
        total_us=sum(known),
        squares_us2=sum(one * one for one in known),
        errors_total=sum(one or 0 for one in errors),
        retries_total=sum(one or 0 for one in retries),
    )


def clean(count: int, *seconds: int | None) -> Decimal:
    """The score of runs without errors and retries."""
    return scored(count, list(seconds), [0] * len(seconds), [0] * len(seconds))


def test_without_runs_it_is_ten_whatever_the_count() -> None:
    assert str(clean(1)) == "10.0"
    assert clean(1_000) == 10


def test_one_clean_run_has_55() -> None:
    assert clean(1, 120) == Decimal("55.0")


def test_two_like_runs_have_70() -> None:
    assert clean(2, 120, 125) == 70


def test_three_like_runs_have_80() -> None:
    assert clean(3, 120, 125, 130) == 80


def test_ten_equal_clean_runs_have_100() -> None:
    assert clean(10, *[120] * 10) == 100


@pytest.mark.parametrize(("errors", "retries", "expected"), [(1, 0, 80), (0, 2, 80), (3, 0, 75)])
def test_ten_equal_runs_lose_by_errors_and_retries(
    errors: int, retries: int, expected: int
) -> None:
    assert scored(10, [120] * 10, [errors] * 10, [retries] * 10) == expected


def test_ten_occurrences_with_one_error_among_three_runs_have_90() -> None:
    assert scored(10, [120, 125, 130], [1, 0, 0], [0, 0, 0]) == 90


@pytest.mark.parametrize("seconds", [[0] * 10, [None] * 10])
def test_ten_runs_of_no_known_duration_have_85(seconds: Numbers) -> None:
    assert scored(10, seconds, [0] * 10, [0] * 10) == 85


@pytest.mark.parametrize(
    ("seconds", "points"), [((100, 119), 30), ((100, 120), 20), ((100, 163), 20), ((100, 164), 10)]
)
def test_the_edges_of_the_variance(seconds: tuple[int, int], points: int) -> None:
    """90.25, 100, 992.25 and 1,024 square seconds."""
    assert clean(2, *seconds) == 10 + points + 30


@pytest.mark.parametrize(
    ("count", "points"),
    [(1, 10), (2, 10), (3, 20), (4, 20), (5, 30), (9, 30), (10, 40), (10**9, 40)],
)
def test_the_edges_of_the_frequency(count: int, points: int) -> None:
    assert clean(count, 120) == points + 15 + 30


@pytest.mark.parametrize(
    ("errors", "retries", "points"),
    [
        ([0, 0, 1], [0, 0, 0], 20),
        ([1, 1, 1], [0, 0, 0], 10),
        ([0, 0, 0], [2, 2, 1], 20),
        ([0, 0, 0], [2, 2, 2], 10),
        ([3, 3, 2], [9, 9, 9], 10),
        ([3, 3, 3], [0, 0, 0], 5),
        ([None, None, 1], [None, 0, 0], 20),
    ],
)
def test_the_edges_of_the_success(errors: Numbers, retries: Numbers, points: int) -> None:
    assert scored(1, [120, None, 0], errors, retries) == 10 + 15 + points


def test_frequent_like_runs_have_70_at_least() -> None:
    assert clean(10, 120, 122, 121) >= 70


def test_unlike_runs_with_errors_have_less_than_70() -> None:
    unlike = scored(5, [120, 600, 130, 1200], [0, 5, 0, 10], [0, 3, 0, 5])

    assert unlike == 30 + 10 + 5
    assert unlike < 70


counts = st.integers(0, 10**12)


@given(
    occurrences=counts,
    runs=st.integers(1, 10**9),
    seconds=st.lists(st.integers(1, 10**6), max_size=20),
    errors=counts,
    retries=counts,
)
def test_it_stays_between_25_and_100(
    occurrences: int, runs: int, seconds: list[int], errors: int, retries: int
) -> None:
    """No runs have 10; with runs the least of each part is 10, 10 and 5."""
    squares = sum((one * 1_000_000) ** 2 for one in seconds)
    total = sum(seconds) * 1_000_000

    found = score(
        occurrences,
        runs,
        n_nonzero=len(seconds),
        total_us=total,
        squares_us2=squares,
        errors_total=errors,
        retries_total=retries,
    )

    assert 25 <= found <= 100
