"""What a log forgot, so that it does not come back: names of events and of things, as hashes."""

from collections.abc import Iterable
from typing import Final, cast

from schemas.envelope import Event, decode
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.ids import id_hash
from schemas.log import Log, Record
from schemas.topics import TOPICS

CHUNK: Final = 4_096
"""Records read at once."""


def thing_hash(event: Event) -> bytes:
    """What stands for the thing that an event is about: a run, or what it is a statement of."""
    return id_hash(event.source, getattr(event.data, "run_id", None) or event.thing)


class Forgotten:
    """Hashes of all that stands in some records as forgotten; empty to begin with."""

    def __init__(self) -> None:
        self._events: set[bytes] = set()
        self._things: set[bytes] = set()

    def hear(self, event: Event) -> bool:
        """Remember it where it says that something is forgotten; whether it does."""
        if event.data.type != EventForgotten.type:
            return False
        data = cast("EventForgotten", event.data)
        self._events.add(bytes.fromhex(data.event))
        self._things.add(bytes.fromhex(data.thing))
        return True

    def holds(self, event: Event) -> bool:
        """Whether an event, or what it is about, was forgotten."""
        if not self._events:
            return False
        named = id_hash(event.source, event.id)
        return named in self._events or thing_hash(event) in self._things

    @classmethod
    def of(cls, log: Log) -> "Forgotten":
        """All that a log forgot; every record of its input topics is looked at."""
        found = cls()
        for topic in TOPICS:
            if not topic.input:
                continue
            for partition in range(log.partitions):
                offset = log.start(topic.name, partition)
                while records := log.read(topic.name, partition, offset, CHUNK):
                    offset = records[-1].offset + 1
                    found._hear_all(records)
        return found

    def _hear_all(self, records: Iterable[Record]) -> None:
        marker = EventForgotten.type.encode()
        for record in records:
            if ("ce_type", marker) not in record.headers:
                continue
            try:
                self.hear(decode(record))
            except Refused:
                continue
