"""Files of lines as others write them: found, read with bounded memory, and given as bytes."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report
from schemas.envelope import time_us
from schemas.errors import Refused, WrongUse

LINE_MAX: Final = 64 << 20
"""Bytes of a line; a longer one is skipped piece by piece and counted as broken."""

NAME_MAX: Final = 512
"""Characters of an id or a name taken from a file; a longer one is no name."""

NOT_JSON: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)
"""What decoding foreign bytes may raise."""

_TIME_MIN: Final = -62_135_596_800_000_000  # year 1
_TIME_END: Final = 253_402_300_800_000_000  # year 10000


def files_under(path: Path, suffixes: Collection[str] = (".jsonl",)) -> list[Path]:
    """The file itself, or the files of a folder with one of these suffixes, recursively, sorted.

    Raises:
        WrongUse: there is nothing at this path.
    """
    if path.is_dir():
        found = (entry for entry in path.rglob("*") if entry.suffix in suffixes)
        return sorted(entry for entry in found if entry.is_file())
    if path.exists():
        return [path]
    raise WrongUse(f"there is nothing at {path}; give a file or a folder that exists")


def finished_lines(path: Path, report: Report) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that end with a newline and are not blank, with their numbers.

    A last line without newline may still be growing: it is counted and left for the next import.
    """
    for number, line in _lines(path, report):
        if line.endswith(b"\n"):
            yield number, line
        else:
            report.unfinished += 1


def documents(path: Path, report: Report) -> Iterator[tuple[int, bytes]]:
    """The numbered lines of a file that are not blank, the last one also without its newline.

    A JSON object says itself where it ends: no beginning of one is another. So a last line that is
    an object is whole, and one that is none may still be growing: it is left, and counted.
    """
    for number, line in _lines(path, report):
        if line.endswith(b"\n") or _is_object(line):
            yield number, line
        else:
            report.unfinished += 1


def content_of(path: Path, limit: int, report: Report) -> bytes | None:
    """All of a file, counted; None where it cannot be read, or is larger than `limit` bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        report.cannot_read(path, unread(error))
        return None
    report.files += 1
    if len(content) > limit:
        report.broke(path, f"holds more than {limit:,} bytes")
        return None
    return content


def unread(error: OSError) -> str:
    """Why the system does not read a file, to go behind its name.

    >>> unread(PermissionError(13, "Permission denied", "a.json"))
    'cannot be read: Permission denied'
    """
    return f"cannot be read: {error.strerror or error}"


def wrong_with(error: Exception) -> str:
    """What a line or a file is where decoding it raised this, to go behind its name.

    >>> wrong_with(ValueError("no digits"))
    'is no JSON: no digits'
    """
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    elif isinstance(error, Refused):
        detail = error.detail
    elif isinstance(error, msgspec.ValidationError):
        detail = str(error)
    else:
        return f"is no JSON: {error}"[:300]
    return f"is no record of this format: {detail}"[:300]


def whole_number(value: Any) -> int | None:
    """The value if it is a count that events can hold, else None; True is no number, 5.0 is 5."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if is_count else None


def name_of(value: Any) -> str | None:
    """The value if it is a name or an id: text, not empty, not endless."""
    return value if isinstance(value, str) and 0 < len(value) <= NAME_MAX else None


def moment_of(value: Any) -> int | None:
    """Microseconds of an RFC 3339 text with its offset; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        microseconds = time_us(value)
    except (Refused, OverflowError):
        return None
    return microseconds if _TIME_MIN <= microseconds < _TIME_END else None


def moment_of_seconds(value: Any) -> int | None:
    """Microseconds of seconds since the Unix epoch; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if not _TIME_MIN <= value * 1_000_000 < _TIME_END:
        return None
    return value * 1_000_000 if isinstance(value, int) else round(value * 1_000_000)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except NOT_JSON:
        return False


def _lines(path: Path, report: Report) -> Iterator[tuple[int, bytes]]:
    """Every line that is not blank, with its number and its newline if it has one, counted."""
    try:
        file = path.open("rb")
    except OSError as error:
        report.cannot_read(path, unread(error))
        return
    report.files += 1
    number = 0
    with file:
        while line := _next_line(file, path, report):
            report.lines += 1
            number += 1
            if len(line) == LINE_MAX and not line.endswith(b"\n"):
                report.broke(path, f"has more than {LINE_MAX:,} bytes", number)
                while (piece := _next_line(file, path, report)) and not piece.endswith(b"\n"):
                    continue
            elif line.strip():
                yield number, line


def _next_line(file: BufferedReader, path: Path, report: Report) -> bytes:
    """The next line, or its next piece; nothing at the end, or where the disk gives no more."""
    try:
        return file.readline(LINE_MAX)
    except OSError as error:
        report.cannot_read(path, unread(error))
        return b""
