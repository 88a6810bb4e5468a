"""Decimal text to exact integers, and back.

A measure is folded as an integer in a unit small enough to hold it, so that sums are exact. Each
unit has a scale: how many of the folded integers make one of it.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation

__all__ = ["SCALES", "decimal_text", "in_unit", "micros", "millionths", "nano_usd", "scale_of"]

SCALES = {
    "bytes": 1,
    "calls": 1,
    "count": 1,
    "mb": 1_000_000,
    "ratio": 1_000_000,
    "revision": 1,
    "tokens": 1,
    "us": 1,
    "usd": 1_000_000_000,
}
"""How many folded integers make one of a unit."""

# Its own context, so that a program's decimal settings cannot change what is learned.
_CONTEXT = Context(
    prec=100, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[InvalidOperation]
)
_EXACT = Context(prec=100, Emin=-999_999, Emax=999_999, traps=[InvalidOperation, Inexact])
"""For the common amount that is a whole number of billionths: nothing is rounded unnoticed."""


def nano_usd(amount: Decimal | str) -> int:
    """Return an amount in US dollars as billionths, half to even.

    >>> nano_usd("0.25"), nano_usd("0.0000000005"), nano_usd("0.0000000015")
    (250000000, 0, 2)
    """
    if isinstance(amount, Decimal):
        try:
            scaled = amount.scaleb(9, _EXACT)
            whole = int(scaled)
        except (Inexact, InvalidOperation, OverflowError, ValueError):
            return _fixed(amount, 9)
        if whole == scaled:
            return whole
    return _fixed(amount, 9)


def micros(seconds: Decimal | str) -> int:
    """Return a duration in seconds as microseconds, half to even.

    >>> micros("1.5"), micros("0.0000005")
    (1500000, 0)
    """
    return _fixed(seconds, 6)


def millionths(ratio: Decimal | str) -> int:
    """Return a ratio as millionths, half to even.

    >>> millionths("0.875"), millionths("1")
    (875000, 1000000)
    """
    return _fixed(ratio, 6)


def decimal_text(number: float) -> str:
    """Return the shortest decimal that names a number, without an exponent.

    >>> decimal_text(92.5), decimal_text(1e-05), decimal_text(3)
    ('92.5', '0.00001', '3')
    """
    return f"{Decimal(repr(number)):f}"


def scale_of(unit: str) -> int:
    """Return how many folded integers make one `unit`.

    >>> scale_of("usd")
    1000000000
    """
    try:
        return SCALES[unit]
    except KeyError:
        raise ValueError(f"unknown unit {unit!r}; known are {', '.join(SCALES)}") from None


def in_unit(total: int, unit: str) -> str:
    """Return a folded integer as exact decimal text in its unit.

    >>> in_unit(1_250_000_000, "usd"), in_unit(-5, "ratio"), in_unit(42, "tokens")
    ('1.25', '-0.000005', '42')
    """
    scale = scale_of(unit)
    whole, part = divmod(abs(total), scale)
    sign = "-" if total < 0 else ""
    if not part:
        return f"{sign}{whole}"
    digits = str(scale + part)[1:].rstrip("0")
    return f"{sign}{whole}.{digits}"


def _fixed(value: Decimal | str, places: int) -> int:
    """Return a decimal times ten to the power of `places`, rounded once, half to even."""
    if not isinstance(value, Decimal | str):
        raise TypeError(f"decimal text is needed, not a {type(value).__name__}: {value!r}")
    try:
        # `Decimal` keeps every digit; only `quantize` rounds, and by our context.
        number = Decimal(value, _CONTEXT)
        rounded = number.quantize(_STEPS[places], context=_CONTEXT)
        return int(rounded.scaleb(places, _CONTEXT))
    except (InvalidOperation, OverflowError, ValueError):
        raise ValueError(f"not a finite decimal number of reasonable size: {value!r}") from None


_STEPS = {6: Decimal("1E-6"), 9: Decimal("1E-9")}
