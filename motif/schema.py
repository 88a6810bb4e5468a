"""Event schemas for other programs: JSON Schema of every payload, AsyncAPI 3 of every topic.

Both are generated from the classes in `schemas.events` and the table in `schemas.topics`; nothing
is written by hand twice.
"""

from typing import Any, Final

from motif import __version__
from schemas.errors import WrongUse
from schemas.events import PAYLOADS, Payload
from schemas.topics import TOPICS, Topic

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CLOUDEVENT: Final = {
    "type": "object",
    "required": ["ce_specversion", "ce_type", "ce_source", "ce_id"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "minLength": 1},
        "ce_id": {"type": "string", "minLength": 1},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string"},
        "ce_revision": {"type": "string", "pattern": "^[0-9]+$"},
    },
}


def schema_of(event_type: str) -> dict[str, Any]:
    """The JSON Schema of the `data` of one event type.

    >>> schema_of("motif.tool.called.v1")["required"]
    ['session_id', 'agent', 'tool']

    Raises:
        WrongUse: there is no such type.
    """
    if event_type not in PAYLOADS:
        message = f"there is no event type {event_type!r}; it must be one of {', '.join(PAYLOADS)}"
        raise WrongUse(message)
    return {"$schema": DIALECT, "$id": event_type, **_payload(PAYLOADS[event_type])}


def schemas_of_events() -> dict[str, Any]:
    """The JSON Schema of every event type, by the type."""
    return {event_type: schema_of(event_type) for event_type in PAYLOADS}


def asyncapi_document() -> dict[str, Any]:
    """The AsyncAPI 3 document of all topics and the events on them."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Motif",
            "version": __version__,
            "description": "The topics of the log, and the events on its input topics.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_name(topic): _channel(topic) for topic in TOPICS},
        "operations": {
            f"append_{_name(topic)}": {
                "action": "receive",
                "summary": f"Producers append to {topic.name}; Motif reads it.",
                "channel": {"$ref": f"#/channels/{_name(topic)}"},
            }
            for topic in TOPICS
            if topic.input
        },
        "components": {
            "messages": {_message_name(one): _message(one) for one in PAYLOADS.values()},
            "schemas": _components(),
        },
    }


def _payload(payload: type[Payload], definitions: str = "#/$defs/{model}") -> dict[str, Any]:
    return payload.model_json_schema(mode="validation", ref_template=definitions)


def _components() -> dict[str, Any]:
    """The schemas of all payloads beside what they share, so that references lead somewhere."""
    components: dict[str, Any] = {}
    for one in PAYLOADS.values():
        schema = _payload(one, "#/components/schemas/{model}")
        components |= schema.pop("$defs", {})
        components[one.__name__] = schema
    return components


def _channel(topic: Topic) -> dict[str, Any]:
    kept = "the latest record per key" if topic.compacted else "everything"
    private = " Private: it never leaves the site." if topic.private else ""
    return {
        "address": topic.name,
        "description": f"{topic.holds}. Key: {topic.key}. Keeps {kept}.{private}",
        "messages": {
            _message_name(one): {"$ref": f"#/components/messages/{_message_name(one)}"}
            for one in PAYLOADS.values()
            if one.topic == topic
        },
    }


def _message(payload: type[Payload]) -> dict[str, Any]:
    return {
        "name": payload.type,
        "title": payload.__name__,
        "summary": (payload.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "headers": _CLOUDEVENT,
        "payload": {"$ref": f"#/components/schemas/{payload.__name__}"},
    }


def _name(topic: Topic) -> str:
    return topic.name.replace(".", "_")


def _message_name(payload: type[Payload]) -> str:
    return payload.__name__
