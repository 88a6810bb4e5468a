"""The envelope: what goes in comes out, in both modes; the key follows from the payload."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.envelope import (
    STRUCTURED,
    Event,
    data_bytes,
    decode,
    from_binary,
    from_structured,
    outgoing,
    time_text,
    time_us,
    to_binary,
    to_structured,
)
from schemas.errors import Refused
from schemas.events import InteractionObserved, ModelCalled, TaskCompleted, ToolCalled, UserPrompted
from schemas.ids import partition_of
from schemas.log import Headers, Record
from schemas.times import moment_us
from tests.strategies import events, texts, times_us

CALL = ToolCalled(session_id="s1", agent="claude-code", tool="Bash", seq=0)


def record(headers: Headers, value: bytes | None, key: bytes | None = None) -> Record:
    """The record a log would hand out."""
    return Record("topic", 0, 0, key, value, headers, 0)


@given(events())
def test_binary_and_structured_forms_give_back_the_event(event: Event) -> None:
    binary = to_binary(event)
    document = to_structured(event)

    assert from_binary(*binary) == event
    assert from_structured(document) == event
    assert to_binary(from_binary(*binary)) == binary
    assert to_structured(from_structured(document)) == document


@given(events())
def test_a_record_is_decoded_in_whichever_mode_it_was_written(event: Event) -> None:
    binary = outgoing(event, 16)
    content_type = STRUCTURED + b"; charset=utf-8"

    assert decode(record(binary.headers, binary.value, binary.key)) == event
    assert decode(record((("content-type", content_type),), to_structured(event))) == event


@pytest.mark.parametrize("moment", [-62_135_596_800_000_001, 253_402_300_800_000_000, 2**63])
def test_a_time_outside_the_years_that_have_a_name_is_refused_at_once(moment: int) -> None:
    """Not when it is written down, where nobody knows any more who stated it."""
    with pytest.raises(Refused, match="bad_time: time_us"):
        Event("me", "1", CALL, time_us=moment)
    with pytest.raises(Refused, match="bad_time: recorded_us"):
        Event("me", "1", CALL, recorded_us=moment)


@given(events(), st.randoms(use_true_random=False))
def test_the_order_of_headers_means_nothing(event: Event, random: object) -> None:
    headers, value = to_binary(event)
    shuffled = list(headers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert from_binary(tuple(shuffled), value) == event


@given(events(), st.integers(1, 64), texts, texts, st.none() | times_us)
def test_key_and_partition_follow_from_the_payload_alone(
    event: Event, partitions: int, identity: str, source: str, moment: int | None
) -> None:
    """Whatever id, source or time another statement has, it stands where the first one stands."""
    other = Event(source=source, id=identity, data=event.data, time_us=moment)

    first, second = outgoing(event, partitions), outgoing(other, partitions)

    assert first.key == second.key == event.key == event.data.partition_key().encode()
    assert first.partition == second.partition == partition_of(event.key, partitions)
    assert first.topic == second.topic == event.data.topic.name


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (CALL, b"s1"),
        (TaskCompleted(task_type="t", agent="a", success=True), b"a"),
        (TaskCompleted(task_type="t", agent="a", success=True, user_id="u"), b"u"),
        (TaskCompleted(task_type="t", agent="a", success=True, user_id="u", session_id="s"), b"s"),
        (InteractionObserved(task="t"), b"t"),
        (InteractionObserved(task="t", user_id="u"), b"u"),
        (InteractionObserved(), b"interaction"),
        (UserPrompted(session_id="π", agent="a"), "π".encode()),
    ],
)
def test_the_key_is_the_session_else_the_user_else_what_is_left(
    data: ToolCalled, key: bytes
) -> None:
    assert Event(source="s", id="1", data=data).key == key


def test_the_same_event_is_always_the_same_bytes() -> None:
    """What is on disk today must be readable, and be a repeat, tomorrow."""
    event = Event(
        source="motif:claude-code",
        id="toolu_1",
        data=CALL,
        time_us=1_750_000_000_123_456,
        recorded_us=1_750_000_001_000_000,
        subject="thing",
        extensions={"traceparent": "00-ab-01"},
    )

    assert outgoing(event, 4).headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"toolu_1"),
        ("ce_source", b"motif:claude-code"),
        ("ce_type", b"motif.tool.called.v1"),
        ("content-type", b"application/json"),
        ("ce_time", b"2025-06-15T15:06:40.123456Z"),
        ("ce_subject", b"thing"),
        ("ce_recordedtime", b"2025-06-15T15:06:41.000000Z"),
        ("ce_traceparent", b"00-ab-01"),
    )
    assert outgoing(event, 4).value == (
        b'{"session_id":"s1","agent":"claude-code","tool":"Bash","seq":0}'
    )
    assert to_structured(event) == (
        b'{"specversion":"1.0","id":"toolu_1","source":"motif:claude-code",'
        b'"type":"motif.tool.called.v1","datacontenttype":"application/json","partitionkey":"s1",'
        b'"time":"2025-06-15T15:06:40.123456Z","subject":"thing",'
        b'"recordedtime":"2025-06-15T15:06:41.000000Z","traceparent":"00-ab-01",'
        b'"data":{"session_id":"s1","agent":"claude-code","tool":"Bash","seq":0}}'
    )


def test_unknown_fields_are_kept_in_both_modes() -> None:
    told = {"new": [1, None, {"deep": "é"}], "gone": None, "type": "theirs", "big": 2**70}
    value = msgspec.json.encode({"session_id": "s", "agent": "a", "tool": "t", **told})
    headers, _ = to_binary(Event(source="s", id="1", data=CALL))

    event = from_binary(headers, value)

    for again in (from_binary(*to_binary(event)), from_structured(to_structured(event))):
        assert again.data.model_extra == told
        assert msgspec.json.decode(data_bytes(again.data)) == msgspec.json.decode(value)


def test_what_is_not_known_is_left_out_and_read_as_not_known() -> None:
    value = b'{"session_id":"s","agent":"a","tool":"t","seq":null}'
    headers, _ = to_binary(Event(source="s", id="1", data=CALL))

    event = from_binary(headers, value)

    assert isinstance(event.data, ToolCalled)
    assert event.data.seq is None
    assert data_bytes(event.data) == b'{"session_id":"s","agent":"a","tool":"t"}'


@given(st.decimals(0, 10**9 - 1, places=12), st.integers(0, 5))
def test_equal_amounts_have_the_same_bytes(amount: Decimal, zeros: int) -> None:
    def bytes_of(cost: Decimal) -> bytes:
        return data_bytes(
            ModelCalled(session_id="s", agent="a", message_id="m", model="o", cost_usd=cost)
        )

    longer = Decimal(f"{amount:f}" + "0" * zeros)

    assert bytes_of(longer) == bytes_of(amount)


@pytest.mark.parametrize("digits", ["0." + "1" * 40, "123456789." + "7" * 60, "-0", "0E-20"])
def test_an_amount_loses_no_digit(digits: str) -> None:
    data = ModelCalled(
        session_id="s", agent="a", message_id="m", model="o", cost_usd=Decimal(digits)
    )

    assert data.cost_usd == Decimal(digits)
    assert not str(data.cost_usd).startswith("-")


@given(times_us)
def test_a_time_is_read_as_it_was_written(moment: int) -> None:
    assert time_us(time_text(moment)) == moment


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00.000000Z"),
        ("2025-01-01T02:00:00+02:00", "2025-01-01T00:00:00.000000Z"),
        ("2024-12-31T18:30:00.5-05:30", "2025-01-01T00:00:00.500000Z"),
        ("2025-01-01t00:00:00z", "2025-01-01T00:00:00.000000Z"),
        ("2025-01-01 00:00:00Z", "2025-01-01T00:00:00.000000Z"),
        ("2025-01-01T00:00:00.123456789Z", "2025-01-01T00:00:00.123456Z"),
        ("2025-01-01T00:00:00.1Z", "2025-01-01T00:00:00.100000Z"),
        ("2025-01-01T00:00:00-00:00", "2025-01-01T00:00:00.000000Z"),
        ("2099-06-01T00:00:00Z", "2099-06-01T00:00:00.000000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
    ],
)
def test_rfc_3339_times_are_read_with_their_offset(text: str, same: str) -> None:
    assert time_text(time_us(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01T00:00:00",
        "2025-01-01",
        "20250101T000000Z",
        "2025-W01-1T00:00:00Z",
        "2025-W01-1T00:00:00.0000000Z",
        "2025-01-01T00Z",
        "2025-01-01T00:00Z",
        "2025-01-01x00:00:00Z",
        "2025-01-01T00:00:00,5Z",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:00:60Z",
        "2025-02-29T00:00:00Z",
        "2025-01-01T00:00:00+0100",
        "2025-01-01T00:00:00+01",
        "2025-01-01T00:00:00+01:00:30",
        "2025-01-01T00:00:00+24:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٥-01-01T00:00:00Z",
        "2025-01-01T00:00:00.123456Z\n",
        " 2025-01-01T00:00:00Z",
        "1735689600",
        "yesterday",
    ],
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        time_us(text)

    assert refused.value.reason == "bad_time"


def outcome(read: Callable[[str], int], text: str) -> int | str:
    """What a reader gives, or why not."""
    try:
        return read(text)
    except (Refused, UnicodeDecodeError) as error:
        return str(error)


@given(
    times_us, st.integers(0, 27), st.sampled_from([*"0123456789_+- :.,TtZz", "٣", ""]), st.data()
)
def test_a_time_in_bytes_is_read_as_its_text_is(
    moment: int, at: int, other: str, data: st.DataObject
) -> None:
    text = time_text(moment)
    altered = text[:at] + other + text[at + data.draw(st.integers(0, 2)) :]

    for written in (text, altered):
        found = outcome(lambda one: moment_us(one.encode()), written)
        assert found == outcome(time_us, written)
    assert moment_us(text.encode()) == moment


def test_a_statement_names_its_thing() -> None:
    data = ModelCalled(session_id="s", agent="a", message_id="m", model="o")

    revised = Event(source="s", id="m@3", data=data, subject="m", revision=3)

    assert revised.thing == "m"
    assert Event(source="s", id="m", data=data, subject="other").thing == "m"


@pytest.mark.parametrize(
    "name", ["id", "data", "data_base64", "Upper", "", "a" * 21, "under_score"]
)
def test_an_extension_cannot_take_the_place_of_an_attribute(name: str) -> None:
    """Neither can it have a name that another reader would refuse."""
    with pytest.raises(Refused) as refused:
        Event(source="s", id="1", data=CALL, extensions={name: "x"})

    assert refused.value.reason == "not_cloudevent"


def test_an_event_can_be_copied_with_changes() -> None:
    event = Event(source="s", id="1", data=CALL)

    assert replace(event, recorded_us=5).recorded_us == 5
    with pytest.raises(Refused):
        replace(event, id="")
