"""Twins of payloads: one may not be there, and never says anything else than its payload."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.events import TaskCompleted, ToolCalled
from schemas.fact import Payload
from schemas.payloads import READERS, data_bytes
from schemas.quick import stated, twin_of, twin_reader
from schemas.workflows import WorkflowOperationAsserted, WorkflowRunFinished
from tests.strategies import json_values, payload_classes, payloads

TWINS = {payload.type: twin_reader(payload) for payload in payload_classes()}
ODD = st.sampled_from(
    ["1", "1.0", "-0", "1e3", "0.10", "00.5", " 1", "1_0", "NaN", "9" * 20, "1.5E+2", "٣", "1."]
)
ANY = json_values | ODD | st.integers(-2, 2**64) | st.floats(0, 100) | st.text(max_size=3)


def same(value: bytes, type_name: str) -> Payload | None:
    """What pydantic reads where there is a twin, which is checked against it."""
    twin = TWINS[type_name](value)
    if twin is None:
        return None
    payload = READERS[type_name](value)
    assert repr(stated(twin)) == repr(stated(payload)), "types and digits too"
    assert not payload.__pydantic_extra__
    assert all(getattr(twin, name) == getattr(payload, name) for name in payload.model_fields_set)
    assert (twin.type, twin.topic, twin.amendable, twin.reserved, twin.partition_key()) == (
        *(payload.type, payload.topic, payload.amendable, payload.reserved),
        payload.partition_key(),
    )
    return payload


@given(st.sampled_from(payload_classes()).flatmap(payloads))
def test_what_we_write_is_read_as_pydantic_reads_it(payload: Payload) -> None:
    assert same(data_bytes(payload), payload.type) in (None, payload)


@given(st.sampled_from(payload_classes()).flatmap(payloads), st.booleans())
def test_a_payload_is_written_field_by_field_without_what_is_not_known(
    payload: Payload, anew: bool
) -> None:
    if anew:
        payload = type(payload).model_construct(**dict(reversed(payload.__dict__.items())))
    known = {name: value for name, value in payload.__dict__.items() if value is not None}

    assert data_bytes(payload) == msgspec.json.encode(known | (payload.model_extra or {}))


def test_a_payload_that_was_made_without_a_field_is_written_without_it() -> None:
    half = ToolCalled.model_construct(tool="Bash")  # type: ignore[call-arg]  # half

    assert data_bytes(half) == b'{"tool":"Bash"}'


@pytest.mark.parametrize("end", ["", "\n", "\r", "\0", "é", "٣", " ", "B", "b" * 188, "b" * 189])
def test_a_signature_and_a_currency_end_where_pydantic_has_them_end(end: str) -> None:
    ids = {"workflow_id": "w", "run_id": "r"}
    asserted = msgspec.json.encode({**ids, "signature": f"test:pytest:{end}"})
    stated_in = msgspec.json.encode({**ids, "currency": f"EUR{end}", "tags": ["a", end]})

    for payload, value in ((WorkflowOperationAsserted, asserted), (WorkflowRunFinished, stated_in)):
        try:
            wanted = READERS[payload.type](value)
        except Refused:
            wanted = None
        assert same(value, payload.type) == wanted


@given(st.data(), st.sampled_from(payload_classes()))
def test_what_anybody_writes_is_read_as_pydantic_reads_it_or_not_at_all(
    data: st.DataObject, payload: type[Payload]
) -> None:
    fields = msgspec.json.decode(data_bytes(data.draw(payloads(payload, unknown=False))))
    for name in data.draw(st.sets(st.sampled_from([*payload.model_fields, "unknown"]), max_size=2)):
        fields[name] = data.draw(ANY)
    value = msgspec.json.encode(fields)
    try:
        wanted = READERS[payload.type](value)
    except Refused:
        wanted = None

    assert same(value, payload.type) in (None, wanted)


@pytest.mark.parametrize(
    "written",
    [
        b'{"session_id":"s","agent":"a","tool":"t","seq":1.0}',
        b'{"session_id":"s","agent":"a","tool":"t","seq":1e0}',
        b'{"session_id":"s","agent":"a","tool":"\\ud800"}',
        b'{"session_id":"s","agent":"a","tool":1,"tool":"t"}',
        b'{"session_id":"s","agent":"a","tool":"t","tool":"u"}',
        b'{"session_id":"s","agent":"a","tool":"\xff"}',
        b'{"session_id":"s","agent":"a","tool":"t",}',
        b' {"session_id":"s","agent":"a","tool":"t"}\n',
        b'{"session_id":"s","agent":"a","tool":"t"} x',
        b'{"session_id":"s","agent":"a","tool":"t","seq":9223372036854775808}',
        b'["s","a","t"]',
    ],
)
def test_odd_json_is_read_as_pydantic_reads_it_or_not_at_all(written: bytes) -> None:
    assert same(written, ToolCalled.type) is None or written.strip()[-1:] == b"}"


def test_the_common_case_goes_the_short_way() -> None:
    call: dict[str, Any] = {"session_id": "s", "agent": "a", "tool": "t", "seq": 0}
    task = {"task_type": "t", "agent": "a", "success": True, "cost_usd": "0.250", "tags": None}

    read = same(msgspec.json.encode(task), TaskCompleted.type)

    assert same(msgspec.json.encode(call), ToolCalled.type) is not None
    assert isinstance(read, TaskCompleted)
    assert str(read.cost_usd) == str(Decimal("0.25"))
    assert isinstance(READERS[TaskCompleted.type].twin(msgspec.json.encode(task)), _twin())


def _twin() -> type[msgspec.Struct]:
    twin = twin_of(TaskCompleted)
    assert twin is not None, "tasks are what there is most of"
    return twin
