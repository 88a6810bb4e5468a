"""Revisions of firmware in the order of their numbers, however a maker writes them.

Two things need an order. An index of sorts has the first number of a revision in its key, and
beside it a range of what was observed: `rank_of` makes a whole number of the numbers that follow,
so that least and greatest can be merged like any measure. A range that somebody states is of
texts, which `order_of` compares whole.
"""

import re
from typing import Final

RANKED: Final = 3
"""So many numbers behind the first count in a rank."""
DIGITS: Final = 5
"""A number of more digits is a date or a serial number, and counts for nothing."""
RANK_MOST: Final = 10 ** (RANKED * DIGITS) - 1

BEFORE_RELEASE: Final = ("dev", "snapshot", "pre", "alpha", "beta", "rc")
"""Words that stand before the release they lead to, in their order."""

_numbers: Final = re.compile(rf"(?<!\d)[0-9]{{1,{DIGITS}}}(?!\d)").findall
_tokens: Final = re.compile(r"[0-9]+|[a-z]+").findall
_LEADING: Final = frozenset({"v", "ver", "version", "rev", "revision", "r", "fw", "firmware"})
_SCALE: Final = 10**DIGITS

_EARLY, _END, _WORD, _NUMBER = range(4)

Order = tuple[tuple[int, int, str], ...]
"""What two texts are compared by."""


def major_of(revision: str | None) -> int | None:
    """The first number in a revision; one of more than five digits is a date or a serial number.

    >>> major_of("V200R023C10SPC210"), major_of("4.3"), major_of("build 20260131"), major_of("beta")
    (200, 4, None, None)
    """
    found = _numbers(revision or "")
    return int(found[0]) if found else None


def rank_of(revision: str | None) -> int | None:
    """Where a revision stands among those with the same first number; None where no more is known.

    The second to the fourth number, each with five digits.

    >>> rank_of("2.9") < rank_of("V2.10") < rank_of("2.10.1"), rank_of("7")
    (True, None)
    """
    found = [int(one) for one in _numbers(revision or "")[1 : 1 + RANKED]]
    if not found:
        return None
    rank = 0
    for number in (*found, *(0,) * (RANKED - len(found))):
        rank = rank * _SCALE + number
    return rank


def ranked(rank: int) -> str:
    """A rank as it stands behind the first number.

    >>> ranked(rank_of("4.3")), ranked(rank_of("V200R023C10SPC210"))
    ('3', '23.10.210')
    """
    second, third, fourth = rank // _SCALE**2, rank // _SCALE % _SCALE, rank % _SCALE
    numbers = [second, third, fourth] if fourth else [second, third] if third else [second]
    return ".".join(map(str, numbers))


def order_of(version: str) -> Order:
    """What versions are compared by: numbers as numbers, words behind them as words.

    Zeros at the end count for nothing, nor do upper case, what separates, and a `V` in front.
    `1.0-rc2` comes before `1.0`, and `1.0b` between that and `1.0.1`: a word that is none of
    `BEFORE_RELEASE` names a later one.

    >>> order_of("V2.10") > order_of("2.9"), order_of("2.0") == order_of("2")
    (True, True)
    >>> order_of("1.0-rc2") < order_of("1.0-rc10") < order_of("1.0") < order_of("1.0b")
    True
    """
    found = _tokens(version.casefold())
    if found and found[0] in _LEADING:
        del found[0]
    made: list[tuple[int, int, str]] = []
    for one in found:
        if one in BEFORE_RELEASE:
            _cut_zeros(made)
            made.append((_EARLY, BEFORE_RELEASE.index(one), ""))
        elif one.isdecimal():
            digits = one.lstrip("0")
            made.append((_NUMBER, len(digits), digits))
        else:
            _cut_zeros(made)
            made.append((_WORD, 0, one))
    _cut_zeros(made)
    return (*made, (_END, 0, ""))


def _cut_zeros(made: list[tuple[int, int, str]]) -> None:
    """Take zeros away that nothing but an end or a word follows."""
    while made and made[-1] == (_NUMBER, 0, ""):
        made.pop()
