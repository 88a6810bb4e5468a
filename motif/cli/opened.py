"""The node behind a command: opened by the settings, settled with progress, closed at the end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import MotifError

if TYPE_CHECKING:
    from motif.node import Node
    from motif.settings import Settings


def settings() -> "Settings":
    """What the environment says; what it says in vain is told on stderr."""
    from motif.display.console import warn
    from motif.settings import from_environment

    found = from_environment()
    for sentence in found.warnings:
        warn(sentence)
    return found


def folder_of(data: Path | None, stated: "Settings") -> Path:
    """The folder a command works in: its option, else the setting, else the platform's place."""
    from motif.opening import default_folder

    return data or stated.data or default_folder()


def holds_a_log(folder: Path) -> bool:
    """Whether something was ever recorded there."""
    from connectors.logs import sqlite_file

    return sqlite_file.exists(folder)


@contextmanager
def opened(
    data: Path | None, *, make: bool = False, label: str | None = None, settle: bool = True
) -> Iterator["Node"]:
    """The node of the folder, made when `make` says so; its notices are told at the end.

    Raises:
        MotifError: nothing was ever recorded in the folder, and `make` is not said.
    """
    import motif
    from motif.display.console import progress, warn

    # What is logged is among the node's notices too, where it becomes a sentence.
    logging.getLogger("projections").addHandler(logging.NullHandler())
    stated = settings()
    folder = folder_of(data, stated)
    new = not holds_a_log(folder)
    if new and not make:
        message = (
            f"nothing is recorded in {folder} yet; 'motif import --list' says what can be "
            "imported, or name another folder by --data"
        )
        raise MotifError(message)
    with motif.open(
        folder,
        partitions=stated.partitions if new else None,
        label=label or stated.label,
        mcp_servers=stated.mcp_servers,
    ) as node:
        try:
            if settle:
                with progress() as tell:
                    node.settle(tell)
            yield node
        finally:
            for notice in node.notices:
                warn(notice)
