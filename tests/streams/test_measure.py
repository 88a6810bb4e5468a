"""A measure's sums are exact, and it says when it cannot take a value back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.measure import Measure


def measured(*values: int) -> Measure:
    """Return the measure of some values."""
    measure = Measure()
    for value in values:
        measure.add(value)
    return measure


@given(st.lists(st.integers(-(2**80), 2**80), min_size=1))
def test_the_sums_are_those_of_the_values(values: list[int]) -> None:
    measure = measured(*values)

    assert measure.n == len(values) == measure.histogram.n
    assert measure.total == sum(values)
    assert measure.squares == sum(value * value for value in values)
    assert (measure.minimum, measure.maximum) == (min(values), max(values))


@pytest.mark.parametrize(
    ("values", "taken", "undone"),
    [
        ((1, 5, 9), 5, True),
        ((1, 5, 9), 1, False),
        ((1, 5, 9), 9, False),
        ((0, 0, 9), 0, True),  # small values have a bucket each: another 0 is known to be there
        ((1000, 1001, 1), 1001, False),  # they share a bucket, which does not tell them apart
        ((1001, 1001), 1001, True),
        ((1001,), 1001, True),
    ],
)
def test_a_value_is_taken_back_only_while_the_extremes_stay_known(
    values: tuple[int, ...], taken: int, *, undone: bool
) -> None:
    measure = measured(*values)
    rest = list(values)
    rest.remove(taken)

    assert measure.remove(taken) is undone
    assert measure == measured(*(rest if undone else values))


@pytest.mark.parametrize("value", [2, 130, 1000, -1])
def test_a_value_that_was_never_added_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="was never added"):
        measured(1, 129, 129).remove(value)


def test_sums_beyond_64_bits_travel_as_text() -> None:
    assert measured(2**64, -(2**64)).to_json() == {
        "histogram": [[-3776, 3776], [1, 1]],
        "maximum": "18446744073709551616",
        "minimum": "-18446744073709551616",
        "n": 2,
        "squares": str(2**129),
        "total": "0",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"n": 3},
        {"n": "2"},
        {"n": 0, "histogram": [[], []]},
        {"total": "7"},
        {"total": "07"},
        {"total": "+6"},
        {"total": 6},
        {"total": "six"},
        {"total": "9" * 5000},
        {"total": "99"},
        {"squares": "17"},
        {"minimum": "3"},
        {"maximum": "3"},
        {"minimum": None},
        {"histogram": [[2, 5], [1, 1]]},
        {"histogram": [[2, 4], [1, 2]]},
        {"histogram": {}},
        {"unit": "us"},
    ],
    ids=lambda change: str(change)[:40],
)
def test_what_no_measure_writes_is_refused(change: dict[str, Any]) -> None:
    good = measured(2, 4).to_json()

    with pytest.raises(ValueError, match=r"not |no values|digits|invalid literal"):
        Measure.from_json(good | change)


@pytest.mark.parametrize("part", ["histogram", "maximum", "minimum", "n", "squares", "total"])
def test_a_missing_part_is_refused(part: str) -> None:
    good = measured(2, 4).to_json()
    del good[part]

    with pytest.raises(ValueError, match=part):
        Measure.from_json(good)
