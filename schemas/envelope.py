"""CloudEvents 1.0: the envelope of every fact, in structured and in binary form.

Binary is what the log holds: attributes in `ce_*` headers, `data` as the value. Structured is one
JSON document, as it travels over HTTP and in JSON Lines. Both follow the CloudEvents 1.0.2
specification and its Kafka binding, and are tested against the reference library.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from schemas.errors import Refused
from schemas.events import PAYLOADS
from schemas.fact import Payload
from schemas.ids import partition_of
from schemas.log import Headers, Outgoing, Record
from schemas.payloads import READERS, data_bytes, read_payload
from schemas.times import FIRST_US, LAST_US, moment_us, time_text, time_us

__all__ = [
    "RECORDED",
    "SIZE_MAX",
    "STRUCTURED",
    "Event",
    "check_producer",
    "data_bytes",
    "decode",
    "from_binary",
    "from_structured",
    "outgoing",
    "time_text",
    "time_us",
    "to_binary",
    "to_structured",
]

STRUCTURED = b"application/cloudevents+json"
"""Content type of a record whose value is the whole event."""

SIZE_MAX = 1 << 20
"""Bytes of an event's data, of each attribute and of a structured document; more is refused."""

RECORDED = "ce_recordedtime"
"""Header that says when a record was first appended to a log, where that was another log."""

_NO_EXTENSIONS: Mapping[str, str | int | bool] = MappingProxyType({})
_JSON = msgspec.json.Encoder()
_JSON_CONTENT = b"application/json"
_KNOWN = frozenset(
    [
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "subject",
        "datacontenttype",
        "dataschema",
        "data",
        "data_base64",
        "revision",
        "recordedtime",
        "partitionkey",
    ]
)
_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
_JSON_TYPE = re.compile(
    r"(application|text)/([a-z0-9.-]+\+)?json\s*(;.*)?", re.ASCII | re.IGNORECASE
)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")
_TYPE_HEADERS = {name: ("ce_type", name.encode()) for name in PAYLOADS}
_READERS: Mapping[bytes, Callable[[bytes], Payload]] = {
    name.encode(): reader for name, reader in READERS.items()
}
_TWIN_READERS: Mapping[bytes, Callable[[bytes], Payload]] = {
    name.encode(): reader.twin for name, reader in READERS.items()
}


class Event(msgspec.Struct, frozen=True):
    """An immutable fact: who says it, under which id, what, and when it happened.

    `time_us` is microseconds since the Unix epoch (UTC), None where the source does not know.
    A statement about an amendable thing carries the thing's name as `subject`, its place among the
    statements as `revision`, and both in its id: `subject@revision`. Without a revision it is the
    only statement, about `id` itself.

    Raises:
        Refused: an empty id or source, a time outside the years 1 to 9999, a revision or an
            extension that does not fit.
    """

    source: str
    id: str
    data: Payload
    time_us: int | None = None
    subject: str | None = None
    revision: int | None = None
    recorded_us: int | None = None
    extensions: Mapping[str, str | int | bool] = _NO_EXTENSIONS

    def __post_init__(self) -> None:
        """Hold what the type system cannot."""
        if not self.id or not self.source:
            missing = "id" if self.source else "source"
            raise Refused("not_cloudevent", f"{missing} is empty; it must name the event")
        if self.time_us is not None and not FIRST_US <= self.time_us <= LAST_US:
            raise Refused("bad_time", f"time_us is {self.time_us}; it names no year from 1 to 9999")
        if self.recorded_us is not None and not FIRST_US <= self.recorded_us <= LAST_US:
            raise Refused("bad_time", f"recorded_us is {self.recorded_us}; no year from 1 to 9999")
        if self.revision is not None:
            _check_revision(self)
        if self.extensions:
            _check_extensions(self.extensions)

    @property
    def type(self) -> str:
        """The versioned name of the kind of fact, such as `motif.tool.called.v1`."""
        return self.data.type

    @property
    def topic(self) -> str:
        """The name of the topic the event belongs on."""
        return self.data.topic.name

    @property
    def key(self) -> bytes:
        """The key of its record, a function of the payload."""
        return self.data.partition_key().encode()

    @property
    def thing(self) -> str:
        """What an amendable event is a statement about."""
        return self.id if self.revision is None else self.subject or self.id


def _check_revision(event: Event) -> None:
    if not event.data.amendable:
        raise Refused("bad_revision", f"{event.type} is not amendable; leave out revision")
    if event.revision is None or not 0 <= event.revision < 2**63 - 1:
        raise Refused("bad_revision", f"revision is {event.revision}; it counts from 0")
    if event.subject is None or event.id != f"{event.subject}@{event.revision}":
        expected = f"{event.subject}@{event.revision}"
        raise Refused("bad_revision", f"id is {event.id!r}; with its revision it is {expected!r}")


def _check_extensions(extensions: Mapping[str, str | int | bool]) -> None:
    for name, value in extensions.items():
        named = _EXTENSION_NAME.fullmatch(name) and name not in _KNOWN
        if not named or not isinstance(value, str | int | bool):
            raise Refused(
                "not_cloudevent", f"extension {name[:30]!r} has no name or value CloudEvents allow"
            )


def check_producer(event: Event) -> None:
    """Refuse what only a log states about itself, as every event from elsewhere must be checked.

    Raises:
        Refused: it is of a reserved type.
    """
    if event.data.reserved:
        raise Refused("reserved_type", f"{event.type} is stated by a log about itself only")


def outgoing(event: Event, partitions: int) -> Outgoing:
    """The record of an event, where its key says it belongs."""
    headers, value = to_binary(event)
    data = event.data
    key = data.partition_key().encode()
    return Outgoing(data.topic.name, partition_of(key, partitions), key, value, headers)


def decode(record: Record, *, twins: bool = False) -> Event:
    """The event a record holds, in whichever mode, lifted to today's version.

    With `twins` its data may be a twin (`schemas.quick`), which is read sooner.

    Raises:
        Refused: it holds none; the reason says why.
    """
    value = record.value
    if value is None:
        raise Refused("not_cloudevent", "the record has no value")
    head = dict(record.headers)
    if head.get("content-type") != _JSON_CONTENT and _is_structured(record.headers):
        return _recorded(from_structured(value), head.get(RECORDED))
    return _from_head(head, value, _TWIN_READERS if twins else _READERS)


def to_binary(event: Event) -> tuple[Headers, bytes]:
    """Headers and value of the event in CloudEvents' binary mode."""
    data = event.data
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        _TYPE_HEADERS[data.type],
        ("content-type", _JSON_CONTENT),
    ]
    if event.time_us is not None:
        headers.append(("ce_time", time_text(event.time_us).encode()))
    if event.subject is not None:
        headers.append(("ce_subject", event.subject.encode()))
    if event.revision is not None:
        headers.append(("ce_revision", b"%d" % event.revision))
    if event.recorded_us is not None:
        headers.append((RECORDED, time_text(event.recorded_us).encode()))
    if event.extensions:
        for name, value in event.extensions.items():
            headers.append((f"ce_{name}", _attribute_text(value).encode()))
    return tuple(headers), data_bytes(data)


def from_binary(headers: Headers, value: bytes) -> Event:
    """The event of headers and value in binary mode.

    Raises:
        Refused: an attribute is missing or wrong, or the payload does not validate.
    """
    return _from_head(dict(headers), value, _READERS)


def _from_head(
    head: dict[str, bytes], value: bytes, readers: Mapping[bytes, Callable[[bytes], Payload]]
) -> Event:
    """The short way, for what we write ourselves; whatever is unusual goes the long way."""
    get = head.get
    reader = readers.get(get("ce_type", b""))
    identity, source = get("ce_id"), get("ce_source")
    time, subject, revision = get("ce_time"), get("ce_subject"), get("ce_revision")
    recorded = get(RECORDED)
    usual = 5 + (time is not None) + (subject is not None) + (revision is not None)
    usual += recorded is not None
    if (
        reader is None
        or not identity
        or not source
        or len(head) != usual
        or get("content-type") != _JSON_CONTENT
        or get("ce_specversion") != b"1.0"
        or len(value) + len(identity) + len(source) + len(subject or b"") > SIZE_MAX
    ):
        return _long_way(head, value)
    try:
        return Event(
            source.decode(),
            identity.decode(),
            reader(value),
            None if time is None else moment_us(time),
            None if subject is None else _text("subject", subject.decode()),
            None if revision is None else _revision(revision.decode()),
            None if recorded is None else moment_us(recorded),
        )
    except UnicodeDecodeError:
        return _long_way(head, value)  # which says which header it was


def _long_way(head: dict[str, bytes], value: bytes) -> Event:
    attributes: dict[str, Any] = {}
    for name, content in head.items():
        attribute = name[3:] if name[:3] == "ce_" else ""
        if name.lower() == "content-type":
            attribute = "datacontenttype"
        elif name[:3] != "ce_":
            continue
        if len(content) > SIZE_MAX:
            raise _too_large(f"header {name[:30]} has {len(content)}")
        try:
            attributes[attribute] = content.decode()
        except UnicodeDecodeError as error:
            raise Refused("not_cloudevent", f"header {name[:30]} is not UTF-8: {error}") from error
    if len(value) > SIZE_MAX:
        raise _too_large(f"data has {len(value)}")
    return _event(attributes, value)


def _recorded(event: Event, stated: bytes | None) -> Event:
    """The event, recorded when the log it was copied from says, if that is earlier."""
    if stated is None:
        return event
    recorded_us = time_us(stated.decode("utf-8", "replace"), "recordedtime")
    if event.recorded_us is not None:
        recorded_us = min(recorded_us, event.recorded_us)
    return replace(event, recorded_us=recorded_us)


def _is_structured(headers: Headers) -> bool:
    stated = [content for name, content in headers if name.lower() == "content-type"]
    return any(one.partition(b";")[0].strip().lower() == STRUCTURED for one in stated)


def _too_large(what: str) -> Refused:
    return Refused("too_large", f"{what} bytes; {SIZE_MAX} are the most")


def to_structured(event: Event) -> bytes:
    """The event as one JSON document."""
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "datacontenttype": "application/json",
        "partitionkey": event.data.partition_key(),
    }
    if event.time_us is not None:
        document["time"] = time_text(event.time_us)
    if event.subject is not None:
        document["subject"] = event.subject
    if event.revision is not None:
        document["revision"] = event.revision
    if event.recorded_us is not None:
        document["recordedtime"] = time_text(event.recorded_us)
    document.update(event.extensions)
    document["data"] = msgspec.Raw(data_bytes(event.data))
    return _JSON.encode(document)


class _Data(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")


def from_structured(document: bytes) -> Event:
    """The event of one JSON document.

    Raises:
        Refused: it is no JSON, no CloudEvent, or its data does not validate.
    """
    if len(document) > SIZE_MAX:
        raise _too_large(f"the document has {len(document)}")
    try:
        attributes = msgspec.json.decode(document)
        if not isinstance(attributes, dict):
            raise Refused("not_cloudevent", "the document is no JSON object")
        data = bytes(msgspec.json.decode(document, type=_Data).data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not_json", str(error)[:300]) from error
    if "data_base64" in attributes:
        raise Refused("not_cloudevent", "data_base64 is set; motif's events have JSON data")
    attributes.pop("data", None)
    return _event(attributes, data)


def _event(attributes: dict[str, Any], value: bytes) -> Event:
    if attributes.get("specversion") != "1.0":
        stated = attributes.get("specversion")
        raise Refused("not_cloudevent", f"specversion is {stated!r}; it must be '1.0'")
    for name in ("id", "source", "type"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise Refused("not_cloudevent", f"{name} is missing; it must be a non-empty string")
    content_type = attributes.get("datacontenttype", "application/json")
    if not isinstance(content_type, str) or not _JSON_TYPE.fullmatch(content_type):
        raise Refused("not_cloudevent", f"datacontenttype is {content_type!r}; data must be JSON")
    get = attributes.get
    time, recorded, subject, stated = map(get, ("time", "recordedtime", "subject", "revision"))
    return Event(
        source=attributes["source"],
        id=attributes["id"],
        data=read_payload(attributes["type"], value),
        time_us=None if time is None else time_us(_text("time", time)),
        subject=None if subject is None else _text("subject", subject),
        revision=None if stated is None else _revision(stated),
        recorded_us=None if recorded is None else time_us(_text("recordedtime", recorded)),
        extensions=_extensions(attributes),
    )


def _text(name: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise Refused("not_cloudevent", f"{name} is {value!r:.64}; it must be a non-empty string")


def _revision(stated: object) -> int:
    if isinstance(stated, str) and _WHOLE_NUMBER.fullmatch(stated):
        return int(stated)
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    raise Refused(
        "bad_revision", f"revision is {stated!r:.64}; it must be a whole number from 0 on"
    )


def _extensions(attributes: dict[str, Any]) -> Mapping[str, str | int | bool]:
    kept = {
        name: value
        for name, value in attributes.items()
        if name not in _KNOWN and value is not None
    }
    return MappingProxyType(kept) if kept else _NO_EXTENSIONS


def _attribute_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
