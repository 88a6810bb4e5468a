"""Numbers as databases and programs hold them: whole or not, as text, as whatever type they have.

What is no number, or none that can be meant, is None; who asks tells that from nothing said.
"""

from decimal import Decimal, InvalidOperation
from numbers import Integral, Real
from typing import Any, Final

COUNT_END: Final = 2**63
MONEY_END: Final = 10**9
SECONDS_END: Final = 10**12


def exact(value: Any) -> Decimal | None:
    """A finite number of whatever kind, exactly as it is written; True is no number.

    >>> exact("5000.0"), exact(0.1), exact(True), exact("many")
    (Decimal('5000.0'), Decimal('0.1'), None, None)
    """
    if isinstance(value, bool) or not isinstance(value, Real | Decimal | str):
        return None
    try:
        number = Decimal(int(value)) if isinstance(value, Integral) else Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def count_of(value: Any) -> int | None:
    """A whole number that events can hold, however it is written.

    >>> count_of(5000.0), count_of(" 7 "), count_of(1.5), count_of(-1)
    (5000, 7, None, None)
    """
    if type(value) is int:
        return value if 0 <= value < COUNT_END else None
    number = exact(value)
    if number is None or not 0 <= number < COUNT_END or number != number.to_integral_value():
        return None
    return int(number)


def money_of(value: Any) -> Decimal | None:
    """An amount that something can have cost."""
    amount = exact(value)
    return amount if amount is not None and 0 <= amount < MONEY_END else None


def micros_of(seconds: Any) -> int | None:
    """Whole microseconds of the seconds that something can have taken.

    >>> micros_of("0.5"), micros_of(float("inf"))
    (500000, None)
    """
    number = exact(seconds)
    if number is None or not 0 <= number < SECONDS_END:
        return None
    return int((number * 1_000_000).to_integral_value())


def shown(value: Any) -> str:
    """A value for a sentence, cut short; Python writes no number of thousands of digits."""
    try:
        return repr(value)[:64]
    except ValueError:
        return "a number of too many digits"
