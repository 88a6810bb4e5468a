"""Opening an embedded node: its folder, its log, its identity."""

import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from connectors.logs.sqlite import SqliteLog
from motif.node import Node
from streams.identity import allow_servers, found

PARTITIONS = 4
"""Of every topic of a new embedded log."""


def default_folder() -> Path:
    """`MOTIF_DATA`, else the platform's folder for a user's data."""
    stated = os.environ.get("MOTIF_DATA")
    return Path(stated) if stated else Path(platformdirs.user_data_dir("motif"))


def open_node(
    folder: str | Path | None = None,
    *,
    partitions: int | None = None,
    label: str | None = None,
    mcp_servers: Iterable[str] | None = None,
) -> Node:
    """Open the embedded node of a folder, made anew where there is none.

    Args:
        folder: where the log and the projection are; by default the user's own folder.
        partitions: of every topic, for a new folder; an existing one must have as many.
        label: the site's name for people, recorded when the log is founded.
        mcp_servers: names of MCP servers that may be shown; a change is recorded in the log and
            everything is learned again under it. None leaves what is recorded.

    Raises:
        LogHeld: another process has the folder open.
        LogIncompatible: another version wrote it, or it has another number of partitions.
    """
    place = Path(folder) if folder is not None else default_folder()
    log = SqliteLog.open_or_create(place, partitions=partitions)
    try:
        identity = found(log, label or "")
        if mcp_servers is not None:
            identity = allow_servers(log, identity, frozenset(mcp_servers))
        return Node(place, log, identity)
    except BaseException:
        log.close()
        raise
