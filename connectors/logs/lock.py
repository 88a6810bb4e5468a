"""One process a folder: an exclusive lock that the operating system drops with the process."""

import fcntl
import os
from pathlib import Path
from typing import Final

from schemas.errors import LogHeld, LogUnavailable

LOCK_NAME: Final = "log.lock"


class FolderLock:
    """Held from construction until `release`, and no longer than the process lives.

    `doing` says what its holder does, as in "the log in DIR is being written by process".

    Raises:
        LogHeld: another process has it.
    """

    def __init__(self, folder: Path, name: str, doing: str) -> None:
        try:
            self._file = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise LogUnavailable(f"{folder} cannot be locked: {error}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _said(self._file)
            os.close(self._file)
            raise LogHeld(
                f"{doing} {holder or 'unknown'}; wait until that process has ended, or stop it"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._file)


class WriterLock(FolderLock):
    """The right to write the log of a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, LOCK_NAME, f"the log in {folder} is being written by process")


def holder_of(folder: Path, name: str) -> str | None:
    """The process that holds this lock of a folder; None where nobody does."""
    try:
        file = os.open(folder / name, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _said(file) or "unknown"
    finally:
        os.close(file)
    return None


def _said(file: int) -> str:
    return os.pread(file, 32, 0).decode("ascii", "replace").strip()
