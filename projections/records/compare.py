"""Whether two files of records hold the same: row for row, and word for word of their indexes."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from projections.records import file

_WORDS: Final = "CREATE VIRTUAL TABLE temp.word USING fts5vocab('main', 'entry', 'instance')"
_INDEXED: Final = "SELECT term, doc, col, offset FROM word"
_ROWS: Final = "SELECT * FROM record ORDER BY place"

_Row = tuple[Any, ...]


def compared(live: Path, made: Path) -> list[tuple[str, int, int]]:
    """What differs: of what, how many of it only the one has, and how many only the other.

    Raises:
        ProjectionDamaged: the live file is not what was written.
    """
    with closing(file.reading(live)) as one, closing(file.reading(made)) as other:
        try:
            rows = _counted(one.execute(_ROWS), other.execute(_ROWS), _place)
            for connection in (one, other):
                connection.execute(_WORDS)
            # The index gives its words in one order, whatever pieces it consists of.
            words = _counted(one.execute(_INDEXED), other.execute(_INDEXED), _itself)
        except sqlite3.Error as error:
            raise file.explained(live, error) from error
    counted = (("records", *rows), ("words of records", *words))
    return [(what, only, others) for what, only, others in counted if only or others]


def _counted(
    one: Iterator[_Row], other: Iterator[_Row], key: Callable[[_Row], Any]
) -> tuple[int, int]:
    """How many rows only the one has, and only the other; both come in the order of their keys."""
    only = others = 0
    left, right = next(one, None), next(other, None)
    while left is not None or right is not None:
        first = left == right or right is None or (left is not None and key(left) <= key(right))
        second = left == right or left is None or (right is not None and key(right) <= key(left))
        only += first and left != right
        others += second and left != right
        left, right = next(one, None) if first else left, next(other, None) if second else right
    return only, others


def _place(row: _Row) -> Any:
    return row[0]


def _itself(row: _Row) -> Any:
    return row
