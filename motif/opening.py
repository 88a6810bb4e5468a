"""Opening an embedded node: its folder, its log, its identity."""

from collections.abc import Iterable
from pathlib import Path

import platformdirs

from connectors.logs.sqlite import SqliteLog
from motif.asking import Asked
from motif.clearing import Receipt, clear
from motif.following import FollowingNode
from motif.node import Node
from motif.projecting import not_founded, projector_of
from motif.settings import from_environment
from motif.upkeep import Upkeep
from motif.where import Where, open_archived
from schemas.errors import LogUnavailable
from streams.identity import change_settings, found, identity_of

PARTITIONS = 4
"""Of every topic of a new embedded log."""


def default_folder() -> Path:
    """`MOTIF_DATA`, else the platform's folder for a user's data.

    Raises:
        WrongUse: a setting holds what it may not.
    """
    return from_environment().data or Path(platformdirs.user_data_dir("motif"))


def open_following(place: Where) -> FollowingNode:
    """Open a node of a log on Kafka, which learns nothing by itself.

    Raises:
        WrongUse: the library for Kafka is not installed.
        LogUnavailable: the cluster does not answer, or the log was not founded.
    """
    assert place.kafka is not None, "it is asked for where there is a cluster"
    running = projector_of(place.folder)
    log = open_archived(place.kafka, place.folder)
    try:
        identity = identity_of(log)
        if identity is None:
            raise LogUnavailable(not_founded(place.log))
        asked = None if running is None else Asked(place.folder, running)
        return FollowingNode(place.folder, log, identity, asked=asked)
    except BaseException:
        log.close()
        raise


def open_node(
    folder: str | Path | None = None,
    *,
    partitions: int | None = None,
    label: str | None = None,
    mcp_servers: Iterable[str] | None = None,
    operation_rules: str | None = None,
    amend_days: int | None = None,
    upkeep: Upkeep | None = None,
) -> Node:
    """Open the embedded node of a folder, made anew where there is none.

    Args:
        folder: where the log and the projection are; by default the user's own folder.
        partitions: of every topic, for a new folder; an existing one must have as many.
        label: the site's name for people, recorded when the log is founded.
        mcp_servers: names of MCP servers that may be shown; a change is recorded in the log and
            everything is learned again under it. None leaves what is recorded.
        operation_rules: rules of your own for operations, as TOML, empty for none; likewise.
        amend_days: how many days after a run finished its source may change what it says of it,
            0 for as long as it likes; likewise.
        upkeep: how old events must be to be archived and pruned, once a day when the node settles;
            None for never.

    Raises:
        LogHeld: another process has the folder open.
        LogIncompatible: another version wrote it, or it has another number of partitions.

    >>> from tempfile import TemporaryDirectory
    >>> from schemas.envelope import Event
    >>> from schemas.events import TaskCompleted
    >>> done = TaskCompleted(agent="coder", task_type="refactor", success=True, duration_us=90)
    >>> with TemporaryDirectory() as folder, open_node(folder, label="laptop") as node:
    ...     event = Event("my-agent", "task-1", done)
    ...     published = [node.publish(event).appended for _ in range(3)]
    ...     published, [(row.title, row.occurrences) for row in node.patterns(kind="task")]
    ([1, 1, 1], [('refactor by coder', 1)])
    """
    place = Path(folder) if folder is not None else default_folder()
    log = SqliteLog.open_or_create(place, partitions=partitions)
    try:
        identity = found(log, label or "")
        cleared = clear(place, identity.log_id)
        identity = change_settings(
            log,
            identity,
            allowed_servers=None if mcp_servers is None else frozenset(mcp_servers),
            operation_rules=operation_rules,
            amend_days=amend_days,
        )
        node = Node(place, log, identity)
        node.upkeep = upkeep
        if cleared is not None:
            node.notices.append(_cleared(cleared))
        return node
    except BaseException:
        log.close()
        raise


def _cleared(receipt: Receipt) -> str:
    return (
        f"a 'motif forget' of {receipt.at}, which was interrupted, is done now: a {receipt.forgot} "
        f"is forgotten with {receipt.events:,} events; typed again it gives its receipt"
    )
