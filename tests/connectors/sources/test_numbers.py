"""Numbers and times of whatever type a program holds them in."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from connectors.sources.lines import whole_number
from connectors.sources.moments import Moment, moment
from connectors.sources.numbers import count_of, exact, micros_of, money_of
from schemas.envelope import time_us

ROME = ZoneInfo("Europe/Rome")
TWO = "2025-07-01T10:00:00Z"


@pytest.mark.parametrize(
    "value", [7, 7.0, "7", " 7.0 ", "7e0", Decimal("7.00"), np.int64(7), np.uint8(7), np.float32(7)]
)
def test_seven_is_seven(value: Any) -> None:
    assert count_of(value) == 7
    assert micros_of(value) == 7_000_000
    assert money_of(value) == 7


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, np.True_, "", "many", b"7", [7], 7.5, -1, 7j, Fraction(15, 2)),
        *(float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN"), 2**63, "1e999999", 10**400),
    ],
)
def test_what_is_no_count(value: Any) -> None:
    assert count_of(value) is None


def test_numbers_are_exactly_what_is_written() -> None:
    assert exact(np.float32(0.1)) == exact(0.1) == exact("0.1") == Decimal("0.1")
    assert count_of(2**63 - 1) == count_of(np.uint64(2**63 - 1)) == 2**63 - 1


def test_a_whole_float_in_a_file_is_a_count() -> None:
    assert [whole_number(one) for one in (5.0, 5.5, -5.0, float("nan"))] == [5, None, None, None]


@pytest.mark.parametrize(
    ("value", "utc", "assumed"),
    [
        (datetime(2025, 7, 1, 12), TWO, True),  # noqa: DTZ001  # without an offset on purpose
        (datetime(2025, 7, 1, 10, tzinfo=UTC), TWO, False),
        (datetime(2025, 7, 1, 19, tzinfo=timezone(timedelta(hours=9))), TWO, False),
        (date(2025, 7, 1), "2025-07-01T00:00:00Z", True),
        (Decimal(1_751_364_000), TWO, False),
        (np.int64(1_751_364_000), TWO, False),
        ("2025-07-01T12:00:00", TWO, True),
    ],
)
def test_a_time_is_one_however_it_is_held(value: Any, utc: str, *, assumed: bool) -> None:
    assert moment(value, ROME) == Moment(time_us(utc), assumed)


@pytest.mark.parametrize("value", [None, True, "soon", b"2025", float("nan"), Decimal("Infinity")])
def test_what_is_no_time(value: Any) -> None:
    assert moment(value, UTC) is None
