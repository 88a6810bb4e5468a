"""Versions are ordered by their numbers, whoever writes them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motif.device_patterns import VersionRange
from streams.versions import RANK_MOST, RANKED, major_of, order_of, rank_of, ranked

NUMBERS = st.lists(st.integers(0, 99_999), min_size=1, max_size=4)
VERSIONS = st.lists(st.sampled_from(["1", "10", "9", "0", ".", "-", "rc", "beta", "b", "V", " "]))


def test_an_exact_version_is_itself_and_no_other() -> None:  # assertion 1 of the origin
    exact = VersionRange("1.2.3", "1.2.3")

    assert exact.exact_version == "1.2.3"
    assert exact.holds("1.2.3")
    assert not exact.holds("1.2.4")


@pytest.mark.parametrize(
    ("version", "holds"),
    [("1.0.0", True), ("1.5.0", True), ("2.0.0", True), ("0.9.0", False), ("2.1.0", False)],
)
def test_a_range_holds_both_its_ends(version: str, *, holds: bool) -> None:  # assertion 2
    assert VersionRange("1.0.0", "2.0.0").holds(version) is holds


def test_a_range_without_an_end_goes_on() -> None:
    assert VersionRange().holds("7")
    assert VersionRange("2.9", None).holds("2.10")
    assert not VersionRange(None, "2.9").holds("2.10")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2.9", "2.10"),
        ("2.9", "2." + "9" * 5_000),
        ("1.0-alpha", "1.0-beta"),
        ("1.0-rc2", "1.0-rc10"),
        ("1.0-rc1", "1.0"),
        ("1.0", "1.0b"),
        ("1.0b", "1.0.1"),
        ("2.00r016", "2.00r017"),
        ("V200R023C10SPC210", "V200R023C10SPC1000"),
    ],
)
def test_the_order_is_that_of_makers(older: str, newer: str) -> None:
    assert order_of(older) < order_of(newer)


@given(NUMBERS, NUMBERS)
def test_numbers_decide_as_numbers(one: list[int], other: list[int]) -> None:
    texts = [".".join(map(str, numbers)) for numbers in (one, other)]
    padded = [[*numbers, *(0,) * (4 - len(numbers))] for numbers in (one, other)]

    assert (order_of(texts[0]) < order_of(texts[1])) is (padded[0] < padded[1])
    assert (order_of(texts[0]) == order_of(texts[1])) is (padded[0] == padded[1])


@given(st.lists(VERSIONS.map("".join), max_size=6))
def test_whatever_is_written_has_a_place_in_one_order(texts: list[str]) -> None:
    placed = sorted(texts, key=order_of)

    assert all(order_of(one) <= order_of(other) for one, other in pairwise(placed))


@given(st.integers(0, 99_999), st.lists(st.integers(0, 99_999), min_size=1, max_size=RANKED))
def test_a_rank_is_read_back_and_ordered_like_the_numbers(major: int, rest: list[int]) -> None:
    text = ".".join(map(str, (major, *rest)))
    rank = rank_of(text)

    assert rank is not None
    assert 0 <= rank <= RANK_MOST
    assert major_of(text) == major
    assert rank_of(f"{major}.{ranked(rank)}") == rank
    assert order_of(ranked(rank)) == order_of(text.partition(".")[2])


def test_a_date_or_a_serial_number_is_no_part_of_a_revision() -> None:
    assert (major_of("build 20260131"), rank_of("2.10 build 20260131")) == (None, rank_of("2.10"))
    assert (major_of(None), rank_of(None), rank_of("7")) == (None, None, None)
