"""An entry of the index is the same, whether it is made of a row or of the data that is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.facts import collect
from projections.records.entries import RECORDED, indexed_of
from projections.records.statements import stated
from schemas.envelope import Event, outgoing, to_structured
from schemas.fact import Payload
from schemas.log import Outgoing, Record
from tests.projections.world import NOON_US
from tests.strategies import payload_classes, payloads

STRUCTURED = (("content-type", b"application/cloudevents+json"),)


@pytest.mark.parametrize(
    "payload", [one for one in payload_classes() if one.type in RECORDED], ids=lambda of: of.type
)
@given(data=st.data(), is_structured=st.booleans())
def test_what_is_put_in_can_be_taken_out_again(
    payload: type[Payload], data: st.DataObject, is_structured: bool
) -> None:
    event = Event("src", "e", data.draw(payloads(payload)), NOON_US)
    made = outgoing(event, 1)
    if is_structured:
        made = Outgoing(made.topic, 0, made.key, to_structured(event), STRUCTURED)
    record = Record(made.topic, 0, 7, made.key, made.value, made.headers, NOON_US)
    rows = {}  # type: ignore[var-annotated]  # the function says what it holds

    assert collect([record], (), rows) == []
    (said,) = stated(rows)

    assert (said.data is None) == (said.indexed is None)
    if said.data is not None:
        happened_us = said.happened_us
        assert said.indexed == indexed_of(said.type, said.source, happened_us, said.data)
