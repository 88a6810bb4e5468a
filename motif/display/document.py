"""A text with tables, before it is Markdown or HTML: titles, sentences, items, cells.

Nothing in it is markup. Texts from outside may hold anything; whoever writes a document out makes
them harmless in its own format.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from motif.display.table import Column

CELL_MAX: Final = 120
"""Characters of a text from outside in a sentence or a cell."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its columns, and rows with a text a column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences, a table and items below it, each where there are any."""

    title: str
    sentences: Sequence[str] = ()
    grid: Grid | None = None
    items: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A title, sentences below it, and sections."""

    title: str
    sentences: Sequence[str]
    sections: Sequence[Section] = field(default_factory=list)


def short(text: str, most: int = CELL_MAX) -> str:
    r"""A text on one line, cut where it is long.

    >>> short(" a\n b "), short("abcdef", 4)
    ('a b', 'abc…')
    """
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
