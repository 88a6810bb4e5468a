"""One writer a folder: an exclusive lock that the operating system drops with the process."""

import fcntl
import os
from pathlib import Path
from typing import Final

from schemas.errors import LogHeld, LogUnavailable

LOCK_NAME: Final = "log.lock"


class WriterLock:
    """Held from construction until `release`, and no longer than the process lives.

    Raises:
        LogHeld: another writer has it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise LogUnavailable(f"the log in {folder} cannot be locked: {error}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise LogHeld(
                f"the log in {folder} is being written by process {holder or 'unknown'}; "
                "wait until that process has ended, or stop it"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._file)
