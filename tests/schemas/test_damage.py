"""Whatever the bytes are: an event or a refusal, nothing else."""

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.envelope import (
    STRUCTURED,
    Event,
    decode,
    from_binary,
    from_structured,
    outgoing,
    to_binary,
    to_structured,
)
from schemas.errors import REASONS, Refused
from schemas.events import PAYLOADS
from schemas.log import Headers, Record
from schemas.upcasts import UPCASTS
from tests.strategies import events

KNOWN_TYPES = st.sampled_from([*PAYLOADS, *UPCASTS]).map(str.encode)
HEADER_NAMES = st.sampled_from(
    [
        *(f"ce_{name}" for name in ("specversion", "id", "source", "type", "time", "subject")),
        *(f"ce_{name}" for name in ("revision", "recordedtime", "datacontenttype", "data")),
        *("content-type", "ce_partitionkey", "ce_trace", "ce_", "CE_ID"),
    ]
) | st.text(max_size=8)
HEADER_VALUES = st.one_of(
    st.sampled_from([b"1.0", b"application/json", STRUCTURED, b"2025-01-01T00:00:00Z", b"1"]),
    KNOWN_TYPES,
    st.binary(max_size=40),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
VALUES = st.one_of(st.none(), st.binary(max_size=80), st.text(max_size=80).map(str.encode))


@given(st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=10), VALUES)
def test_any_bytes_are_an_event_or_refused(
    headers: list[tuple[str, bytes]], value: bytes | None
) -> None:
    assert isinstance(attempt(tuple(headers), value), Event | str)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bool, bytes]:
    """A valid event in either form with some bytes replaced, gone or doubled."""
    event = draw(events())
    structured = draw(st.booleans())
    whole = to_structured(event) if structured else outgoing(event, 1).value or b""
    at = draw(st.integers(0, len(whole)))
    until = draw(st.integers(at, min(len(whole), at + 8)))
    junk = draw(
        st.sampled_from([b"", b"NaN", b"1e999", b"\xff", b"null", b"[[[["]) | st.binary(max_size=5)
    )
    return structured, whole[:at] + junk + whole[until:]


@given(damaged(), KNOWN_TYPES)
@example((False, b"[" * 200_000 + b"Infinity"), b"motif.tool.called.v1")
@example((False, b'{"a":' * 200_000), b"motif.task.completed.v0")
@example((True, b"[" * 200_000), b"")
def test_damaged_events_are_events_or_refused(case: tuple[bool, bytes], kind: bytes) -> None:
    """Whatever is let through can also be written and read again."""
    structured, value = case
    headers: Headers = (("content-type", STRUCTURED),)
    if not structured:
        headers = (
            ("ce_specversion", b"1.0"),
            ("ce_id", b"1"),
            ("ce_source", b"s"),
            ("ce_type", kind),
        )
    event = attempt(headers, value)
    if isinstance(event, str):
        assert event in REASONS
        return
    assert from_binary(*to_binary(event)).data == event.data
    assert from_structured(to_structured(event)) == event


def attempt(headers: Headers, value: bytes | None) -> Event | str:
    """The event of the record, or the reason why it holds none."""
    try:
        return decode(Record("topic", 0, 0, None, value, headers, 0))
    except Refused as refused:
        return refused.reason
