"""Days keep the 35 up to their own greatest, whatever the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.days import KEPT_DAYS, Days


@given(st.lists(st.integers(-100, 100), min_size=1))
def test_exactly_the_35_days_up_to_the_greatest_are_kept(numbers: list[int]) -> None:
    days = Days()
    for number in numbers:
        days.add(number, occurrences=1)

    kept = [number for number in numbers if number > max(numbers) - KEPT_DAYS]
    assert list(days) == [(day, kept.count(day), 0, 0) for day in sorted(set(kept))]
    assert days.greatest == max(numbers)


def test_35_days_fit_and_a_36th_pushes_out_the_oldest() -> None:
    days = Days()
    for day in range(KEPT_DAYS):
        days.add(day, 1, 2, 3)
    full = days.to_json()

    days.add(KEPT_DAYS, 1)

    assert len(full) == KEPT_DAYS
    assert days.to_json() == [*full[1:], [KEPT_DAYS, 1, 0, 0]]


def test_merging_cuts_to_the_greater_of_both() -> None:
    old, new = Days(), Days()
    old.add(1, successes=1)
    old.add(10, failures=1)
    new.add(40, occurrences=1)

    assert (old + new).to_json() == [[10, 0, 0, 1], [40, 1, 0, 0]]


def test_the_greatest_day_cannot_be_taken_away() -> None:
    """It may have pushed out days that would be in the window again."""
    days = Days()
    days.add(1, 1)
    days.add(50, 1)

    assert days.remove(50, 1) is False
    assert days.to_json() == [[50, 1, 0, 0]]


def test_a_day_too_old_to_be_kept_is_out_already() -> None:
    days = Days()
    days.add(50, 1)

    assert days.remove(50 - KEPT_DAYS, 1) is True
    assert days.to_json() == [[50, 1, 0, 0]]


def test_part_of_the_greatest_day_can_be_taken_away() -> None:
    days = Days()
    days.add(7, 2, 1, 1)

    assert days.remove(7, 1, 1) is True
    assert days.to_json() == [[7, 1, 0, 1]]


@pytest.mark.parametrize("counts", [(2, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0)])
def test_counts_that_were_never_added_are_refused(counts: tuple[int, int, int]) -> None:
    days = Days()
    days.add(7, 1)

    with pytest.raises(ValueError, match="cannot give up"):
        days.remove(7, *counts)
    assert days.to_json() == [[7, 1, 0, 0]]


@pytest.mark.parametrize("counts", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_negative_counts_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Days().add(1, *counts)


def test_no_day_has_no_greatest() -> None:
    assert Days().greatest is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        [[1, 1, 1]],
        [[1, 1, 1, 1, 1]],
        [[1, 0, 0, 0]],
        [[1, -1, 1, 1]],
        [[2, 1, 0, 0], [1, 1, 0, 0]],
        [[1, 1, 0, 0], [1, 1, 0, 0]],
        [[1, 1, 0, 0], [36, 1, 0, 0]],
        [[1, 2**70, 0, 0]],
        [[1, True, 0, 0]],
    ],
    ids=str,
)
def test_what_no_days_write_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="day"):
        Days.from_json(value)
