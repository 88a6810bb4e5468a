"""A plain table: numbers to the right, texts to the left, nothing that data could format."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from motif.display.words import safe

LEAST = 12
"""Characters that a column which gives way keeps, where it has so many."""


class Column(NamedTuple):
    """A column: its head, whether it holds numbers, whether it may be cut short."""

    head: str
    number: bool = False
    gives_way: bool = False


def number(head: str) -> Column:
    """A column of numbers, never cut."""
    return Column(head, number=True)


def text(head: str) -> Column:
    """A column of texts that gives way where the terminal is narrow."""
    return Column(head, gives_way=True)


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, title: str | None = None
) -> Table:
    """A table of texts, made safe for a terminal."""
    cells = [[safe(cell) for cell in row] for row in rows]
    made = Table(
        box=box.SIMPLE_HEAD,
        title=None if title is None else Text(title, style="bold"),
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
        header_style="bold",
    )
    for place, column in enumerate(columns):
        longest = max((len(row[place]) for row in cells), default=0)
        made.add_column(
            Text(column.head),
            justify="right" if column.number else "left",
            no_wrap=not column.gives_way,
            overflow="fold" if column.gives_way else "ellipsis",
            min_width=min(longest, LEAST) if column.gives_way else None,
        )
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def facts(pairs: Iterable[tuple[str, str]]) -> Table:
    """Names and what they are, one below the other."""
    made = Table.grid(padding=(0, 2))
    made.add_column(no_wrap=True, style="dim")
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(Text(name), Text(safe(value)))
    return made
