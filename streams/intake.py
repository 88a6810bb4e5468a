"""From records to verdicts: a new event, a repeat, or refused with its reason."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, cast

import msgspec

from schemas.envelope import Event, decode
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.ids import id_hash, letter_id, partition_of
from schemas.log import Record
from schemas.quick import stated
from streams.dedupe import Seen

_SORTED = msgspec.json.Encoder(order="sorted")
_NO_CONTENT = bytes(8)


class Verdict(NamedTuple):
    """What a record is: `event` where it is new, `refused` where it is none, else a repeat."""

    record: Record
    identity: bytes
    event: Event | None
    refused: Refused | None
    repeat: bool = False
    conflicting: bool = False


_Read = tuple[bytes, bytes, Event | None, Refused | None]
"""The id hash and the content hash of a record, with its event or why it holds none."""


def examine(records: Sequence[Record], seen: Seen, partitions: int) -> tuple[list[Verdict], bytes]:
    """A verdict for every record, and the ids to add to `seen`, packed."""
    read = [_read(record, partitions) for record in records]
    known = seen.lookup([one[0] for one in read])
    fresh: dict[bytes, bytes] = {}
    verdicts = []
    for record, (identity, content, event, refused), before in zip(
        records, read, known, strict=True
    ):
        earlier = before if before is not None else fresh.get(identity)
        if earlier is None:
            fresh[identity] = content
            verdicts.append(Verdict(record, identity, event, refused))
        else:
            same = earlier in (content, _NO_CONTENT)  # of what was forgotten nobody knows
            verdicts.append(
                Verdict(record, identity, None, refused, repeat=True, conflicting=not same)
            )
    return verdicts, b"".join([identity + content for identity, content in fresh.items()])


def forgotten(event: Event) -> EventForgotten:
    """What stands in the place of an event that was erased."""
    return cast("EventForgotten", event.data)


def content_hash(event: Event, key: bytes) -> bytes:
    """8 bytes that stand for what an event says: type, time, subject, key and known fields.

    Fields count in the order they are declared, unknown ones at the end not at all: a field that a
    later version adds at the end changes nothing for the facts that do not state it.
    """
    return _content(event, key.decode())


def placed(record: Record, partitions: int, *, twins: bool = True) -> tuple[Event, bytes]:
    """The event of a record that stands where it belongs, perhaps with a twin, and its key.

    Raises:
        Refused: it holds none, or stands elsewhere; the reason says why.
    """
    event = decode(record, twins=twins)
    return event, _key_here(record, event, partitions).encode()


def _read(record: Record, partitions: int) -> _Read:
    try:
        event = decode(record, twins=True)
        key = _key_here(record, event, partitions)
    except Refused as refused:
        identity = bytes.fromhex(letter_id(record.topic, record.value or b"", record.headers))
        return identity, _NO_CONTENT, None, refused
    if event.data.type == EventForgotten.type:
        return bytes.fromhex(forgotten(event).event), _NO_CONTENT, event, None
    return id_hash(event.source, event.id), _content(event, key), event, None


def _key_here(record: Record, event: Event, partitions: int) -> str:
    """The key of an event that stands where it belongs."""
    data = event.data
    key = data.partition_key()
    if data.type == EventForgotten.type:
        if forgotten(event).key % partitions != record.partition:
            raise Refused("misplaced", "it stands in a partition that its key does not name")
        return key
    if data.topic.name != record.topic:
        detail = f"{event.type} belongs on {event.topic}, not on {record.topic}"
        raise Refused("misplaced", detail)
    right = partition_of(key.encode(), partitions)
    if right != record.partition:
        detail = f"it stands in partition {record.partition}, its key names partition {right}"
        raise Refused("misplaced", detail)
    return key


def _content(event: Event, key: str) -> bytes:
    data = event.data
    known = stated(data)
    last = len(known)
    while last and known[last - 1] is None:
        last -= 1
    said = _SORTED.encode((data.type, event.time_us, event.subject, key, known[:last]))
    return blake2b(said, digest_size=8).digest()
