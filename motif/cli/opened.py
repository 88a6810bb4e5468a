"""The node behind a command: opened by the settings, settled with progress, closed at the end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import LogUnavailable, MotifError

if TYPE_CHECKING:
    from motif.asking import Asking, AsLeft
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
    """Whoever answers about a folder: the projector that runs there, else a node of our own.

    Where the log cannot be reached, the tables answer as they were left, which is said.
    """
    from motif.asking import Asked, AsLeft
    from motif.projecting import projector_of

    where, stated = where_of(data, kafka)
    running = projector_of(where.folder)
    if running is not None:
        with Asked(where.folder, running) as asked:
            yield asked
        return
    node = _node_or_tables(where, stated)
    with node if isinstance(node, AsLeft) else _tended(node, settle=True) as answering:
        yield answering


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
    node = _node(where, stated, make=make, label=label)
    with _tended(node, settle=settle):
        yield node


def _node_or_tables(where: "Where", stated: "Settings") -> "Node | AsLeft":
    from connectors.logs import sqlite_file
    from motif.asking import as_left
    from motif.display.console import warn

    elsewhere = where.kafka is None and not sqlite_file.exists(where.folder)
    tables = as_left(where.folder) if elsewhere else None
    why = "name their log by --kafka to bring them up to date"
    if tables is None:
        try:
            return _node(where, stated)
        except LogUnavailable as trouble:
            tables, why = as_left(where.folder), str(trouble)
            if tables is None:
                raise
    warn(f"the tables are as they were left: {why}")
    return tables


def _node(
    where: "Where", stated: "Settings", *, make: bool = False, label: str | None = None
) -> "Node":
    # What is logged is among the node's notices too, where it becomes a sentence.
    logging.getLogger("projections").addHandler(logging.NullHandler())
    if where.kafka is None:
        return _embedded(where, stated, make=make, label=label)
    from motif.opening import open_following

    return open_following(where)


@contextmanager
def _tended(node: "Node", *, settle: bool) -> Iterator["Node"]:
    """The node, settled, and closed at the end when what it has to say was said."""
    from motif.display.console import progress, warn

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
    from motif.upkeep import Upkeep

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
        operation_rules=stated.operation_rules,
        amend_days=stated.amend_days,
        # Whoever only asks changes nothing, and does not wait for it either.
        upkeep=Upkeep(stated.archive_after, stated.prune_after) if make else None,
    )
