"""Every payload class, found by inspection, keeps the rules of payloads."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.envelope import data_bytes
from schemas.events import PAYLOADS, ToolCalled
from schemas.fact import Payload
from schemas.payloads import read_payload
from schemas.topics import TOPICS
from tests.strategies import payload_classes, payloads, texts

CLASSES = payload_classes()
every_class = pytest.mark.parametrize("payload", CLASSES, ids=lambda payload: payload.__name__)


def test_every_class_stands_in_the_table_of_types() -> None:
    assert [payload.type for payload in CLASSES] == sorted(PAYLOADS)
    assert set(CLASSES) == set(PAYLOADS.values())


@every_class
def test_it_is_named_and_explained(payload: type[Payload]) -> None:
    assert re.fullmatch(r"motif\.[a-z.]+\.v\d+", payload.type)
    assert payload.__doc__
    assert payload.__doc__.strip()
    assert payload.__doc__ != Payload.__doc__
    assert payload.topic in TOPICS
    assert payload.topic.input


@every_class
@given(st.data())
def test_it_is_written_and_read_without_loss(payload: type[Payload], data: st.DataObject) -> None:
    stated = data.draw(payloads(payload))

    read = read_payload(payload.type, data_bytes(stated))

    assert type(read) is payload
    assert read == stated
    assert data_bytes(read) == data_bytes(stated)


@every_class
@given(st.data())
def test_its_key_is_never_empty(payload: type[Payload], data: st.DataObject) -> None:
    assert data.draw(payloads(payload)).partition_key()


@every_class
@given(st.data(), texts)
def test_unknown_fields_do_not_move_it(
    payload: type[Payload], data: st.DataObject, text: str
) -> None:
    """A newer producer's fields change neither the key nor the place."""
    stated = data.draw(payloads(payload, unknown=False))

    more = payload.model_validate({**stated.model_dump(), "a field of tomorrow": text})

    assert more.partition_key() == stated.partition_key()


def test_a_payload_cannot_be_changed() -> None:
    data = ToolCalled(session_id="s", agent="a", tool="t")

    with pytest.raises(ValidationError):
        data.tool = "u"  # type: ignore[misc]


def test_a_name_has_no_lone_surrogate() -> None:
    """It could be written nowhere."""
    with pytest.raises(ValidationError):
        ToolCalled(session_id="s", agent="a", tool="\ud800")
