"""Agent records saved, loaded and queried as the storage of MoAI-Flow does, over a node's log.

    with PatternStorage(base_path=".moai/patterns") as storage:
        storage.save(pattern)
        storage.query(tags=["backend"], limit=20)

A record is known by its type and id: saved again it replaces what was saved before, whatever time
it states now, and what was said before stays in the log. Everything that is saved is learned from.
What was imported with `motif import moai` is found as well.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from connectors.contract import Report
from connectors.sources.moai_records import SOURCE, Reader, record_of
from motif.node import Node
from motif.opening import open_node
from motif.records import PatternType
from projections.agent_records import Found, Wanted, find
from schemas.closing import Closing
from schemas.envelope import decode
from schemas.errors import Refused
from schemas.validation import validate_pattern

BACKENDS: Final = ("filesystem", "sqlite")
"""Backends that may be named; both are a node's log."""

LIMIT: Final = 100
"""Records a query gives where nobody says how many."""

_ALL: Final = 1 << 62


class PatternStorage(Closing):
    """Saves agent records in a node's log, and finds them again.

    >>> from tempfile import TemporaryDirectory
    >>> usage = {"agent_type": "a", "task_type": "t", "success": True, "duration_ms": 5}
    >>> said = {"pattern_id": "p-1", "pattern_type": "agent_usage", "data": usage}
    >>> with TemporaryDirectory() as folder, PatternStorage(base_path=folder) as storage:
    ...     storage.save({**said, "timestamp": "2025-11-29T10:00:00"})
    ...     storage.load("p-1")["data"]["duration_ms"], storage.load("p-2")
    True
    (5, None)
    """

    def __init__(
        self,
        backend: str = "filesystem",
        base_path: str | Path = ".moai/patterns",
        compression_threshold_days: int = 30,
        retention_days: int = 90,
        *,
        node: Node | None = None,
    ) -> None:
        """Open the node of a folder, made where there is none; or use one that is open.

        Args:
            backend: `filesystem`, whose folder is `base_path`, or `sqlite`, which adds `.db`.
            base_path: where the node is.
            compression_threshold_days: how old is old for `compress_old_files`.
            retention_days: how old is old for `delete_old_patterns`; nothing expires unasked.
            node: an open node to use instead of a folder's own; it is not closed.

        Raises:
            ValueError: there is no such backend.
        """
        if backend not in BACKENDS:
            raise ValueError(f"backend is {backend!r}; it must be one of {', '.join(BACKENDS)}")
        self.backend = backend
        self.base_path = Path(base_path)
        self.compression_threshold_days = compression_threshold_days
        self.retention_days = retention_days
        folder = self.base_path if backend == "filesystem" else Path(f"{base_path}.db")
        self.node = open_node(folder) if node is None else node
        self._owned = node is None
        self._things: dict[tuple[str, str], str] | None = None

    def save(self, pattern: dict[str, Any]) -> bool:
        """Save a record, in place of one of its type with its id; durable when it returns True.

        Raises:
            ValueError: it is no valid record; the message names each field that is wrong.
        """
        validity = validate_pattern(pattern)
        if not validity:
            reasons = "; ".join(map(str, validity.reasons))
            raise ValueError(f"Invalid pattern schema: {reasons}")
        record = {name: value for name, value in pattern.items() if name != "updated_at"}
        try:
            stated = Reader().stated(record, Report())
        except Refused as refused:
            raise ValueError(f"Invalid pattern schema: {refused.detail}") from refused
        known = self._known()
        name = (str(pattern["pattern_type"]), pattern["pattern_id"])
        thing = known.setdefault(name, stated.event.id)
        data = stated.event.data.model_copy(update={"record_id": thing})
        named = replace(stated.event, id=thing, data=data)
        with self.node.stating(SOURCE) as statements:
            event, is_known = statements.numbered(named, newest=True)
            if is_known and not self._found(Wanted(SOURCE, *name), 1):
                event = statements.again(event)  # What it said was pruned: it says it anew.
            self.node.publish(event)
        return True

    def load(self, pattern_id: str) -> dict[str, Any] | None:
        """The record with this id as it is now, the latest where several have it; else None.

        Raises:
            ValueError: the id is no text, so that no record can have it.
        """
        if not isinstance(pattern_id, str):
            raise ValueError(f"pattern_id is {pattern_id!r:.64}; it must be text")
        found = self._found(Wanted(SOURCE, identity=pattern_id), 1)
        return self._record(found[0]) if found else None

    def query(
        self,
        pattern_type: str | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
        limit: int | None = LIMIT,
        tags: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Records, the latest first: of a type, between two times inclusive, with all of the tags.

        A time without an offset is UTC, in a record as in a query, and a day counts whole. Without
        a limit it is all records there are.

        Raises:
            ValueError: there is no such type, the limit is no whole number from 1 on, a time is
                none, or the tags are no list of texts.
        """
        if limit is not None and not _is_limit(limit):
            raise ValueError(f"limit is {limit!r}; it must be 1 or more, or None for all")
        if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags or ()):
            raise ValueError(f"tags is {tags!r:.64}; it must be a list of texts")
        wanted = Wanted(
            SOURCE,
            None if pattern_type is None else str(PatternType(pattern_type)),
            start=_in_utc("start_date", start_date, time.min),
            end=_in_utc("end_date", end_date, time.max),
            tags=tuple(tags or ()),
        )
        return [self._record(found) for found in self._found(wanted, min(limit or _ALL, _ALL))]

    def compress_old_files(self) -> int:
        """Move what is older than `compression_threshold_days` into compressed files; how many.

        All events of the node that are old enough go into its archive, and are found as before.

        Raises:
            LogUnavailable: a full disk, or missing rights; it may be called again.
        """
        return self.node.archive(self.compression_threshold_days).total

    def delete_old_patterns(self, retention_days: int | None = None) -> int:
        """Delete records that are more than so many days old, for good; how many.

        By default these are `retention_days` of the storage. All other events of the node that are
        as old go as well. What they taught stays.

        Raises:
            ValueError: it is no number of days.
            LogUnavailable: a full disk, or missing rights; it may be called again.
        """
        days = self.retention_days if retention_days is None else retention_days
        if type(days) not in {int, float} or not days >= 0:
            raise ValueError(f"retention_days is {days!r}; it must be 0 or more")
        before = len(self._found(Wanted(SOURCE), _ALL))
        self.node.prune(days)
        self._things = None
        return before - len(self._found(Wanted(SOURCE), _ALL))

    def close(self) -> None:
        """Let go of the folder; a node that was given stays open."""
        owned, self._owned = self._owned, False
        if owned:
            self.node.close()

    def _found(self, wanted: Wanted, limit: int) -> list[Found]:
        return self.node.ask(lambda store: find(store, wanted, limit))

    def _known(self) -> dict[tuple[str, str], str]:
        """The names of all records by type and id; read once, then kept."""
        if self._things is None:
            self._things = {}
            for found in self._found(Wanted(SOURCE), _ALL):
                identity = found.subject.split("/", 2)[2]
                self._things.setdefault((found.kind, identity), found.subject)
        return self._things

    def _record(self, found: Found) -> dict[str, Any]:
        [record] = self.node.log.read(found.topic, found.partition, found.offset, 1)
        return record_of(decode(record))


def _is_limit(value: object) -> bool:
    return isinstance(value, int) and value >= 1


def _in_utc(name: str, moment: date | None, of_day: time) -> datetime | None:
    """A moment in UTC; of a day this time."""
    if moment is None:
        return None
    if not isinstance(moment, date):
        message = f"{name} is {moment!r:.64}; it must be a datetime or a date"
        raise ValueError(message)
    if not isinstance(moment, datetime):
        return datetime.combine(moment, of_day, UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
