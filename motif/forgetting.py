"""Forgetting a session or a user: the log is copied without them, and the copy takes its place.

Where an event about them stood, its name is kept as a hash, so that the same that is imported again
adds nothing; all else of it is gone, from the log, the letters, the tables and what was learned.
The copy is another log of the same site: what sites were told of the old one is withdrawn.
"""

from dataclasses import dataclass
from hashlib import blake2b
from json import dumps

from schemas.envelope import Event, to_binary
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.ids import id_hash, key_hash
from schemas.letters import event_of
from schemas.log import Outgoing, Record
from streams.identity import SOURCE


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
    def digest(self) -> str:
        """What stands for them where their id must not stand."""
        said = f"{self.session_id}\0{self.user_id}".encode()
        return blake2b(said, digest_size=16).hexdigest()

    def concerns(self, event: Event) -> bool:
        """Whether an event is about them."""
        field = "session_id" if self.session_id else "user_id"
        return getattr(event.data, field, None) == self.name

    def is_named_in(self, letter: Record) -> bool:
        """Whether refused bytes are about them, or hold their id as a JSON text."""
        try:
            if self.concerns(event_of(letter)):
                return True
        except (Refused, ValueError):
            pass
        quoted = dumps(self.name, ensure_ascii=False).encode(), dumps(self.name).encode()
        texts = [letter.value or b"", *(content for _, content in letter.headers)]
        if self.name.encode() in {letter.key, dict(letter.headers).get("key")}:
            return True
        return any(quote in text for quote in quoted for text in texts)


def forgotten_record(record: Record, event: Event, key: bytes, partitions: int) -> Outgoing:
    """What stands in the place of an event that is forgotten."""
    thing = getattr(event.data, "run_id", None) or event.thing
    data = EventForgotten(
        event=id_hash(event.source, event.id).hex(),
        thing=id_hash(event.source, thing).hex(),
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
