"""A document as Markdown that reads well on a terminal too: tables are as wide as their cells."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len

from motif.display.document import Document, Grid, Section
from motif.display.words import safe

_MARKUP: Final = re.compile(r"[\\`<\[\]|~&]|(?<!\s)\*|\*(?=\S)|(?<!\w)_+|_+(?!\w)")
"""What would be markup where it stands; a star between blanks, as in templates, is none."""


def markdown(document: Document) -> str:
    """The whole text, with a line end at its end."""
    lines = [f"# {plain(document.title)}", ""]
    for sentence in document.sentences:
        lines += [plain(sentence), ""]
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip() + "\n"


def plain(text: str) -> str:
    r"""A text from outside that Markdown shows as it is, and no terminal obeys.

    >>> print(plain("<b>*x*</b> | a__b _c_ as * is"))
    \<b>\*x\*\</b> \| a__b \_c\_ as * is
    """
    return _MARKUP.sub(lambda found: "".join(f"\\{mark}" for mark in found[0]), safe(text))


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {plain(section.title)}", "")
    for sentence in section.sentences:
        yield from (plain(sentence), "")
    if section.grid is not None and section.grid.rows:
        yield from (*_grid(section.grid), "")
    if section.items:
        yield from (*(f"- {plain(item)}" for item in section.items), "")
    for note in section.notes:
        yield from (plain(note), "")


def _grid(grid: Grid) -> Iterator[str]:
    cells = [[plain(column.head) for column in grid.columns]]
    cells += [[plain(cell) for cell in row] for row in grid.rows]
    widths = [max(3, *(cell_len(row[place]) for row in cells)) for place in range(len(cells[0]))]
    numbers = [column.number for column in grid.columns]
    yield _line(cells[0], widths, numbers)
    rules = zip(widths, numbers, strict=True)
    yield "|" + "|".join(f"-{'-' * width}{':' if right else '-'}" for width, right in rules) + "|"
    for row in cells[1:]:
        yield _line(row, widths, numbers)


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(cells, widths, numbers, strict=True):
        blanks = " " * (width - cell_len(cell))
        padded.append(blanks + cell if right else cell + blanks)
    return f"| {' | '.join(padded)} |"
