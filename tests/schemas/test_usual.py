"""The short way to read a record: it says what the long way says, or leaves it to that."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.cloudevent import SIZE_MAX
from schemas.envelope import Event, from_binary, to_binary
from schemas.errors import Refused
from schemas.events import ToolCalled
from schemas.log import Headers
from schemas.quick import stated
from schemas.usual import usual_event
from tests.strategies import events

DIGITS = ["0", "007", "255", "256", "-1", "9" * 20, "s@7", "1.0"]
WORDS = ["", "null", "2025-06-15T15:06:40Z", "application/json; charset=utf-8", "text/plain"]
ODD = st.sampled_from([b"\xff", *(text.encode() for text in DIGITS + WORDS)])
ATTRIBUTES = ["id", "time", "subject", "revision", "recordedtime", "amendedtime", "Upper", ""]
OTHERS = ["ce_data", "ce_partitionkey", "Content-Type", "content-type", "other"]
NAMES = st.sampled_from([*(f"ce_{name}" for name in ATTRIBUTES), *OTHERS])
CALL = ToolCalled(session_id="s1", agent="claude-code", tool="Bash")


def outcome(headers: Headers, value: bytes) -> Event | str:
    """What is read, or why nothing is."""
    try:
        return from_binary(headers, value)
    except Refused as refused:
        return str(refused)


@given(events(), st.dictionaries(NAMES, ODD, max_size=2), st.sets(NAMES, max_size=1), st.booleans())
@example(Event("s", "t", CALL, extensions={"amendedtime": "x"}), {}, set(), False)
def test_the_short_way_says_what_the_long_way_says(
    event: Event, odd: dict[str, bytes], missing: set[str], cut: bool
) -> None:
    written, value = to_binary(event)
    headers = tuple(
        (name, content) for name, content in {**dict(written), **odd}.items() if name not in missing
    )
    # Of a header that is not UTF-8 and data that are none, the short way may name the data.
    value = value[:-1] if cut and b"\xff" not in odd.values() else value
    doubled = (*headers, headers[0])  # says nothing else, and is unusual

    assert usual_event(doubled, value) is None
    assert outcome(headers, value) == outcome(doubled, value)


@given(events(unknown=False))
def test_what_we_write_goes_the_short_way_with_a_twin_that_says_the_same(event: Event) -> None:
    headers, value = to_binary(event)

    short, quick = usual_event(headers, value), usual_event(headers, value, twins=True)

    assert short == event
    assert quick is not None
    assert repr(stated(quick.data)) == repr(stated(event.data))
    assert (quick.id, quick.time_us, quick.revision) == (event.id, event.time_us, event.revision)


def test_an_event_that_its_source_amended_goes_the_short_way() -> None:
    event = Event("s", "1", CALL, extensions={"amendedtime": "2025-06-15T15:06:40Z", "x": "y"})

    read = usual_event(*to_binary(event), twins=True)

    assert read is not None
    assert read.extensions == event.extensions
    assert type(read.data) is not ToolCalled, "its twin"


def test_no_header_is_no_event() -> None:
    assert usual_event((), b"{}") is None
    with pytest.raises(Refused, match="specversion"):
        from_binary((), b"{}")


def test_extensions_count_to_the_size_that_the_short_way_reads() -> None:
    long = Event("s", "1", CALL, extensions={"note": "x" * SIZE_MAX})

    assert usual_event(*to_binary(long)) is None
    assert from_binary(*to_binary(long)) == long


def test_more_layouts_than_are_remembered_are_read_all_the_same() -> None:
    for number in range(300):
        event = Event("s", "1", CALL, extensions={f"x{number}": "y"})
        assert usual_event(*to_binary(event)) == event
