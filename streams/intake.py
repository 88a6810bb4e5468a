"""From records to verdicts: a new event, a repeat, or refused with its reason."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, cast

import msgspec

from schemas.envelope import Event, decode
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.ids import id_hash, letter_id, partition_of, partitions_of
from schemas.log import Record
from schemas.quick import stated
from schemas.tuples import maker
from streams.dedupe import Seen

_SORTED = msgspec.json.Encoder(order="sorted")
_NO_CONTENT = bytes(8)
_begun = blake2b(digest_size=len(_NO_CONTENT)).copy


class Verdict(NamedTuple):
    """What a record is: `event` where it is new, `refused` where it is none, else a repeat."""

    record: Record
    identity: bytes
    event: Event | None
    refused: Refused | None
    repeat: bool = False
    conflicting: bool = False


_verdict = maker(Verdict)

_Read = tuple[bytes, bytes, Event | None, Refused | None]
"""The id hash and the content hash of a record, with its event or why it holds none."""


def examine(records: Sequence[Record], seen: Seen, partitions: int) -> tuple[list[Verdict], bytes]:
    """A verdict for every record, and the ids to add to `seen`, packed."""
    read = _read(records, partitions)
    known = seen.lookup([one[0] for one in read])
    fresh: dict[bytes, bytes] = {}
    verdicts = []
    for record, (identity, content, event, refused), before in zip(
        records, read, known, strict=True
    ):
        earlier = before if before is not None else fresh.get(identity)
        if earlier is None:
            fresh[identity] = content
            verdicts.append(_verdict((record, identity, event, refused, False, False)))
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
    key = event.data.partition_key().encode()
    _check_place(record, event, partition_of(key, partitions), partitions)
    return event, key


def _read(records: Sequence[Record], partitions: int) -> list[_Read]:
    """What each record holds; the partitions of all keys are worked out together."""
    decoded: list[tuple[Event | None, Refused | None]] = []
    for record in records:
        try:
            decoded.append((decode(record, twins=True), None))
        except Refused as refused:
            decoded.append((None, refused))
    keys = [event.data.partition_key() for event, _ in decoded if event is not None]
    places = iter(zip(keys, partitions_of([key.encode() for key in keys], partitions), strict=True))
    read: list[_Read] = []
    for record, (event, error) in zip(records, decoded, strict=True):
        if event is None:
            read.append(_no_event(record, error))
            continue
        key, partition = next(places)
        data = event.data
        is_forgotten = data.type == EventForgotten.type
        if partition != record.partition or data.topic.name != record.topic or is_forgotten:
            try:
                _check_place(record, event, partition, partitions)
            except Refused as misplaced:
                read.append(_no_event(record, misplaced))
                continue
        if is_forgotten:
            read.append((bytes.fromhex(forgotten(event).event), _NO_CONTENT, event, None))
        else:
            read.append((id_hash(event.source, event.id), _content(event, key), event, None))
    return read


def _no_event(record: Record, refused: Refused | None) -> _Read:
    identity = letter_id(record.topic, record.value or b"", record.headers)
    return bytes.fromhex(identity), _NO_CONTENT, None, refused


def _check_place(record: Record, event: Event, right: int, partitions: int) -> None:
    """Refuse an event that does not stand where it belongs: in the partition that is right."""
    data = event.data
    if data.type == EventForgotten.type:
        if forgotten(event).key % partitions != record.partition:
            raise Refused("misplaced", "it stands in a partition that its key does not name")
        return
    if data.topic.name != record.topic:
        detail = f"{event.type} belongs on {event.topic}, not on {record.topic}"
        raise Refused("misplaced", detail)
    if right != record.partition:
        detail = f"it stands in partition {record.partition}, its key names partition {right}"
        raise Refused("misplaced", detail)


def _content(event: Event, key: str) -> bytes:
    data = event.data
    known = stated(data)
    last = len(known)
    while last and known[last - 1] is None:
        last -= 1
    said = _SORTED.encode((data.type, event.time_us, event.subject, key, known[:last]))
    digest = _begun()
    digest.update(said)
    return digest.digest()
