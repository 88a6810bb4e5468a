"""CloudEvents 1.0: the envelope of every fact, in structured and in binary form.

Binary is what the log holds: attributes in `ce_*` headers, `data` as the value. Structured is one
JSON document, as it travels over HTTP and in JSON Lines. Both follow the CloudEvents 1.0.2
specification and its Kafka binding, and are tested against the reference library.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
from pydantic import ValidationError

from schemas.clock import from_us, to_us
from schemas.errors import Refused
from schemas.events import PAYLOADS, Payload
from schemas.ids import partition_of
from schemas.log import Headers, Outgoing, Record
from schemas.upcasts import UPCASTS, upcast

STRUCTURED = b"application/cloudevents+json"
"""Content type of a record whose value is the whole event."""

SIZE_MAX = 1 << 20
"""Bytes of an event; a larger one is refused."""

_NO_EXTENSIONS: Mapping[str, str | int | bool] = MappingProxyType({})
_JSON = msgspec.json.Encoder()
_KNOWN = frozenset(
    "specversion id source type time subject datacontenttype dataschema data data_base64"
    " revision recordedtime partitionkey".split()
)
_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Event:
    """An immutable fact: who says it, under which id, what, and when it happened.

    `time_us` is microseconds since the Unix epoch (UTC), None where the source does not know.
    A statement about an amendable thing carries the thing's name as `subject`, its place among the
    statements as `revision`, and both in its id: `subject@revision`. Without a revision it is the
    only statement, about `id` itself.

    Raises:
        Refused: an empty id or source, or a revision that does not fit.
    """

    source: str
    id: str
    data: Payload
    time_us: int | None = None
    subject: str | None = None
    revision: int | None = None
    recorded_us: int | None = None
    extensions: Mapping[str, str | int | bool] = field(default_factory=lambda: _NO_EXTENSIONS)

    def __post_init__(self) -> None:
        """Hold what the type system cannot."""
        if not self.id or not self.source:
            missing = "id" if self.source else "source"
            raise Refused("not_cloudevent", f"{missing} is empty; it must name the event")
        if self.revision is not None:
            _check_revision(self)

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
    if event.revision is None or not 0 <= event.revision < 2**63:
        raise Refused("bad_revision", f"revision is {event.revision}; it counts from 0")
    if event.subject is None or event.id != f"{event.subject}@{event.revision}":
        expected = f"{event.subject}@{event.revision}"
        raise Refused("bad_revision", f"id is {event.id!r}; with its revision it is {expected!r}")


def outgoing(event: Event, partitions: int) -> Outgoing:
    """The record of an event, where its key says it belongs."""
    headers, value = to_binary(event)
    key = event.key
    return Outgoing(event.topic, partition_of(key, partitions), key, value, headers)


def decode(record: Record) -> Event:
    """The event a record holds, in whichever mode, lifted to today's version.

    Raises:
        Refused: it holds none; the reason says why.
    """
    value = record.value
    if value is None:
        raise Refused("not_cloudevent", "the record has no value")
    if len(value) > SIZE_MAX:
        raise Refused("too_large", f"{len(value)} bytes; an event has at most {SIZE_MAX}")
    for name, content in record.headers:
        if name == "content-type" and content.startswith(STRUCTURED):
            return from_structured(value)
    return from_binary(record.headers, value)


def to_binary(event: Event) -> tuple[Headers, bytes]:
    """Headers and value of the event in CloudEvents' binary mode."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        ("ce_type", event.type.encode()),
        ("content-type", b"application/json"),
    ]
    if event.time_us is not None:
        headers.append(("ce_time", time_text(event.time_us).encode()))
    if event.subject is not None:
        headers.append(("ce_subject", event.subject.encode()))
    if event.revision is not None:
        headers.append(("ce_revision", b"%d" % event.revision))
    if event.recorded_us is not None:
        headers.append(("ce_recordedtime", time_text(event.recorded_us).encode()))
    for name, value in event.extensions.items():
        headers.append((f"ce_{name}", _attribute_text(value).encode()))
    return tuple(headers), data_bytes(event.data)


def from_binary(headers: Headers, value: bytes) -> Event:
    """The event of headers and value in binary mode.

    Raises:
        Refused: an attribute is missing or wrong, or the payload does not validate.
    """
    attributes: dict[str, Any] = {}
    try:
        for name, content in headers:
            if name[:3] == "ce_":
                attributes[name[3:]] = content.decode()
    except UnicodeDecodeError as error:
        raise Refused("not_cloudevent", f"header {name} is not UTF-8: {error}") from error
    return _event(attributes, value)


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
        raise Refused("too_large", f"{len(document)} bytes; an event has at most {SIZE_MAX}")
    try:
        attributes = msgspec.json.decode(document)
        if not isinstance(attributes, dict):
            raise Refused("not_cloudevent", "the document is no JSON object")
        data = bytes(msgspec.json.decode(document, type=_Data).data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not_json", str(error)[:300]) from error
    if "data_base64" in attributes:
        raise Refused("not_cloudevent", "data_base64 is set; motif's events have JSON data")
    attributes.pop("data", None)
    return _event(attributes, data)


def data_bytes(data: Payload) -> bytes:
    """A payload as compact JSON, fields that are not known left out, unknown fields kept."""
    known = {name: value for name, value in data.__dict__.items() if value is not None}
    if data.__pydantic_extra__:
        known.update(data.__pydantic_extra__)
    return _JSON.encode(known)


def time_text(microseconds: int) -> str:
    """RFC 3339 in UTC with six digits.

    >>> time_text(1_000_005)
    '1970-01-01T00:00:01.000005Z'
    """
    return from_us(microseconds).isoformat(timespec="microseconds")[:-6] + "Z"


def time_us(text: str, what: str = "time") -> int:
    """Microseconds since the Unix epoch of an RFC 3339 time with its offset.

    >>> time_us("1970-01-01T01:00:01+01:00")
    1000000

    Raises:
        Refused: it is no time, or has no offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("bad_time", f"{what} is {text[:64]!r}; it must be RFC 3339") from error
    if moment.tzinfo is None:
        raise Refused("bad_time", f"{what} is {text[:64]!r}; it needs an offset, such as Z")
    return to_us(moment)


def _event(attributes: dict[str, Any], value: bytes) -> Event:
    type_name = attributes.get("type")
    if attributes.get("specversion") != "1.0":
        stated = attributes.get("specversion")
        raise Refused("not_cloudevent", f"specversion is {stated!r}; it must be '1.0'")
    for name in ("id", "source", "type"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise Refused("not_cloudevent", f"{name} is missing; it must be a non-empty string")
    content_type = attributes.get("datacontenttype", "application/json")
    if not isinstance(content_type, str) or "json" not in content_type:
        raise Refused("not_cloudevent", f"datacontenttype is {content_type!r}; data must be JSON")
    return Event(
        source=attributes["source"],
        id=attributes["id"],
        data=_payload(str(type_name), value),
        time_us=_optional_time(attributes, "time"),
        subject=_optional_text(attributes, "subject"),
        revision=_optional_revision(attributes),
        recorded_us=_optional_time(attributes, "recordedtime"),
        extensions=_extensions(attributes),
    )


def _payload(type_name: str, value: bytes) -> Payload:
    payload = PAYLOADS.get(type_name)
    try:
        if b"NaN" in value or b"Infinity" in value:
            msgspec.json.decode(value)  # pydantic lets these through where any JSON is allowed
        if payload is not None:
            return payload.__pydantic_validator__.validate_json(value)
        if type_name not in UPCASTS:
            raise _unknown(type_name)
        type_name, data = upcast(type_name, msgspec.json.decode(value, type=dict[str, Any]))
        if type_name not in PAYLOADS:
            raise _unknown(type_name)
        return PAYLOADS[type_name].__pydantic_validator__.validate_json(_JSON.encode(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        reason = "not_json" if first["type"] == "json_invalid" else "invalid_payload"
        where = ".".join(str(part) for part in first["loc"]) or "data"
        raise Refused(reason, f"{where}: {first['msg']}"[:300]) from error
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise Refused("not_json", str(error)[:300]) from error


def _unknown(type_name: str) -> Refused:
    family = type_name.rpartition(".v")[0]
    if any(known.rpartition(".v")[0] == family for known in PAYLOADS):
        return Refused("unknown_version", f"type is {type_name[:100]!r}; no upcast leads from it")
    return Refused("unknown_type", f"type is {type_name[:100]!r}; `motif schema` lists the known")


def _optional_time(attributes: dict[str, Any], name: str) -> int | None:
    text = _optional_text(attributes, name)
    return None if text is None else time_us(text, name)


def _optional_text(attributes: dict[str, Any], name: str) -> str | None:
    text = attributes.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not text:
        raise Refused("not_cloudevent", f"{name} is {text!r}; it must be a non-empty string")
    return text


def _optional_revision(attributes: dict[str, Any]) -> int | None:
    stated = attributes.get("revision")
    if stated is None:
        return None
    if isinstance(stated, str) and stated.isascii() and stated.isdigit() and len(stated) < 20:
        return int(stated)
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    raise Refused("bad_revision", f"revision is {stated!r}; it must be a whole number from 0 on")


def _extensions(attributes: dict[str, Any]) -> Mapping[str, str | int | bool]:
    if attributes.keys() <= _KNOWN:
        return _NO_EXTENSIONS
    kept: dict[str, str | int | bool] = {}
    for name, value in attributes.items():
        if name in _KNOWN or value is None:
            continue
        if not _EXTENSION_NAME.fullmatch(name) or not isinstance(value, str | int | bool):
            raise Refused(
                "not_cloudevent", f"extension {name[:30]!r} has no name or value CloudEvents allow"
            )
        kept[name] = value
    return MappingProxyType(kept)


def _attribute_text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
