"""Forgetting a session or a user: the log is copied without them, and the copy takes its place.

Where an event about them stood, its name is kept as a hash, so that the same that is imported again
adds nothing; all else of it is gone, from the log, the letters, the tables and what was learned.
The copy is another log of the same site: what sites were told of the old one is withdrawn.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from json import dumps
from typing import Final

from schemas.envelope import Event, decode, to_binary
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.forgotten import thing_hash
from schemas.ids import id_hash, key_hash
from schemas.letters import event_of
from schemas.log import Log, Outgoing, Record, records_in
from schemas.topics import INPUT_TOPICS, places
from streams.identity import SOURCE

CHUNK: Final = 4_096
"""Records read at once."""

_DEPTH: Final = 3
"""A record in a document in a text: deeper nothing is looked for."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Whom to forget: a session, or a user; just one of them."""

    session_id: str | None = None
    user_id: str | None = None

    @property
    def name(self) -> str:
        """The id itself."""
        return self.session_id or self.user_id or ""

    @property
    def what(self) -> str:
        """What kind of id it is."""
        return "session" if self.session_id else "user"

    @property
    def digest(self) -> str:
        """What stands for them where their id must not stand."""
        said = f"{self.session_id}\0{self.user_id}".encode()
        return blake2b(said, digest_size=16).hexdigest()

    def concerns(self, event: Event) -> bool:
        """Whether an event is about them."""
        if self.session_id:
            return getattr(event.data, "session_id", None) == self.name
        data = event.data
        return self.name in {getattr(data, "user_id", None), getattr(data, "reviewed_by", None)}

    def things_in(self, log: Log) -> frozenset[bytes]:
        """The things of which some statement is about them: all others of these go as well.

        A later statement need not repeat the name, and would bring back what the first one said.
        """
        found: set[bytes] = set()
        for place in places(INPUT_TOPICS, log.partitions):
            for record in records_in(log, *place, CHUNK):
                with suppress(Refused):
                    event = decode(record)
                    if self.concerns(event) and _has_statements(event):
                        found.add(thing_hash(event))
        return frozenset(found)

    def is_named_in(self, letter: Record) -> bool:
        """Whether refused bytes are about them, or hold their id as a JSON text."""
        try:
            if self.concerns(event_of(letter)):
                return True
        except (Refused, ValueError):
            pass
        texts = [letter.value or b"", *(content for _, content in letter.headers)]
        if self.name.encode() in {letter.key, dict(letter.headers).get("key")}:
            return True
        return any(quote in text for quote in _quoted(self.name) for text in texts)


def _has_statements(event: Event) -> bool:
    """Whether other events may be about the same thing."""
    return event.revision is not None or getattr(event.data, "run_id", None) is not None


def _quoted(name: str) -> Iterator[bytes]:
    """The name as a JSON text, and as one within a JSON text, as deep as records are nested."""
    for ascii_only in (False, True):
        text = dumps(name, ensure_ascii=ascii_only)
        for _ in range(_DEPTH):
            yield text.encode(errors="surrogatepass")
            text = dumps(text, ensure_ascii=ascii_only)[1:-1]


def forgotten_record(record: Record, event: Event, key: bytes, partitions: int) -> Outgoing:
    """What stands in the place of an event that is forgotten."""
    data = EventForgotten(
        event=id_hash(event.source, event.id).hex(),
        thing=thing_hash(event).hex(),
        key=key_hash(key),
    )
    return _placed(record, Event(SOURCE, f"forgotten/{data.event}", data), data, partitions)


def forgotten_again(record: Record, event: Event, partitions: int) -> Outgoing:
    """The same in another log, or another number of partitions."""
    data = EventForgotten(
        event=event.data.event,  # type: ignore[attr-defined]  # of this type, or its twin
        thing=event.data.thing,  # type: ignore[attr-defined]  # as above
        key=event.data.key,  # type: ignore[attr-defined]  # as above
    )
    return _placed(record, Event(SOURCE, event.id, data), data, partitions)


def _placed(record: Record, event: Event, data: EventForgotten, partitions: int) -> Outgoing:
    headers, value = to_binary(event)
    return Outgoing(record.topic, data.key % partitions, None, value, headers)
