"""The reference pages about events and topics, written for people."""

import inspect
import types
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import JsonValue
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from schemas.envelope import SIZE_MAX, Event, to_binary, to_structured
from schemas.errors import REASONS
from schemas.events import PAYLOADS, ToolCalled
from schemas.fact import Payload
from schemas.topics import DEAD_LETTERS, TOPICS, Topic
from schemas.upcasts import UPCASTS

_GENERATED: Final = "<!-- Generated: python -m schemas.catalog --write docs/reference -->"

_EXAMPLE: Final = Event(
    source="claude-code",
    id="toolu_01A",
    data=ToolCalled(session_id="5f0c1a", agent="claude-code", tool="Bash", seq=0),
    time_us=1_750_000_000_123_456,
)

_WORDS: Final[dict[object, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Decimal: "amount, as text or number",
    JsonValue: "any JSON",
}


def events_page() -> str:
    """The page about every event: its fields, its key, where it travels."""
    headers, value = to_binary(_EXAMPLE)
    binary = "\n".join(f"{name}: {content.decode()}" for name, content in headers)
    return "\n".join(
        [
            "# Events",
            "",
            _GENERATED,
            "",
            "Every event is a [CloudEvent](https://cloudevents.io) 1.0. Over HTTP and in JSON",
            "Lines it is one JSON document:",
            "",
            "```json",
            to_structured(_EXAMPLE).decode(),
            "```",
            "",
            "In the log its attributes are headers and its value is `data`:",
            "",
            "```text",
            binary,
            "",
            value.decode(),
            "```",
            "",
            f"`data`, each attribute and a whole document have at most {SIZE_MAX:,} bytes.",
            "`time` is RFC 3339 with its offset. Fields that are not listed here are kept. A field",
            "that is null or absent is not known, which is not zero.",
            "",
            "*Amendable* events may be stated again: `subject` names the thing, the extension",
            "`revision` counts the statements, and `id` is `subject@revision`; the greatest",
            "revision is the truth.",
            "",
            *(line for name in sorted(PAYLOADS) for line in _event(PAYLOADS[name])),
            *_older_versions(),
            *_reasons(),
        ]
    )


def topics_page() -> str:
    """The page about every topic."""
    rows = [
        [
            f"`{topic.name}`",
            topic.holds,
            topic.key,
            "latest per key" if topic.compacted else "everything",
            "site" if topic.private else "federation",
            "truth" if topic.input or topic is DEAD_LETTERS else "derived",
        ]
        for topic in TOPICS
    ]
    return "\n".join(
        [
            "# Topics",
            "",
            _GENERATED,
            "",
            "All that Motif knows stands on these topics. What is *truth* cannot be made again;",
            "what is *derived* can, from the truth. What stays within its *site* may hold people's",
            "own text.",
            "",
            *_table(["Topic", "Holds", "Key", "Keeps", "Stays within", "Is"], rows),
            "",
            "## Events by topic",
            "",
            *(line for topic in TOPICS for line in _events_on(topic)),
            "",
        ]
    )


def _event(payload: type[Payload]) -> list[str]:
    rows = [
        [f"`{name}`", _field(field), "yes" if field.is_required() else ""]
        for name, field in payload.model_fields.items()
    ]
    key = (inspect.getdoc(payload.partition_key) or "").replace("\n", " ")
    return [
        f"## {payload.type}",
        "",
        inspect.getdoc(payload) or "",
        "",
        f"- Topic: [`{payload.topic.name}`](topics.md)",
        f"- Key: {key}",
        f"- Amendable: {'yes' if payload.amendable else 'no'}",
        "",
        *_table(["Field", "Holds", "Required"], rows),
        "",
    ]


def _field(field: FieldInfo) -> str:
    return _words(field.annotation, tuple(field.metadata))


def _words(annotation: Any, limits: tuple[Any, ...] = ()) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation] + _limit_words(limits)
    if origin is Annotated:
        inner = [one for part in arguments[1:] for one in getattr(part, "metadata", [part])]
        return _words(arguments[0], (*inner, *limits))
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one, limits) for one in arguments if one is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(f"`{one}`" for one in arguments)
    if origin is list:
        return f"list of {_words(arguments[0])}"
    if origin is Required:
        return _words(arguments[0])
    if is_typeddict(annotation):
        fields = get_type_hints(annotation, include_extras=True)
        return "objects: " + "; ".join(f"`{name}` {_words(one)}" for name, one in fields.items())
    return f"object of {_words(arguments[1])}"


def _limit_words(limits: tuple[Any, ...]) -> str:
    words = {
        "ge": "from {}",
        "le": "to {}",
        "lt": "below {}",
        "min_length": "from {}",
        "max_length": "to {} characters",
    }
    said = [
        text.format(f"{getattr(limit, name):,}")
        for limit in limits
        for name, text in words.items()
        if hasattr(limit, name) and getattr(limit, name) != 2**63  # no limit anybody meets
    ]
    return f" ({' '.join(said)})" if said else ""


def _older_versions() -> list[str]:
    rows = [
        [f"`{old}`", f"`{newer}`", (inspect.getdoc(step) or "").replace("\n", " ")]
        for old, (newer, step) in sorted(UPCASTS.items())
    ]
    return ["## Older versions", "", *_table(["Type", "Is read as", "How"], rows), ""]


def _reasons() -> list[str]:
    rows = [[f"`{code}`", meaning] for code, meaning in sorted(REASONS.items())]
    told = "A record that is refused goes to the dead letters, byte for byte, with one of these:"
    return ["## Why a record is refused", "", told, "", *_table(["Reason", "Meaning"], rows), ""]


def _events_on(topic: Topic) -> list[str]:
    names = sorted(name for name, payload in PAYLOADS.items() if payload.topic == topic)
    anchors = ", ".join(f"[`{name}`](events.md#{name.replace('.', '')})" for name in names)
    return [f"- `{topic.name}`: {anchors}"] if names else []


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
