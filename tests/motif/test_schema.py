"""The schemas for other programs: valid, complete, and true of the events we make."""

import json
from typing import Any

import jsonschema
import pytest

from connectors.generate import sessions
from motif.schema import asyncapi_document, schema_of, schemas_of_events
from schemas.envelope import to_structured
from schemas.errors import WrongUse
from schemas.events import PAYLOADS
from schemas.topics import TOPICS
from tests.motif.conftest import Run


def test_every_event_type_has_a_valid_schema() -> None:
    found = schemas_of_events()

    assert list(found) == list(PAYLOADS)
    for schema in found.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_events_we_make_fit_their_schemas() -> None:
    validators = {
        name: jsonschema.Draft202012Validator(schema)
        for name, schema in schemas_of_events().items()
    }

    documents: list[dict[str, Any]] = [json.loads(to_structured(event)) for event in sessions(1, 1)]

    assert documents
    assert all(validators[one["type"]].is_valid(one["data"]) for one in documents)


def test_what_we_would_refuse_does_not_fit() -> None:
    validator = jsonschema.Draft202012Validator(schema_of("motif.tool.called.v1"))

    assert not validator.is_valid({"session_id": "s", "agent": "a"})
    assert not validator.is_valid({"session_id": "s", "agent": "a", "tool": ""})
    assert validator.is_valid({"session_id": "s", "agent": "a", "tool": "Read", "more": 1})


def test_the_asyncapi_document_names_every_topic_and_event_and_nothing_that_is_not_there() -> None:
    document = asyncapi_document()

    assert [one["address"] for one in document["channels"].values()] == [one.name for one in TOPICS]
    named = [one["name"] for one in document["components"]["messages"].values()]
    assert named == list(PAYLOADS)
    for reference in references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def references(node: Any) -> list[str]:
    """Every reference in the document."""
    if isinstance(node, list):
        return [one for child in node for one in references(child)]
    if not isinstance(node, dict):
        return []
    found = [one for child in node.values() for one in references(child)]
    return [*found, node["$ref"]] if "$ref" in node else found


def test_the_command_prints_what_the_library_gives(run: Run) -> None:
    assert json.loads(run("schema").out) == schemas_of_events()
    assert json.loads(run("schema", "--asyncapi").out) == asyncapi_document()
    one = run("schema", "motif.tool.called.v1")
    assert json.loads(one.out) == schema_of("motif.tool.called.v1")


def test_an_unknown_type_is_named_with_those_there_are(run: Run) -> None:
    with pytest.raises(WrongUse, match=r"motif\.tool\.called\.v1"):
        schema_of("motif.nothing.v1")

    assert run("schema", "motif.nothing.v1").code == 2
    assert run("schema", "motif.tool.called.v1", "--asyncapi").code == 2
