"""SQLite databases of other programs: opened to read, whole or not at all, and left as they are.

SQLite fills up with zeros what is missing of a last page, and would give rows of nothing for it.
A database with a log beside it that nobody has open (`-wal` without `-shm`) is read from a copy,
and one at rest as a file that does not change: in both cases SQLite would leave files beside it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

from connectors.contract import Report
from schemas.errors import SourceUnreadable

BUSY_S: Final = 5.0
"""How long to wait for somebody who writes."""

MAGIC: Final = b"SQLite format 3\0"
"""How such a file begins."""

_LOG, _INDEX, _JOURNAL = "-wal", "-shm", "-journal"
_WRITTEN_BY_LOG: Final = 2
_HEAD: Final = 20
_LOG_HEAD, _FRAME_HEAD = 32, 24
_LOCKED: Final = 1 << 30
"""The byte of whose page SQLite keeps nothing, nor is it ever logged."""

_State = dict[str, tuple[int, int]]
"""Size and time of change of a database, and of what lies beside it, by what its name ends with."""


class SourceBusy(SourceUnreadable):
    """Somebody else writes it just now; another time it can be read."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A database, open to read as it is at one moment.

    Raises:
        SourceUnreadable: it is none, damaged, or cut short.
        SourceBusy: it is locked, or was changed while it was read.
    """
    try:
        with ExitStack() as held:
            place = path.resolve()
            before = _state(place)
            is_apart = _LOG in before and _INDEX not in before and before[_LOG][0] > 0
            is_still = not is_apart and _is_at_rest(place, before)
            if is_apart:
                folder = held.enter_context(TemporaryDirectory(prefix="motif-"))
                for suffix in ("", _LOG):
                    copyfile(f"{place}{suffix}", Path(folder, f"copy{suffix}"))
                _check_same(path, before)
                place = Path(folder, "copy")
            database = held.enter_context(closing(_opened(place, is_still=is_still)))
            _check_whole(database, path, place)
            yield database
            if is_still:
                _check_same(path, before)
    except (sqlite3.Error, OverflowError, OSError) as error:
        if isinstance(error, sqlite3.Error) and {"locked", "busy"} & set(str(error).split()):
            message = f"{path} is locked by another program for more than {BUSY_S:.0f} s"
            raise SourceBusy(f"{message}; try again later") from error
        raise SourceUnreadable(f"{path} cannot be read as a SQLite database: {error}") from error


@contextmanager
def tolerant(path: Path, files: Sequence[Path], report: Report) -> Iterator[None]:
    """Read a file among others: one that cannot be read is told, and the others are read.

    Raises:
        SourceUnreadable: there are no others.
    """
    try:
        yield
    except SourceUnreadable as error:
        why, busy = str(error).removeprefix(f"{path} "), isinstance(error, SourceBusy)
        report.cannot_read(path, why, busy=busy)
        if len(files) == 1:
            raise


def _state(place: Path) -> _State:
    found = {}
    for suffix in ("", _LOG, _INDEX, _JOURNAL):
        try:
            said = Path(f"{place}{suffix}").stat()
        except OSError:
            continue
        found[suffix] = (said.st_size, said.st_mtime_ns)
    return found


def _is_at_rest(place: Path, state: _State) -> bool:
    """Whether it is a database with a log, and nobody has it open: the log would be there."""
    if _INDEX in state or _JOURNAL in state or state.get(_LOG, (0, 0))[0] or not place.is_file():
        return False
    with place.open("rb") as file:
        head = file.read(_HEAD)
    return head.startswith(MAGIC) and head[-1] == _WRITTEN_BY_LOG


def _opened(place: Path, *, is_still: bool) -> sqlite3.Connection:
    """A connection that sees one moment, and writes nothing."""
    where = f"file:{quote(bytes(place))}?mode=ro{'&immutable=1' if is_still else ''}"
    database = sqlite3.connect(where, uri=True, timeout=BUSY_S, isolation_level=None)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.execute("PRAGMA query_only = 1")
    database.execute("BEGIN")
    return database


def _check_same(path: Path, before: _State) -> None:
    if _state(path.resolve()) != before:
        message = f"{path} was changed by another program while it was read; try again later"
        raise SourceBusy(message)


def _check_whole(database: sqlite3.Connection, path: Path, place: Path) -> None:
    """Refuse a file that lacks pages, or a part of one, which its log does not hold either."""
    [size] = database.execute("PRAGMA page_size").fetchone()
    [pages] = database.execute("PRAGMA page_count").fetchone()
    there = place.stat().st_size
    missing = set(range(there // size + 1, pages + 1)) - {_LOCKED // size + 1}
    logged = _logged(Path(f"{place}{_LOG}"), size) if missing else set()
    if not missing <= logged:
        message = f"it is truncated: {there:,} of {pages * size:,} bytes are there"
        raise SourceUnreadable(f"{path} cannot be read as a SQLite database: {message}")


def _logged(log: Path, size: int) -> set[int]:
    """The pages that a log holds since it was begun anew."""
    pages = set()
    try:
        with log.open("rb") as file:
            salt = file.read(_LOG_HEAD)[16:24]
            while len(frame := file.read(_FRAME_HEAD)) == _FRAME_HEAD and frame[8:16] == salt:
                pages.add(int.from_bytes(frame[:4], "big"))
                file.seek(size, 1)
    except FileNotFoundError:
        pass
    return pages
