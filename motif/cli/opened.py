"""The node behind a command: opened by the settings, settled with progress, closed at the end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import LogUnavailable, MotifError

if TYPE_CHECKING:
    from motif.asking import Asking
    from motif.node import Node
    from motif.settings import Settings
    from motif.where import Where


def settings() -> "Settings":
    """What the environment says; what it says in vain is told on stderr."""
    from motif.display.console import warn
    from motif.settings import from_environment

    found = from_environment()
    for sentence in found.warnings:
        warn(sentence)
    return found


def where_of(data: Path | None, kafka: str | None) -> "tuple[Where, Settings]":
    """What the options and the settings name together."""
    from motif.where import where

    stated = settings()
    return where(data, kafka, stated), stated


@contextmanager
def asking(data: Path | None, kafka: str | None) -> Iterator["Asking"]:
    """Whoever answers about a folder: the projector that runs there, else a node of our own."""
    from motif.asking import Asked
    from motif.projecting import projector_of

    where, stated = where_of(data, kafka)
    running = projector_of(where.folder)
    if running is not None:
        with Asked(where.folder, running) as asked:
            yield asked
        return
    with opened_at(where, stated) as node:
        yield node


@contextmanager
def opened(
    data: Path | None,
    kafka: str | None,
    *,
    make: bool = False,
    label: str | None = None,
    settle: bool = True,
) -> Iterator["Node"]:
    """The node of the folder, made when `make` says so; its notices are told at the end.

    Raises:
        MotifError: nothing was ever recorded in the folder, and `make` is not said.
    """
    where, stated = where_of(data, kafka)
    with opened_at(where, stated, make=make, label=label, settle=settle) as node:
        yield node


@contextmanager
def opened_at(
    where: "Where",
    stated: "Settings",
    *,
    make: bool = False,
    label: str | None = None,
    settle: bool = True,
) -> Iterator["Node"]:
    """The node of a place that was made out before, as `opened` gives it."""
    from motif.display.console import progress, warn

    # What is logged is among the node's notices too, where it becomes a sentence.
    logging.getLogger("projections").addHandler(logging.NullHandler())
    if where.kafka is not None:
        from motif.opening import open_following

        node: Node = open_following(where)
    else:
        node = _embedded(where, stated, make=make, label=label)
    with node:
        try:
            if settle:
                with progress() as tell:
                    node.settle(tell)
            yield node
        finally:
            for notice in node.notices:
                warn(notice)


def _embedded(where: "Where", stated: "Settings", *, make: bool, label: str | None) -> "Node":
    import motif
    from connectors.logs import sqlite_file
    from motif.projecting import projector_of

    folder = where.folder
    new = not sqlite_file.exists(folder)
    running = projector_of(folder) if new else None
    if running is not None:
        raise LogUnavailable(
            f"{folder} holds the tables of a log that is elsewhere, which process {running} keeps "
            "up to date; name that log by --kafka"
        )
    if new and not make:
        message = (
            f"nothing is recorded in {folder} yet; 'motif import --list' says what can be "
            "imported, or name another folder by --data"
        )
        raise MotifError(message)
    return motif.open(
        folder,
        partitions=stated.partitions if new else None,
        label=label or stated.label,
        mcp_servers=stated.mcp_servers,
    )
