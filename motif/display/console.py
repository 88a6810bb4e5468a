"""Where output goes: data to stdout, everything said about it to stderr.

On a terminal tables fit its width and may be coloured. On a pipe they are as wide as they need to
be, without colour, so that nothing is cut off before it reaches `grep`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from rich.console import Console
from rich.text import Text

from motif.display.words import safe

PIPE_WIDTH: Final = 4096
"""Columns where no terminal limits them and `COLUMNS` says nothing."""

Progress = Callable[[str, int, int], None]

_DOING: Final = {
    "read": "reading",
    "copy": "copying",
    "learn": "learning",
    "federate": "summing up",
    "project": "making tables",
}


class Output(Console):
    """A console that lets its caller see that the reader has gone."""

    def on_broken_pipe(self) -> NoReturn:
        """Leave it to the front door, which ends quietly."""
        raise BrokenPipeError


def stdout() -> Console:
    """The console for data; made anew, since tests put another stdout in place."""
    return _console(stderr=False)


def stderr() -> Console:
    """The console for messages."""
    return _console(stderr=True)


def say(sentence: str) -> None:
    """Say something beside the data, on stderr."""
    stderr().print(Text(safe(sentence), style="dim"), soft_wrap=True)


def warn(sentence: str) -> None:
    """Say on stderr what may need attention."""
    stderr().print(Text(f"Note: {safe(sentence)}", style="yellow"), soft_wrap=True)


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Shows what is being done while it is done; None where stderr is no terminal."""
    console = stderr()
    if not console.is_terminal:
        yield None
        return
    with console.status("starting", spinner_style="dim") as status:
        most: dict[str, int] = {}

        def tell(doing: str, done: int, of: int) -> None:
            what = _DOING.get(doing, doing)
            # Learning goes round by round; a number that fell would look like work undone.
            most[doing] = done = max(done, most.get(doing, 0))
            number = f" {done:,} of {of:,}" if of else f" {done:,}" if done else ""
            status.update(f"{what}{number}")

        yield tell


def _console(*, stderr: bool) -> Console:
    file = sys.stderr if stderr else sys.stdout
    console = Output(file=file, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console
