"""What travels, for programs and people outside: JSON Schemas, AsyncAPI 3, reference pages.

All of it is made from the payload classes and the topics table; nothing here states a fact of its
own. `python -m schemas.catalog --write docs/reference` renews the pages, without arguments it
prints the AsyncAPI document.
"""

import argparse
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from schemas.events import PAYLOADS
from schemas.fact import Payload
from schemas.pages import events_page, topics_page
from schemas.topics import TOPICS, Topic

Schema = dict[str, Any]
"""A JSON Schema, draft 2020-12, as JSON makes it."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, Schema]:
    """The JSON Schema of the `data` of every event, by its type.

    >>> json_schemas()["motif.user.prompted.v1"]["required"]
    ['session_id', 'agent']
    """
    return {name: _schema(payload) for name, payload in sorted(PAYLOADS.items())}


def asyncapi() -> dict[str, Any]:
    """An AsyncAPI 3.0 document of all topics and events.

    >>> asyncapi()["asyncapi"]
    '3.0.0'
    """
    schemas = json_schemas()
    for schema in schemas.values():
        del schema["$schema"], schema["$id"]  # inside another document they would lead away
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Motif",
            "version": "1.0.0",
            "description": "Facts that producers state, and the patterns learned from them.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {f"{_action(topic)}.{topic.name}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {name: _message(payload) for name, payload in sorted(PAYLOADS.items())},
            "messageTraits": {"cloudevent": {"headers": _headers()}},
            "schemas": schemas,
        },
    }


def pages() -> dict[str, str]:
    """The generated reference pages, by file name."""
    return {"events.md": events_page(), "topics.md": topics_page()}


def _schema(payload: type[Payload]) -> Schema:
    schema: Schema = payload.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    for name, field in schema["properties"].items():
        del field["title"]  # only says the name again
        if not payload.model_fields[name].is_required():
            field.pop("default", None)
    head = {
        "$schema": DIALECT,
        "$id": f"urn:motif:{payload.type}",
        "title": payload.type,
        "description": inspect.getdoc(payload),
    }
    return {**head, **{name: part for name, part in schema.items() if name not in head}}


def _inlined(part: Any, parts: Mapping[str, Schema]) -> Any:
    """The schema with parts in the place of references, and "any JSON" as an empty schema."""
    if isinstance(part, list):
        return [_inlined(one, parts) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        name = str(part["$ref"]).removeprefix("#/$defs/")
        return {} if name == "JsonValue" else _inlined(parts[name], parts)
    return {name: _inlined(one, parts) for name, one in part.items()}


def _channel(topic: Topic) -> dict[str, Any]:
    policy = "compact" if topic.compacted else "delete"
    configuration: dict[str, Any] = {"cleanup.policy": [policy]}
    if not topic.compacted:
        configuration["retention.ms"] = -1  # what was stated stays
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in _types_on(topic)}
    return {
        "address": topic.name,
        "description": f"{topic.holds[0].upper()}{topic.holds[1:]}. Key: {topic.key}.",
        "messages": messages,
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
        "x-private": topic.private,
    }


def _operation(topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    operation: dict[str, Any] = {"action": _action(topic), "channel": {"$ref": channel}}
    if messages := [{"$ref": f"{channel}/messages/{name}"} for name in _types_on(topic)]:
        operation["messages"] = messages
    return operation


def _action(topic: Topic) -> str:
    return "receive" if topic.input else "send"


def _types_on(topic: Topic) -> list[str]:
    return sorted(name for name, payload in PAYLOADS.items() if payload.topic == topic)


def _message(payload: type[Payload]) -> dict[str, Any]:
    documented = inspect.getdoc(payload) or ""
    return {
        "name": payload.type,
        "title": payload.__name__,
        "summary": documented.partition("\n\n")[0].replace("\n", " "),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{payload.type}"},
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": payload.topic.key},
                "bindingVersion": "0.5.0",
            }
        },
        "x-amendable": payload.amendable,
    }


def _headers() -> Schema:
    text = {"type": "string", "minLength": 1}
    moment = {"type": "string", "format": "date-time"}
    told: Mapping[str, Schema] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**text, "description": "names one content of its source"},
        "ce_source": {**text, "description": "who states it"},
        "ce_type": {**text, "enum": sorted(PAYLOADS)},
        "content-type": {"const": "application/json"},
        "ce_time": {**moment, "description": "when it happened; absent where nobody knows"},
        "ce_subject": {**text, "description": "what an amendable event is a statement about"},
        "ce_revision": {
            "type": "string",
            "pattern": "^[0-9]{1,19}$",
            "description": "the statement's place among those about its subject",
        },
        "ce_recordedtime": {**moment, "description": "when it was first appended to a log"},
    }
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type"]
    return {"type": "object", "required": required, "properties": dict(told)}


def main(arguments: list[str]) -> None:
    """Write the pages into a folder, or print the AsyncAPI document."""
    parser = argparse.ArgumentParser(prog="python -m schemas.catalog", description=__doc__)
    parser.add_argument("--write", metavar="FOLDER", type=Path, help="renew the pages there")
    folder: Path | None = parser.parse_args(arguments).write
    if folder is None:
        document = msgspec.json.format(msgspec.json.encode(asyncapi()), indent=2)
        sys.stdout.write(document.decode() + "\n")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
