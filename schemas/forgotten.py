"""What a log forgot, so that it does not come back: names of events and of things, as hashes."""

from contextlib import suppress
from typing import Final, cast

from schemas.envelope import Event, decode
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.ids import id_hash
from schemas.log import Log, records_in
from schemas.topics import INPUT_TOPICS, places

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

    def add(self, event: Event) -> bool:
        """Remember that an event is forgotten; whether it was not yet."""
        named = id_hash(event.source, event.id)
        if named in self._events:
            return False
        self._events.add(named)
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
        marker = ("ce_type", EventForgotten.type.encode())
        for place in places(INPUT_TOPICS, log.partitions):
            for record in records_in(log, *place, CHUNK):
                if marker in record.headers:
                    with suppress(Refused):
                        found.hear(decode(record))
        return found
