"""Which statement about a thing comes next: the log is asked what was said of it before.

What an import says of a thing in the words of any earlier statement is that statement again, and so
a repeat, for files of whatever age are imported; anything else is the next one. What a program says
by a call it says now: only the words of the newest statement are a repeat.

Where the source says when it last changed a thing, that is the statement's place, and only what was
said at that place, and at those right behind it, is compared: other words of the same time get the
next free one. The log is read once for each topic; what is numbered here is remembered, so that one
import never numbers two statements alike.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from connectors.contract import LABEL, Item, Unnumbered, Unreadable
from schemas.envelope import Event, decode
from schemas.errors import LogUnavailable, Refused
from schemas.ids import id_hash, partition_of
from schemas.log import Log, Record
from schemas.workflows import WorkflowRunDeleted
from streams.intake import content_hash
from streams.snapshot import Recalled, Snapshot, parts_in, read_snapshot

LET_GO: Final = "letgolabel"
"""Extension attribute: the label whose import holds a thing no more, while another's still does."""

_TRIES: Final = 3
"""How often a snapshot is read that is not whole."""

RECALLED_MAX: Final = 64
"""Of a thing whose events were pruned the latest so many statements are compared."""


@dataclass(slots=True)
class Known:
    """What was said of a thing: the content of each statement by its revision, and the last one.

    `labels` are those of the imports that hold it.
    """

    contents: dict[int, bytes] = field(default_factory=dict)
    last: int = -1
    last_type: str = ""
    labels: frozenset[str] = frozenset()

    @property
    def is_deleted(self) -> bool:
        """Whether the last that was said is that it is gone."""
        return self.last_type == WorkflowRunDeleted.type

    def place(self, content: bytes, first: int | None, *, newest: bool) -> tuple[int, bool]:
        """The revision of a statement, and whether it was made before; perhaps as the newest.

        `first` is the place that its source gives it. What is said after a deletion brings the
        thing back, so it comes behind it.
        """
        if first is None:
            made, free = sorted(self.contents), self.last + 1
        else:
            free = first
            while free in self.contents:
                free += 1
            made = list(range(first, free))
        if self.is_deleted:
            return max(free, self.last + 1), False
        for revision in made[-1:] if newest else reversed(made):
            if self.contents[revision] == content:
                return revision, True
        return free, False

    def take(self, content: bytes, revision: int, event: Event) -> None:
        """Remember a statement."""
        self.contents.setdefault(revision, content)
        if revision >= self.last:
            self.last, self.last_type = revision, event.type
        if self.is_deleted:
            self.labels = frozenset()
        elif event.extensions:
            self.labels = _held(self.labels, *map(event.extensions.get, (LABEL, LET_GO)))

    def remember(self, contents: Iterable[tuple[int, bytes | None]]) -> None:
        """Take what was said at these places, as far as that is known."""
        for revision, content in contents:
            if content is not None:
                self.contents.setdefault(revision, content)

    def holds(self, label: object) -> bool:
        """Whether it is known that this label holds the thing; no label holds nothing."""
        return label is None or label in self.labels


class Statements:
    """What one source has said about things, by the log."""

    def __init__(self, log: Log, source: str) -> None:
        """Bind to a log; nothing is read before it is asked."""
        self._log = log
        self._source = source
        self._mine = source.encode()
        self._positions: dict[tuple[str, int], int] = {}
        self._topics: dict[str, dict[str, Known]] = {}
        self._snapshots: dict[str, dict[int, Recalled]] = {}

    def numbered(self, event: Event, *, newest: bool = False) -> tuple[Event, bool]:
        """The event as a numbered statement, and whether the log holds just that, under its label.

        What comes back in the same words after it was deleted is news. With `newest` the event says
        how the thing is now, so that only the words of the newest statement are none.
        """
        thing = event.thing
        known = self._of(event.topic).setdefault(thing, Known())
        self._recall(event, known)
        content = _content(event)
        revision, is_known = known.place(content, event.revision, newest=newest)
        numbered = replace(event, id=f"{thing}@{revision}", subject=thing, revision=revision)
        is_known = is_known and known.holds(event.extensions.get(LABEL))
        known.take(content, revision, numbered)
        return numbered, is_known

    def again(self, event: Event) -> Event:
        """The same words as the next statement, so that they stand in the log once more."""
        return self._next(event, self._of(event.topic)[event.thing])

    def knows(self, event: Event) -> bool:
        """Whether anything was ever said of the thing that an event is about."""
        known = self._of(event.topic).setdefault(event.thing, Known())
        self._recall(event, known)
        return known.last >= 0

    def gone(self, topic: str, label: str, present: set[str]) -> Iterator[Event]:
        """What to say of the runs that were imported under the label and are not there any more.

        Each is deleted, unless another label holds it: then its newest statement is made again,
        and says that this label has let it go.
        """
        shared = []
        for run_id, known in list(self._of(topic).items()):
            if label not in known.labels or run_id in present:
                continue
            if len(known.labels) > 1:
                shared.append(run_id)
                continue
            data = WorkflowRunDeleted(workflow_id=run_id, run_id=run_id)
            deleted = Event(self._source, run_id, data, extensions={LABEL: label})
            self._recall(deleted, known)
            if not known.is_deleted:
                yield self._next(deleted, known)
        for event in self._newest(topic, shared):
            known = self._topics[topic][event.thing]
            other = min(known.labels - {label})
            said = {**event.extensions, LABEL: other, LET_GO: label}
            repeat = replace(event, extensions=said)
            known.take(_content(event), _place(event), repeat)
            yield repeat

    def _next(self, event: Event, known: Known) -> Event:
        thing, revision = event.thing, known.last + 1
        said = replace(event, id=f"{thing}@{revision}", subject=thing, revision=revision)
        known.take(_content(said), revision, said)
        return said

    def is_pruned(self, topic: str) -> bool:
        """Whether things were stated of which nobody knows under which label."""
        return any(
            self._log.pruned(topic, partition).records for partition in range(self._log.partitions)
        )

    def refresh(self) -> None:
        """Hear what others have said since; done before a series of questions."""
        self._snapshots.clear()
        for topic, things in self._topics.items():
            self._read(topic, things)

    def _of(self, topic: str) -> dict[str, Known]:
        if topic not in self._topics:
            things = self._topics[topic] = {}
            self._read(topic, things)
        return self._topics[topic]

    def _recall(self, event: Event, known: Known) -> None:
        """Take what was said of a thing in records that were pruned.

        The learner knows the last statement, and the content of each by its id. Those that could be
        this event are asked for: where its source gives its place, that one and what follows it.
        """
        snapshot = self._recalled(event.topic).get(partition_of(event.key, self._log.partitions))
        last = None if snapshot is None else snapshot.last(id_hash(self._source, event.thing))
        if snapshot is None or last is None:
            return
        if last.revision > known.last:
            known.last = last.revision
            known.last_type = WorkflowRunDeleted.type if last.is_deleted else event.type
        first = event.revision
        if first is None:
            asked = range(max(0, last.revision + 1 - RECALLED_MAX), last.revision + 1)
            known.remember(zip(asked, self._contents(snapshot, event.thing, asked), strict=True))
            return
        for revision in range(first, first + RECALLED_MAX):
            [content] = self._contents(snapshot, event.thing, [revision])
            known.remember([(revision, content)])
            if content is None:
                return

    def _contents(
        self, snapshot: Recalled, thing: str, revisions: Iterable[int]
    ) -> list[bytes | None]:
        names = [id_hash(self._source, f"{thing}@{revision}") for revision in revisions]
        return snapshot.seen.lookup(names)

    def _recalled(self, topic: str) -> dict[int, Recalled]:
        """What was learned of partitions before some of them was pruned; read once."""
        if topic not in self._snapshots:
            found = self._snapshots[topic] = {}
            for partition in range(self._log.partitions):
                if self._log.pruned(topic, partition).records:
                    snapshot = self._snapshot(topic, partition)
                    if snapshot is not None:
                        found[partition] = Recalled(snapshot)
        return self._snapshots[topic]

    def _snapshot(self, topic: str, partition: int) -> Snapshot | None:
        """What was sealed; None where nothing was, as of a topic that its broker cut.

        Raises:
            LogUnavailable: it is there and not whole, as while another process seals it again.
        """
        for _ in range(_TRIES):
            snapshot = read_snapshot(self._log, topic, partition)
            if snapshot is not None or not parts_in(self._log, topic, partition):
                return snapshot
        message = f"what {topic}/{partition} said before it was pruned is being sealed; try again"
        raise LogUnavailable(message)

    def _newest(self, topic: str, things: Sequence[str]) -> list[Event]:
        """The newest statement about each of these things, read again."""
        found: dict[str, Event] = {}
        wanted = set(things)
        for partition in range(self._log.partitions) if wanted else ():
            place = (topic, partition)
            for records in self._batches(place, self._log.start(*place)):
                for event in filter(None, map(self._event, records)):
                    before = found.get(event.thing)
                    if event.thing in wanted and (before is None or _place(before) < _place(event)):
                        found[event.thing] = event
        return [found[thing] for thing in things if thing in found]

    def _read(self, topic: str, things: dict[str, Known]) -> None:
        for partition in range(self._log.partitions):
            place = (topic, partition)
            offset = self._positions.get(place, self._log.start(*place))
            for records in self._batches(place, offset):
                for event in filter(None, map(self._event, records)):
                    known = things.setdefault(event.thing, Known())
                    known.take(_content(event), _place(event), event)
                self._positions[place] = records[-1].offset + 1

    def _batches(self, place: tuple[str, int], offset: int) -> Iterator[Sequence[Record]]:
        while records := self._log.read(*place, offset, 4_096):
            yield records
            offset = records[-1].offset + 1

    def _event(self, record: Record) -> Event | None:
        """What a record states of a thing, if this source says it."""
        if dict(record.headers).get("ce_source", self._mine) != self._mine:
            return None
        try:
            event = decode(record)
        except Refused:
            return None
        return event if event.source == self._source and event.data.amendable else None


def _place(event: Event) -> int:
    return event.revision or 0


def _content(event: Event) -> bytes:
    """What stands for the words of a statement, without its number."""
    thing = event.thing
    return content_hash(
        event if event.subject == thing else replace(event, subject=thing), event.key
    )


@lru_cache(1 << 10)
def _held(labels: frozenset[str], label: object, let_go: object) -> frozenset[str]:
    """The labels that hold a thing after a statement, the same object for the same labels."""
    return labels.union([label] if isinstance(label, str) else []) - {let_go}


def numbered(
    items: Iterable[Item], statements: Statements, *, only_new: bool = False
) -> Iterator[Event | Unreadable]:
    """The items of a source, each in its place; with `only_new` without those that are known."""
    for item in items:
        if not isinstance(item, Unnumbered):
            yield item
            continue
        event, is_known = statements.numbered(item.event)
        if not (only_new and is_known):
            yield event
