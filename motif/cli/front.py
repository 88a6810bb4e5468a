"""How commands end: with code 0, or with one sentence on stderr and code 1 or 2.

    0    done
    1    failed: what was asked for can be meant, and could not be done
    2    wrong use: what was typed, or what a setting holds, cannot be meant
    130  interrupted from the keyboard

A traceback is for us, never for a user, unless `MOTIF_DEBUG` asks for it.
"""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from schemas.errors import LogHeld, MotifError, WrongUse

FAILED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130

SENTENCE_MAX: Final = 1_000
"""Characters of a sentence; what a user typed may be longer than anybody reads."""

_Wrong: Final = typer.BadParameter.__mro__[1]  # the parser's own error; typer does not name it


class FrontDoor(TyperGroup):
    """The group of all commands, which turns what goes wrong into a sentence and a code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line and exit with its code."""
        del standalone_mode  # the caller of a command line gets a code, however it asks
        _whole_streams()
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            code = _reader_gone()
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001  # the last one who could say what went wrong
            code = explained(error)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; that its reader has gone is seen here, before typer makes it a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise typer.Exit(_reader_gone()) from error


def explained(error: Exception) -> int:
    """Say in one sentence what went wrong; the exit code for it."""
    if isinstance(error, _Wrong):
        if not str(error):  # help was shown, since nothing was asked for
            return WRONG_USE
        complain(_wrong_use(error))
        return WRONG_USE
    if isinstance(error, LogHeld):
        complain(f"{str(error).partition(';')[0]}; wait until that process has ended, or stop it")
        return FAILED
    if isinstance(error, MotifError):
        complain(str(error))
        return WRONG_USE if isinstance(error, WrongUse) else FAILED
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else "output: "
        full = "; make room on that disk" if error.errno == errno.ENOSPC else ""
        complain(f"{where}{error.strerror}{full}")
        return FAILED
    if os.environ.get("MOTIF_DEBUG", "0") not in {"", "0"}:
        traceback.print_exception(error)
        return FAILED
    what = " ".join(str(error).split()) or "no more is known"
    complain(
        f"an error that Motif did not expect: {type(error).__name__}: {what}; "
        "set MOTIF_DEBUG=1 to see where it happened, and report it"
    )
    return FAILED


def complain(sentence: str) -> None:
    """One sentence to stderr, with nothing in it that a terminal would obey."""
    from motif.display.words import safe

    shown = sentence if len(sentence) <= SENTENCE_MAX else f"{sentence[:SENTENCE_MAX]}..."
    with suppress(BrokenPipeError):
        print(f"motif: {safe(shown)}", file=sys.stderr)


def _whole_streams() -> None:
    """Streams that can be written to, whatever characters come, also where one was closed."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _wrong_use(error: Any) -> str:
    sentence = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    context = error.ctx
    asked = context.command_path if context else "motif"
    return f"{sentence}; '{asked} --help' says what there is"


def _reader_gone() -> int:
    """Whoever read our output has had enough: nothing failed, and nothing more is written."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
