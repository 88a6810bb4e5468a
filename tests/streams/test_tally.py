"""A tally counts with and without a time, says when it cannot undo, and has golden bytes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from streams.days import DAY_US
from streams.tally import Tally

NOON = 20_000 * DAY_US + DAY_US // 2


def example() -> Tally:
    """Return a tally with something of everything."""
    tally = Tally()
    tally.fold(NOON, successes=1)
    tally.fold(NOON + DAY_US, failures=1)
    tally.fold(None)
    tally.count("sessions", 2)
    tally.measure("duration", 1_500_000)
    tally.measure("cost", -250)
    return tally


GOLDEN = (
    b'{"days":[[20000,1,1,0],[20001,1,0,1]],"extra":{"sessions":2},"failures":1,'
    b'"first_us":1728043200000000,"last_us":1728129600000000,"measures":{'
    b'"cost":{"histogram":[[-189],[1]],"maximum":"-250","minimum":"-250","n":1,'
    b'"squares":"62500","total":"-250"},'
    b'"duration":{"histogram":[[987],[1]],"maximum":"1500000","minimum":"1500000","n":1,'
    b'"squares":"2250000000000","total":"1500000"}},'
    b'"occurrences":3,"successes":1,"undated":1}'
)


def test_the_bytes_of_a_tally_are_these() -> None:
    """They are compared between sites, so they change with a new rules version only."""
    assert example().encode() == GOLDEN
    assert Tally.decode(GOLDEN) == example()


def test_an_empty_tally_is_an_empty_object() -> None:
    assert Tally().encode() == b"{}"
    assert Tally().is_empty
    assert not example().is_empty


def test_what_has_no_time_counts_in_the_totals_only() -> None:
    tally = Tally()
    tally.fold(None, 2, successes=1, failures=1)

    assert (tally.occurrences, tally.successes, tally.failures, tally.undated) == (2, 1, 1, 2)
    assert (tally.first_us, tally.last_us, tally.days.to_json()) == (None, None, [])


def test_an_outcome_that_arrives_later_is_no_occurrence() -> None:
    tally = Tally()
    tally.fold(NOON)
    tally.fold(NOON, 0, successes=1)
    tally.fold(None, 0, failures=1)

    assert (tally.occurrences, tally.successes, tally.failures, tally.undated) == (1, 1, 1, 0)
    assert tally.days.to_json() == [[20_000, 1, 1, 0]]


def test_a_time_before_1970_belongs_to_the_day_it_is_in() -> None:
    tally = Tally()
    tally.fold(-1)

    assert tally.days.to_json() == [[-1, 1, 0, 0]]


def test_nothing_but_zeros_is_nothing_at_all() -> None:
    tally = Tally()
    tally.fold(NOON, 0)
    tally.fold(None, 0)
    tally.count("sessions", 0)

    assert tally == Tally()
    assert tally.unfold(NOON, 0)


@pytest.mark.parametrize("at_us", [NOON, None])
@pytest.mark.parametrize("counts", [(-1, 0, 0), (0, -1, 0), (1, 0, -1)])
def test_negative_counts_are_refused_and_change_nothing(
    at_us: int | None, counts: tuple[int, int, int]
) -> None:
    tally = Tally()

    with pytest.raises(ValueError, match="must not be negative"):
        tally.fold(at_us, *counts)
    with pytest.raises(ValueError, match="must not be counted negatively"):
        tally.count("sessions", -1)
    assert tally == Tally()


def test_the_only_occurrence_can_always_be_undone() -> None:
    tally = Tally()
    tally.fold(NOON, successes=1)
    tally.measure("duration", 5)
    tally.count("sessions")

    assert tally.unfold(NOON, successes=1)
    assert tally.unmeasure("duration", 5)
    assert tally.uncount("sessions")
    assert tally == Tally()
    assert tally.encode() == b"{}"


def test_an_occurrence_between_the_first_and_the_last_can_be_undone() -> None:
    tally = example()
    tally.fold(NOON + 1, successes=1)

    assert tally.unfold(NOON + 1, successes=1)
    assert tally == example()


@pytest.mark.parametrize("at_us", [NOON, NOON + DAY_US])
def test_the_first_and_the_last_time_cannot_be_undone(at_us: int) -> None:
    """What was next to them is not in a tally, so the caller rebuilds."""
    tally = example()

    assert tally.unfold(at_us) is False
    assert tally == example()


@pytest.mark.parametrize(
    ("at_us", "counts"),
    [
        (NOON + 1, (4, 0, 0)),
        (NOON + 1, (0, 2, 0)),
        (NOON + 1, (0, 0, 1)),
        (NOON + 1, (-1, 0, 0)),
        (NOON - 1, (1, 0, 0)),
        (NOON + DAY_US + 1, (1, 0, 0)),
        (None, (2, 0, 0)),
    ],
)
def test_what_was_never_folded_is_refused(at_us: int | None, counts: tuple[int, int, int]) -> None:
    tally = example()

    with pytest.raises(ValueError, match=r"never folded|cannot give up"):
        tally.unfold(at_us, *counts)
    assert tally == example()


def test_what_was_never_measured_or_counted_is_refused() -> None:
    tally = example()

    with pytest.raises(ValueError, match="size was never measured"):
        tally.unmeasure("size", 1)
    with pytest.raises(ValueError, match="sessions is 2 and cannot give up 3"):
        tally.uncount("sessions", 3)
    assert tally == example()


def test_part_of_a_counter_can_be_taken_back() -> None:
    tally = example()

    assert tally.uncount("sessions")
    assert dict(tally.extra) == {"sessions": 1}


def test_what_is_read_cannot_be_written() -> None:
    """A view of an empty tally must not become everybody's."""
    with pytest.raises(TypeError):
        Tally().measures["x"] = None  # type: ignore[index]  # The point of the test.
    assert Tally().extra == {}


@pytest.mark.parametrize(
    "change",
    [
        {"occurrences": -1},
        {"occurrences": 2**63},
        {"occurrences": 1.5},
        {"occurrences": True},
        {"occurrences": "3"},
        {"occurrences": 2},
        {"successes": 0},
        {"failures": 0},
        {"undated": 4},
        {"undated": 2},
        {"first_us": None},
        {"last_us": None},
        {"first_us": None, "last_us": None},
        {"first_us": NOON + 2 * DAY_US},
        {"last_us": NOON},
        {"days": []},
        {"days": [[20_000, 1, 1, 0]]},
        {"days": {}},
        {"extra": {"sessions": 0}},
        {"extra": {"sessions": -1}},
        {"extra": []},
        {"measures": {"cost": {}}},
        {"measures": {"cost": []}},
        {"total": 3},
    ],
    ids=str,
)
def test_what_no_tally_writes_is_refused(change: dict[str, Any]) -> None:
    good = example().to_json()

    with pytest.raises(ValueError, match=r"tall|measure"):
        Tally.from_json(good | change)


def test_a_pattern_seen_on_two_days_needs_less_than_400_bytes() -> None:
    """A million of them, the long tail, must fit in memory."""
    tallies: list[Tally | None] = [None] * 1000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for at in range(len(tallies)):
            tallies[at] = tally = Tally()
            tally.fold(NOON + at)
            tally.fold(NOON + at + DAY_US)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert grown / len(tallies) < 400
