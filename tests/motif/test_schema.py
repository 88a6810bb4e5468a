"""`motif schema`: what other programs ask for."""

import json

from schemas.catalog import asyncapi, json_schemas
from tests.motif.conftest import Run


def test_the_command_prints_what_the_catalogue_gives(run: Run) -> None:
    assert json.loads(run("schema").out) == json_schemas()
    assert json.loads(run("schema", "--asyncapi").out) == asyncapi()
    one = run("schema", "motif.tool.called.v1")
    assert json.loads(one.out) == json_schemas()["motif.tool.called.v1"]


def test_an_unknown_type_is_wrong_use_and_named_with_those_there_are(run: Run) -> None:
    unknown = run("schema", "motif.nothing.v1")

    assert unknown.code == 2
    assert "motif.tool.called.v1" in unknown.err
    assert run("schema", "motif.tool.called.v1", "--asyncapi").code == 2
