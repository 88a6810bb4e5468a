"""Dead letters: refused records, byte for byte, with the reason and where they came from."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256

import msgspec

from schemas.envelope import RECORDED, Event, from_binary, from_structured
from schemas.errors import Refused
from schemas.ids import letter_id, partition_of
from schemas.log import Headers, Outgoing, Record
from schemas.times import time_us
from schemas.topics import DEAD_LETTERS

WHOLE_BYTES = 16 << 20
"""A refused record of up to this size is kept byte for byte."""

KEPT_BYTES = 1 << 20
"""How much is kept of a larger one."""

_POSITION = re.compile(rb"/[0-9]+/[0-9]+")


def letter_of(record: Record, refused: Refused, partitions: int) -> Outgoing:
    """The letter of a record that stands in the log.

    It is dated by the append time of the record, so that learning again writes the same letter;
    that of a copied record is the one its header says.
    """
    origin = f"{record.topic}/{record.partition}/{record.offset}"
    return letter(
        record.value or b"",
        refused,
        partitions,
        origin=origin,
        origin_topic=record.topic,
        refused_at_us=_recorded_us(record),
        key=record.key,
        headers=record.headers,
    )


def letter(  # noqa: PLR0913  # A letter is this many facts; all but three go by name.
    value: bytes,
    refused: Refused,
    partitions: int,
    *,
    origin: str,
    origin_topic: str,
    refused_at_us: int,
    key: bytes | None = None,
    headers: Headers = (),
) -> Outgoing:
    """A letter: its value is the refused bytes, everything else is in headers.

    Of more than `WHOLE_BYTES` only the beginning is kept, with the length and the SHA-256 of all.
    """
    identity = letter_id(origin_topic, value, headers)
    kept = [[name, b64encode(content).decode()] for name, content in headers]
    about: list[tuple[str, bytes]] = [
        ("letter_id", identity.encode()),
        ("reason", refused.reason.encode()),
        ("detail", refused.detail.encode("utf-8", "replace")),
        ("origin", origin.encode()),
        ("origin_topic", origin_topic.encode()),
        ("refused_at", str(refused_at_us).encode()),
        ("headers", msgspec.json.encode(kept)),
    ]
    if key is not None:
        about.append(("key", key))
    if len(value) > WHOLE_BYTES:
        about += [
            ("length", b"%d" % len(value)),
            ("sha256", sha256(value).hexdigest().encode()),
        ]
        value = value[:KEPT_BYTES]
    partition = partition_of(identity.encode(), partitions)
    return Outgoing(DEAD_LETTERS.name, partition, identity.encode(), value, tuple(about))


def _recorded_us(record: Record) -> int:
    stated = dict(record.headers).get(RECORDED)
    if stated is None:
        return record.appended_at_us
    try:
        return min(record.appended_at_us, time_us(stated.decode("utf-8", "replace")))
    except Refused:
        return record.appended_at_us


def decision(identity: str, decided: str, partitions: int) -> Outgoing:
    """What was decided about a letter: `retried` or `discarded`."""
    partition = partition_of(identity.encode(), partitions)
    about = (("letter_id", identity.encode()), ("decision", decided.encode()))
    return Outgoing(DEAD_LETTERS.name, partition, identity.encode(), None, about)


def carried(record: Record, log_id: str, partitions: int) -> Outgoing:
    """A letter, or what was decided about one, as it is copied from the log named into another.

    A decision says when it was made.
    """
    key, headers = record.key, record.headers
    if record.value is None and all(name != "decided_at" for name, _ in headers):
        headers = (*headers, ("decided_at", b"%d" % record.appended_at_us))
    partition = record.partition % partitions if key is None else partition_of(key, partitions)
    letter_record = Outgoing(DEAD_LETTERS.name, partition, key, record.value, headers)
    return with_origin_in(letter_record, log_id)


def with_origin_in(letter_record: Outgoing, log_id: str) -> Outgoing:
    """The letter with an origin that is a position of the log named, where it is a position."""
    about = dict(letter_record.headers)
    origin, topic = about.get("origin", b""), about.get("origin_topic", b"")
    if not topic or not _POSITION.fullmatch(origin.removeprefix(topic)):
        return letter_record
    about["origin"] = log_id.encode() + b"/" + origin
    return letter_record._replace(headers=tuple(about.items()))


def event_of(letter_record: Record) -> Event:
    """The event that a letter's bytes are by now, after an upcast or a fix.

    Raises:
        Refused: they are none still, with the reason of today.
    """
    about = dict(letter_record.headers)
    kept = msgspec.json.decode(about.get("headers", b"[]"), type=list[tuple[str, str]])
    headers = tuple((name, b64decode(content)) for name, content in kept)
    value = letter_record.value or b""
    if any(name == "ce_type" for name, _ in headers):
        return from_binary(headers, value)
    return from_structured(value)
