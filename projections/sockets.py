"""Where the socket of a folder's projection is: in the folder, or elsewhere when its path is long.

The path of a Unix socket may have about a hundred bytes. In a folder with a longer path a file says
where the socket is instead, in a private temporary folder.
"""

import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final

from schemas.errors import LogUnavailable

NAME: Final = "projection.sock"
ELSEWHERE: Final = "projection.sock.at"
PATH_MAX: Final = 100
"""Bytes of a path that every system takes: Linux has 107, macOS 103."""

_BACKLOG: Final = 64


def socket_of(folder: Path) -> Path:
    """Where the socket of this folder's projection is, if there is one."""
    elsewhere = folder / ELSEWHERE
    try:
        return Path(elsewhere.read_text("utf-8").strip())
    except OSError:
        return folder / NAME


def listening(folder: Path) -> socket.socket:
    """A socket that listens, for this user only; one that was left over is taken away.

    Only the one process that holds the folder's projection may call this.
    """
    remove(folder)
    path = folder / NAME
    if len(os.fsencode(path.absolute())) > PATH_MAX:
        path = Path(tempfile.mkdtemp(prefix="motif-")) / NAME
        (folder / ELSEWHERE).write_text(f"{path}\n", "utf-8")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path.absolute()))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"the socket {path} cannot be made: {error.strerror}"
        raise LogUnavailable(message) from error
    finally:
        os.umask(before)
    return listener


def remove(folder: Path) -> None:
    """Take the socket away, wherever it is."""
    path = socket_of(folder)
    path.unlink(missing_ok=True)
    if path.parent != folder and path.parent.name.startswith("motif-"):
        shutil.rmtree(path.parent, ignore_errors=True)
    (folder / ELSEWHERE).unlink(missing_ok=True)
