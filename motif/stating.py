"""Which statement about a thing comes next: the log is asked what was said of it before.

What an import says of a thing in the words of any earlier statement is that statement again, and so
a repeat, for files of whatever age are imported; anything else is the next one. What a program says
by a call it says now: only the words of the newest statement are a repeat.

Where the source says when it last changed a thing, that is the statement's place, and only what was
said at that place, and at those right behind it, is compared: other words of the same time get the
next free one. The log is read once for each topic; what is numbered here is remembered, so that one
import never numbers two statements alike.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from connectors.contract import LABEL, Item, Unnumbered, Unreadable
from schemas.envelope import Event, decode
from schemas.errors import Refused
from schemas.log import Log, Record
from schemas.workflows import WorkflowRunDeleted
from streams.intake import content_hash


@dataclass(slots=True)
class Known:
    """What was said of a thing: the content of each statement by its revision, and the last one."""

    contents: dict[int, bytes] = field(default_factory=dict)
    last: int = -1
    last_type: str = ""
    label: str | None = None

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
            made, free = list(self.contents), self.last + 1
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
        label = event.extensions.get(LABEL)
        if self.label is None and isinstance(label, str):
            self.label = label


class Statements:
    """What one source has said about things, by the log."""

    def __init__(self, log: Log, source: str) -> None:
        """Bind to a log; nothing is read before it is asked."""
        self._log = log
        self._source = source
        self._mine = source.encode()
        self._positions: dict[tuple[str, int], int] = {}
        self._topics: dict[str, dict[str, Known]] = {}

    def numbered(self, event: Event, *, newest: bool = False) -> tuple[Event, bool]:
        """The event as a numbered statement, and whether the log holds just that already.

        What comes back in the same words after it was deleted is news. With `newest` the event says
        how the thing is now, so that only the words of the newest statement are none.
        """
        thing = event.thing
        known = self._of(event.topic).setdefault(thing, Known())
        content = content_hash(replace(event, subject=thing), event.key)
        revision, is_known = known.place(content, event.revision, newest=newest)
        numbered = replace(event, id=f"{thing}@{revision}", subject=thing, revision=revision)
        known.take(content, revision, numbered)
        return numbered, is_known

    def knows(self, topic: str, thing: str) -> bool:
        """Whether anything was ever said of a thing."""
        known = self._of(topic).get(thing)
        return known is not None and known.last >= 0

    def gone(self, topic: str, label: str, present: set[str]) -> Iterator[Event]:
        """A deletion of every run that was imported under the label and is not there any more."""
        for run_id, known in list(self._of(topic).items()):
            if known.label != label or known.is_deleted or run_id in present:
                continue
            revision = known.last + 1
            deleted = Event(
                self._source,
                f"{run_id}@{revision}",
                WorkflowRunDeleted(workflow_id=run_id, run_id=run_id),
                subject=run_id,
                revision=revision,
                extensions={LABEL: label},
            )
            known.take(content_hash(deleted, deleted.key), revision, deleted)
            yield deleted

    def refresh(self) -> None:
        """Hear what others have said since; done before a series of questions."""
        for topic, things in self._topics.items():
            self._read(topic, things)

    def _of(self, topic: str) -> dict[str, Known]:
        if topic not in self._topics:
            things = self._topics[topic] = {}
            self._read(topic, things)
        return self._topics[topic]

    def _read(self, topic: str, things: dict[str, Known]) -> None:
        for partition in range(self._log.partitions):
            place = (topic, partition)
            offset = self._positions.get(place, self._log.start(*place))
            while records := self._log.read(*place, offset, 4_096):
                offset = records[-1].offset + 1
                for record in records:
                    self._hear(record, things)
            self._positions[place] = offset

    def _hear(self, record: Record, things: dict[str, Known]) -> None:
        if dict(record.headers).get("ce_source", self._mine) != self._mine:
            return
        try:
            event = decode(record)
        except Refused:
            return
        if event.source == self._source and event.data.amendable:
            known = things.setdefault(event.thing, Known())
            known.take(content_hash(event, event.key), event.revision or 0, event)


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
