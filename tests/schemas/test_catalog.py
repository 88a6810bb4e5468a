"""What is generated from the payloads and topics is valid, true and current."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from subprocess import run
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.catalog import DIALECT, asyncapi, json_schemas, main, pages
from schemas.envelope import data_bytes
from schemas.errors import Refused
from schemas.events import PAYLOADS
from schemas.fact import Payload
from schemas.payloads import read_payload
from schemas.topics import TOPICS
from tests.strategies import payload_classes, payloads

ROOT = Path(__file__).parents[2]
every_class = pytest.mark.parametrize(
    "payload", payload_classes(), ids=lambda payload: payload.__name__
)


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator of one event's data."""
    return Draft202012Validator(json_schemas()[name])


def test_every_event_has_a_json_schema() -> None:
    schemas = json_schemas()

    assert list(schemas) == sorted(PAYLOADS)
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == DIALECT
        assert schema["title"] == name
        assert schema["$id"].endswith(name)
        assert schema["description"]
        assert schema["additionalProperties"] is True
        assert list(references(schema)) == []


@every_class
@given(st.data())
def test_the_schema_accepts_what_the_class_accepts(
    payload: type[Payload], data: st.DataObject
) -> None:
    stated = data.draw(payloads(payload))

    wrong = list(validator(payload.type).iter_errors(msgspec.json.decode(data_bytes(stated))))

    assert wrong == []


@every_class
@given(st.data())
def test_the_schema_refuses_what_the_class_refuses(
    payload: type[Payload], data: st.DataObject
) -> None:
    """One known field gets a value of some other kind; both agree whether that is allowed."""
    stated = msgspec.json.decode(data_bytes(data.draw(payloads(payload, unknown=False))))
    name = data.draw(st.sampled_from(sorted(payload.model_fields)))
    # Whole numbers with a fraction of zero are left out: JSON Schema calls 1.0 an integer.
    stated[name] = data.draw(
        st.sampled_from([None, True, -1, 2**63, 0.5, "", "x", "-1", [], ["x"], [""], {}, {"a": 1}])
    )
    try:
        read_payload(payload.type, msgspec.json.encode(stated))
    except Refused:
        assert not validator(payload.type).is_valid(stated)
    else:
        assert validator(payload.type).is_valid(stated)


def test_asyncapi_has_every_topic_and_every_event() -> None:
    document = asyncapi()

    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    assert list(document["channels"]) == [topic.name for topic in TOPICS]
    assert list(document["components"]["messages"]) == sorted(PAYLOADS)
    on_channels = [
        name for channel in document["channels"].values() for name in channel["messages"]
    ]
    assert sorted(on_channels) == sorted(PAYLOADS)
    assert msgspec.json.decode(msgspec.json.encode(document)) == document


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    document = asyncapi()
    found = list(references(document))

    assert len(found) > 3 * len(PAYLOADS)
    for reference in found:
        assert resolved(document, reference)


def test_asyncapi_operations_take_truth_and_give_what_was_learned() -> None:
    document = asyncapi()
    directions = {topic.name: "receive" if topic.input else "send" for topic in TOPICS}

    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert operation["action"] == directions.pop(channel)
        for message in operation.get("messages", []):
            assert message["$ref"].startswith(f"#/channels/{channel}/messages/")
    assert directions == {}


def test_asyncapi_schemas_mean_the_same_in_its_own_dialect() -> None:
    """AsyncAPI reads schemas as draft 7; nothing in ours is newer than that."""
    newer = {"prefixItems", "$dynamicRef", "unevaluatedProperties", "dependentSchemas", "$defs"}
    for schema in asyncapi()["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        assert not newer & set(keys(schema))


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_pages_are_current(name: str) -> None:
    """Renew them: `python -m schemas.catalog --write docs/reference`."""
    assert (ROOT / "docs" / "reference" / name).read_text("utf-8") == pages()[name]


def test_the_pages_tell_every_event_field_and_topic() -> None:
    told = pages()

    for name, payload in PAYLOADS.items():
        section = told["events.md"].partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert all(f"| `{field}` |" in section for field in payload.model_fields)
    assert all(f"| `{topic.name}` |" in told["topics.md"] for topic in TOPICS)


def test_the_pages_are_written_into_a_folder(tmp_path: Path) -> None:
    main(["--write", str(tmp_path / "new")])

    assert {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()} == pages()


def test_the_command_prints_asyncapi() -> None:
    command = [sys.executable, "-m", "schemas.catalog"]

    printed = run(command, cwd=ROOT, check=True, capture_output=True).stdout

    assert msgspec.json.decode(printed) == asyncapi()


def references(part: Any) -> Iterator[str]:
    """Every `$ref` below."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for one in part.values():
            yield from references(one)
    elif isinstance(part, list):
        for one in part:
            yield from references(one)


def keys(part: Any) -> Iterator[str]:
    """Every name of a member below."""
    if isinstance(part, dict):
        yield from part
        for one in part.values():
            yield from keys(one)
    elif isinstance(part, list):
        for one in part:
            yield from keys(one)


def resolved(document: Any, reference: str) -> Any:
    """What a reference within the document leads to."""
    assert reference.startswith("#/")
    part = document
    for name in reference.removeprefix("#/").split("/"):
        part = part[name.replace("~1", "/").replace("~0", "~")]
    return part
