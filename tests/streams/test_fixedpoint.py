"""Decimal text becomes integers by one rounding, whatever a program's decimal settings are."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal, InvalidOperation, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fixedpoint import SCALES, in_unit, micros, millionths, nano_usd, scale_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.1", 100_000_000),
        ("1e-9", 1),
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("0.0000000025", 2),
        ("-0.0000000005", 0),
        ("-0.0000000015", -2),
        ("0.00000000050000000000000000000000000000000001", 1),
        ("123456789012345678901234567890.123456789", 123456789012345678901234567890123456789),
        ("1E-999999", 0),
        ("1E+20", 10**29),
    ],
)
def test_money_is_billionths_half_to_even(text: str, expected: int) -> None:
    assert nano_usd(text) == expected
    assert nano_usd(Decimal(text)) == expected


def test_seconds_and_ratios_are_millionths() -> None:
    assert micros("0.250") == millionths("0.250") == 250_000
    assert micros(Decimal(86400)) == 86_400_000_000


def test_the_settings_of_the_program_change_nothing() -> None:
    with localcontext() as context:
        context.prec = 2
        context.rounding = ROUND_UP
        context.traps[InvalidOperation] = False

        assert nano_usd("1234567.1234567895") == 1234567123456790
        assert nano_usd(Decimal("0.0000000005")) == 0
        with pytest.raises(ValueError, match="not a finite decimal number"):
            nano_usd("twelve")


@pytest.mark.parametrize(
    "text", ["", "x", "1,5", "NaN", "sNaN", "Infinity", "1E+999999", "1e9999999"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a finite decimal number"):
        nano_usd(text)


@pytest.mark.parametrize("value", [0.1, 1, True, None])
def test_what_is_no_decimal_text_is_refused(value: Any) -> None:
    """The float 0.1 is not the amount 0.1, and where it came from there was a text."""
    with pytest.raises(TypeError, match="decimal text is needed"):
        nano_usd(value)


@given(st.integers(-(10**40), 10**40), st.sampled_from(sorted(SCALES)))
def test_text_in_a_unit_is_exact(total: int, unit: str) -> None:
    text = in_unit(total, unit)

    with localcontext() as context:
        context.prec = 100
        assert Decimal(text) * scale_of(unit) == total
    assert text == "0" or not text.endswith(".")
    assert "." not in text or not text.endswith("0")


@given(st.integers(-(10**40), 10**40))
def test_money_survives_being_written_and_read(total: int) -> None:
    assert nano_usd(in_unit(total, "usd")) == total
    assert millionths(in_unit(total, "ratio")) == total


@pytest.mark.parametrize(
    ("total", "unit", "text"),
    [
        (0, "usd", "0"),
        (1, "usd", "0.000000001"),
        (-1_500_000_000, "usd", "-1.5"),
        (10_000_000_000, "usd", "10"),
        (2**70, "us", "1180591620717411303424"),
        (-3, "tokens", "-3"),
        (1_000_001, "ratio", "1.000001"),
    ],
)
def test_text_in_a_unit_has_no_needless_digits(total: int, unit: str, text: str) -> None:
    assert in_unit(total, unit) == text


def test_an_unknown_unit_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown unit 'eur'; known are .*usd"):
        in_unit(1, "eur")
