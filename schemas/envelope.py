"""CloudEvents 1.0: the envelope of every fact, in structured and in binary form.

Binary is what the log holds: attributes in `ce_*` headers, `data` as the value. Structured is one
JSON document, as it travels over HTTP and in JSON Lines. Both follow the CloudEvents 1.0.2
specification and its Kafka binding, and are tested against the reference library.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from schemas.cloudevent import (
    ATTRIBUTES,
    NO_EXTENSIONS,
    SIZE_MAX,
    Event,
    check_producer,
    revision_of,
    text_of,
)
from schemas.errors import Refused
from schemas.events import PAYLOADS
from schemas.ids import partition_of
from schemas.log import Headers, Outgoing, Record, outgoing_of
from schemas.payloads import data_bytes, read_payload
from schemas.times import time_text, time_us
from schemas.usual import JSON_CONTENT, RECORDED, usual_event

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
    "unplaced",
]

STRUCTURED = b"application/cloudevents+json"
"""Content type of a record whose value is the whole event."""

_JSON = msgspec.json.Encoder()
_JSON_TYPE = re.compile(
    r"(application|text)/([a-z0-9.-]+\+)?json\s*(;.*)?", re.ASCII | re.IGNORECASE
)
_TYPE_HEADERS = {name: ("ce_type", name.encode()) for name in PAYLOADS}


def outgoing(event: Event, partitions: int) -> Outgoing:
    """The record of an event, where its key says it belongs."""
    key = event.data.partition_key().encode()
    return _record(event, partition_of(key, partitions), key)


def unplaced(event: Event) -> Outgoing:
    """The record of an event; its partition is still to be found, perhaps with those of others."""
    return _record(event, 0, event.data.partition_key().encode())


def _record(event: Event, partition: int, key: bytes) -> Outgoing:
    headers, value = to_binary(event)
    return outgoing_of((event.data.topic.name, partition, key, value, headers))


def decode(record: Record, *, twins: bool = False) -> Event:
    """The event a record holds, in whichever mode, lifted to today's version.

    With `twins` its data may be a twin (`schemas.quick`), which is read sooner.

    Raises:
        Refused: it holds none; the reason says why.
    """
    value = record.value
    if value is None:
        raise Refused("not_cloudevent", "the record has no value")
    event = usual_event(record.headers, value, twins=twins)
    if event is not None:
        return event
    head = dict(record.headers)
    if head.get("content-type") != JSON_CONTENT and _is_structured(record.headers):
        return _recorded(from_structured(value), head.get(RECORDED))
    return _long_way(head, value)


def to_binary(event: Event) -> tuple[Headers, bytes]:
    """Headers and value of the event in CloudEvents' binary mode."""
    data = event.data
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event.id.encode()),
        ("ce_source", event.source.encode()),
        _TYPE_HEADERS[data.type],
        ("content-type", JSON_CONTENT),
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
    return usual_event(headers, value) or _long_way(dict(headers), value)


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
        time_us=None if time is None else time_us(text_of("time", time)),
        subject=None if subject is None else text_of("subject", subject),
        revision=None if stated is None else revision_of(stated),
        recorded_us=None if recorded is None else time_us(text_of("recordedtime", recorded)),
        extensions=_extensions(attributes),
    )


def _extensions(attributes: dict[str, Any]) -> Mapping[str, str | int | bool]:
    kept = {
        name: value
        for name, value in attributes.items()
        if name not in ATTRIBUTES and value is not None
    }
    return MappingProxyType(kept) if kept else NO_EXTENSIONS


def _attribute_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
