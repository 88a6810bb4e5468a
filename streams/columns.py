"""Many small sorted tables changed at once, by numpy: whole numbers only, no floating point.

A *place* is the position of a table in a sequence of tables, a *cell* the row within it that a
number counts for. Both together are one 64-bit key, so that the rows of all tables, old and new,
are put in order and added up by one sort.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
"""One column of whole numbers."""

_CELL_BITS = 32
_CELL_ZERO = 1 << (_CELL_BITS - 1)
_SHORT = 1 << 16


def keys_of(places: Ints, cells: Ints) -> Ints:
    """One key for each pair, rising with the place and then with the cell, which has 32 bits."""
    return (places << _CELL_BITS) + (cells + _CELL_ZERO)


def pairs_of(keys: Ints) -> tuple[Ints, Ints]:
    """The places and the cells of keys.

    >>> [column.tolist() for column in pairs_of(keys_of(np.array([0, 7]), np.array([-3, 5])))]
    [[0, 7], [-3, 5]]
    """
    return keys >> _CELL_BITS, (keys & ((1 << _CELL_BITS) - 1)) - _CELL_ZERO


def summed(keys: Ints, columns: Sequence[Ints]) -> tuple[Ints, list[Ints]]:
    """Every key once, rising, and the sum of each column over its rows."""
    order = np.argsort(keys, kind="stable")  # which is linear where two sorted runs are joined
    keys = keys[order]
    starts = starts_of(keys)
    return keys[starts], [np.add.reduceat(column[order], starts) for column in columns]


def starts_of(rising: Ints) -> Ints:
    """Where each run of equal numbers begins; there must be a number."""
    return np.flatnonzero(np.concatenate(([True], rising[1:] != rising[:-1])))


def order_of(codes: Ints) -> Ints:
    """What puts numbers from 0 on into rising order; equal ones stay in theirs."""
    # numpy sorts 16 bits by counting, which takes a tenth of the time.
    short = len(codes) and int(codes.max()) < _SHORT
    return np.argsort(codes.astype(np.uint16) if short else codes, kind="stable")


def ranges(lengths: Ints) -> Ints:
    """0 to length - 1 for each length, one behind the other.

    >>> ranges(np.array([2, 0, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
