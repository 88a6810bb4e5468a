"""A document as one page of HTML that needs nothing else and runs nothing."""

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from motif.display.document import Document, Grid, Section
from motif.display.words import safe

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .45rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
th { border-bottom-width: 2px; vertical-align: bottom; }
td { max-width: 32rem; min-width: 6rem; overflow-wrap: anywhere; }
.number { text-align: right; }
td.number { min-width: 0; white-space: nowrap; }
.note { opacity: .75; }
"""

_SIGNS: Final = re.compile(r"(?<=[:/_.])(?=[^\W\d_])")
"""Where a name may be broken: behind a sign, before a letter."""

_UNITS: Final = re.compile(r"(?<=\d) ")
"""Blanks that keep a number with its unit."""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def html(document: Document) -> str:
    """The whole page, with a line end at its end."""
    return "\n".join(_page(document)) + "\n"


def _page(document: Document) -> Iterator[str]:
    title = _text(document.title)
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>"
    yield f"<style>{_STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield f"<h1>{title}</h1>"
    for sentence in document.sentences:
        yield f"<p>{_text(sentence)}</p>"
    for section in document.sections:
        yield from _section(section)
    yield "</body>"
    yield "</html>"


def _section(section: Section) -> Iterator[str]:
    yield "<section>"
    yield f"<h2>{_text(section.title)}</h2>"
    for sentence in section.sentences:
        yield f"<p>{_text(sentence)}</p>"
    if section.grid is not None and section.grid.rows:
        yield from _grid(section.grid)
    if section.items:
        yield "<ul>"
        for item in section.items:
            yield f"<li>{_text(item)}</li>"
        yield "</ul>"
    for note in section.notes:
        yield f'<p class="note">{_text(note)}</p>'
    yield "</section>"


def _grid(grid: Grid) -> Iterator[str]:
    kinds = [' class="number"' if column.number else "" for column in grid.columns]
    heads = [
        f'<th scope="col"{kind}>{_UNITS.sub("&nbsp;", _text(column.head))}</th>'
        for kind, column in zip(kinds, grid.columns, strict=True)
    ]
    yield "<div><table>"
    yield f"<thead><tr>{''.join(heads)}</tr></thead>"
    yield "<tbody>"
    for row in grid.rows:
        cells = [f"<td{kind}>{_cell(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)]
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody>"
    yield "</table></div>"


def _cell(text: str) -> str:
    """A text that may be broken at its signs: names are long and have no blanks."""
    return "<wbr>".join(_text(part) for part in _SIGNS.split(text))


def _text(text: str) -> str:
    return escape(safe(text))
