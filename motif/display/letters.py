"""Refused records on a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from motif.deadletters import Letter
from motif.display import words
from motif.display.table import facts, table, text
from schemas.clock import from_us

ID_SHOWN = 10
"""Digits of an id in a list: enough to name the letter by."""

BYTES_SHOWN = 2_000
"""Bytes of a refused record that are shown; `--bytes` gives all."""


def listed(letters: Sequence[Letter], *, decided: bool) -> Table:
    """What was refused, why, from where, and how it begins."""
    columns = [text("id"), text("refused"), text("reason"), text("detail"), text("from")]
    columns += [text("decided")] if decided else []
    rows = []
    for one in letters:
        row = [
            one.letter_id[:ID_SHOWN],
            f"{from_us(one.refused_at_us):%Y-%m-%d}",
            one.reason,
            one.detail,
            one.origin,
        ]
        rows.append([*row, one.decided or words.UNKNOWN] if decided else row)
    return table(columns, rows)


def shown(letter: Letter) -> RenderableType:
    """One letter with its bytes as text, as far as they are text."""
    about = facts(
        [
            ("id", letter.letter_id),
            ("reason", letter.reason),
            ("detail", letter.detail),
            ("from", letter.origin),
            ("refused", words.minute_of(from_us(letter.refused_at_us))),
            ("decided", letter.decided or words.UNKNOWN),
            ("size", words.size(len(letter.value))),
        ]
    )
    beginning = letter.value[:BYTES_SHOWN].decode("utf-8", "backslashreplace")
    more = len(letter.value) - BYTES_SHOWN
    parts: list[RenderableType] = [about, "", Text(words.safe(beginning))]
    if more > 0:
        sentence = f"... and {words.plural(more, 'byte')} more; --bytes writes them all."
        parts.append(Text(sentence, style="dim"))
    return Group(*parts)


def outcomes(tried: Sequence[tuple[str, str]]) -> Table:
    """What became of each letter that was tried again."""
    rows = [(name[:ID_SHOWN], outcome) for name, outcome in tried]
    return table([text("id"), text("outcome")], rows)
