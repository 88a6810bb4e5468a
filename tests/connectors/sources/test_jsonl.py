"""JSON Lines of CloudEvents: an event, or its bytes with the reason."""

from pathlib import Path

import pytest

from connectors.contract import Report, Unreadable
from connectors.sources.jsonl import JsonLines
from schemas.envelope import SIZE_MAX, Event, to_structured
from schemas.events import ToolCalled

EVENT = Event("a-source", "1", ToolCalled(session_id="s", agent="a", tool="Bash"), 5)
LINE = to_structured(EVENT)


def read(folder: Path, content: bytes) -> tuple[list[Event | Unreadable], Report]:
    path = folder / "events.jsonl"
    path.write_bytes(content)
    report = Report()
    return list(JsonLines().read([path], report)), report


def test_each_line_is_the_event_it_states(tmp_path: Path) -> None:
    found, report = read(tmp_path, LINE + b"\r\n" + b"\n  \n" + LINE + b"\n")

    assert found == [EVENT, EVENT]
    assert (report.lines, report.events[EVENT.type]) == (4, 2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"7", "not_cloudevent"),
        (b"{}", "not_cloudevent"),
        (LINE.replace(b".v1", b".v9"), "unknown_version"),
        (LINE.replace(b"motif.tool", b"motif.fool"), "unknown_type"),
        (LINE.replace(b'"Bash"', b'""'), "invalid_payload"),
        (LINE.replace(b'"Bash"', b"7"), "invalid_payload"),
        (LINE.replace(b"1970-01", b"someday"), "bad_time"),
        (LINE[:-1] + b',"x":"' + b"y" * SIZE_MAX + b'"}', "too_large"),
        (b'  {"padded": true} ', "not_cloudevent"),
    ],
    ids=range(12),
)
def test_a_line_that_is_no_event_comes_back_byte_for_byte(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    found, report = read(tmp_path, LINE + b"\n" + line + b"\n" + LINE + b"\n")

    assert found[0] == found[2] == EVENT
    refused = found[1]
    assert isinstance(refused, Unreadable)
    assert (refused.value, refused.reason) == (line, reason)
    assert refused.detail
    assert report.unreadable == 1


def test_a_whole_last_line_needs_no_newline(tmp_path: Path) -> None:
    assert read(tmp_path, LINE)[0] == [EVENT]
    (refused,), _ = read(tmp_path, b"{}")
    assert isinstance(refused, Unreadable)


@pytest.mark.parametrize("length", [1, len(LINE) // 2, len(LINE) - 1])
def test_a_last_line_that_may_still_grow_is_left(tmp_path: Path, length: int) -> None:
    found, report = read(tmp_path, LINE + b"\n" + LINE[:length])

    assert found == [EVENT]
    assert (report.unfinished, report.unreadable) == (1, 0)
