"""Which learned sort a device is of, and whether what was learned of it is applied."""

from typing import Any

import pytest

from streams.sorts import Sort, Sorts, sort_of
from streams.versions import rank_of
from tests.streams.test_match import probed

METER = ("modbus.tcp", "acme", "", "m-1", "2")
WORKS = {"interviewed": 2, "alone": 2, "works.0300000001.4": 2}


def learned(
    parts: tuple[str, ...] = METER,
    confidence: float = 0.5,
    verified: int = 0,
    revisions: tuple[str, str] | None = ("2.8", "2.12"),
    **counters: int,
) -> Sort:
    """A sort with these numbers."""
    ranks = revisions and (rank_of(revisions[0]) or 0, rank_of(revisions[1]) or 0)
    return sort_of("id", parts, confidence, verified, WORKS | counters, ranks)


def applied(sort: Sort, **more: Any) -> bool:
    """Whether the sort is applied to a meter."""
    found = Sorts([sort]).find(probed(**more))
    assert found is not None
    return found.applied


def test_two_interviews_that_agree_make_a_sort_that_is_applied() -> None:
    assert applied(learned())
    assert not applied(learned(interviewed=1))
    assert applied(learned(interviewed=1, verified=1, confidence=2 / 3))
    assert not applied(learned(interviewed=0, verified=5, confidence=0.9))


def test_a_sort_that_was_contradicted_more_often_than_verified_is_not_applied() -> None:
    assert not applied(learned(confidence=0.49))


@pytest.mark.parametrize(
    ("revision", "holds"),
    [("2.8", True), ("2.12", True), ("2.13", False), ("2.12.1", False), ("2.8.9", True)],
)
def test_a_revision_that_was_not_observed_is_asked_everything(
    revision: str, *, holds: bool
) -> None:
    assert applied(learned(), revision=revision) is holds


def test_a_revision_that_is_not_known_holds_only_where_none_was_known() -> None:
    assert not applied(learned(), revision="2")
    assert applied(learned(revisions=None), revision="2")
    assert not applied(learned(revisions=None))


@pytest.mark.parametrize(
    "more",
    [
        {"vendor": "Other"},
        {"product_code": "M-2"},
        {"revision": "3.10"},
        {"protocol": "ethernet_ip"},
        {"simulator": True},
        {"evidence": None},
    ],
)
def test_what_is_another_sort_or_pretends_is_not_found(more: dict[str, Any]) -> None:
    assert Sorts([learned()]).find(probed(**more)) is None


def test_the_least_confidence_of_a_match_can_be_asked_for() -> None:
    found = Sorts([learned()]).find(probed(), least=0.9)

    assert found is not None
    assert (found.match.confidence, found.applied) == (0.85, False)


def test_numbers_are_compared_where_there_are_numbers() -> None:
    plc = learned(("ethernet_ip", "1", "14", "54", "20"), revisions=("20.11", "20.11"))
    said: dict[str, Any] = {"protocol": "ethernet_ip", "vendor_id": 1, "product_code": "54"}

    found = Sorts([plc]).find(probed(**said, device_type=14, revision="20.11"))
    other = Sorts([plc]).find(probed(**said, device_type=12, revision="20.11"))

    assert found is not None
    assert found.applied
    assert other is None


def test_a_request_is_answered_as_most_devices_of_the_sort_answered_it() -> None:
    counters = {"interviewed": 5, "works.11.9": 2, "works.11.12": 3, "works.0100000001.2": 4}

    sort = sort_of("id", METER, 0.5, 0, counters | {"works.0400000001.4": 2}, None)

    assert sort.answers == {"0100000001": 2}


def test_a_sort_is_alone_if_no_device_of_it_ever_met_another() -> None:
    assert learned().alone
    assert not learned(alone=1).alone
    assert not learned(interviewed=0, alone=0).alone
