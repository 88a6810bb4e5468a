"""Transcripts of Claude Code with surprises: each is counted, none ends the import."""

from pathlib import Path
from typing import Any

import pytest

from connectors.contract import NAMES_MAX, OTHER_NAMES
from schemas.envelope import Event, decode, outgoing
from schemas.events import ModelCalled, ToolCalled, ToolFinished
from schemas.log import Record
from tests.connectors.sources.transcripts import (
    assistant,
    of_type,
    read,
    tool_result,
    tool_use,
    user,
)


def test_unknown_line_types_are_counted_by_name_within_bounds(tmp_path: Path) -> None:
    lines = [{"type": f"new-{number}"} for number in range(NAMES_MAX + 5)]

    _, report = read(tmp_path, *lines, {"type": "x" * 10_000}, {"type": 7}, {})

    assert report.unknown["new-0"] == 1
    assert report.unknown[OTHER_NAMES] == 8
    assert len(report.unknown) == NAMES_MAX + 1
    assert max(map(len, report.unknown)) < 100


@pytest.mark.parametrize("time", [None, 7, "yesterday", "2026-01-02T03:04:05", "", [], "+1"])
def test_a_time_that_is_none_gives_events_without_time(tmp_path: Path, time: Any) -> None:
    events, report = read(tmp_path, user(), assistant(tool_use(), timestamp=time))

    assert [event.time_us for event in of_type(events, ToolCalled)] == [None]
    assert [event.time_us for event in of_type(events, ModelCalled)] == [None]
    assert report.broken == 0


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_no_time(tmp_path: Path, time: str) -> None:
    events, _ = read(tmp_path, user(timestamp=time))

    assert [event.time_us for event in events] == [None, None]


def without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in names}


def with_message(**more: Any) -> dict[str, Any]:
    line: dict[str, Any] = assistant(tool_use("odd"))
    return {**line, "message": {**line["message"], **more}}


ODD_LINES: list[Any] = [
    b"not json\n",
    b"{\n",
    b"[]\n",
    b"7\n",
    b"null\n",
    b"\xff\xfe\n",
    b'{"type": "user", "uuid": "\xff"}\n',
    b'{"type": "user", "uuid": "\\ud800"}\n',
    b'{"type": "assistant", "message": ' + b"[" * 100_000 + b"\n",
    b'{"type": "assistant", "message": {"content": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}\n",
    b'{"type": "progress", "data": 7, "x": "tool_use"}\n',
    b'{"type": "progress", "data": {"message": {"message": 7}}, "x": "tool_use"}\n',
    b'{"type": "assistant", "message": {"usage": {"output_tokens": 1e999}}}\n',
    without(assistant(tool_use("odd")), "message"),
    {**assistant(), "message": None},
    {**assistant(), "message": "text"},
    with_message(content=7),
    with_message(content=None),
    with_message(content=[7, None, "text"]),
    with_message(usage=None),
    with_message(usage=[1]),
    with_message(usage={}),
    with_message(usage={"output_tokens": True}),
    with_message(usage={"output_tokens": -1}),
    with_message(usage={"output_tokens": 2.5}),
    with_message(usage={"output_tokens": 2**63}),
    with_message(id=None),
    with_message(id=""),
    with_message(id="m" * 5_000),
    with_message(model=None),
    with_message(model={"name": "opus"}),
    assistant(tool_use(None)),
    assistant(tool_use("")),
    assistant(tool_use("c" * 5_000)),
    assistant(tool_use("odd", None)),
    assistant(tool_use("odd", "")),
    assistant(tool_use("odd", 7)),
    user("odd", [tool_result(None)]),
    user("odd", [tool_result(["list"])]),
    user(None, "prompt"),  # type: ignore[arg-type]  # foreign files know no types
]


@pytest.mark.parametrize("odd", ODD_LINES, ids=range(len(ODD_LINES)))
def test_an_odd_line_is_counted_and_the_rest_goes_on(tmp_path: Path, odd: Any) -> None:
    before, after = assistant(tool_use("t1")), assistant(tool_use("t2"), message="msg_2")

    events, report = read(tmp_path, user(), before, odd, after)

    assert report.broken == 1
    assert {"t1", "t2"} <= {event.id for event in of_type(events, ToolCalled)}
    assert {"msg_1@7", "msg_2@7"} <= {event.id for event in of_type(events, ModelCalled)}
    for event in events:
        assert round_trip(event) == event


def test_a_line_of_ten_megabytes_is_read_like_any_other(tmp_path: Path) -> None:
    big = user("r", [tool_result(content="x" * 10_000_000)])

    events, report = read(tmp_path, user(), assistant(tool_use()), big)

    assert len(of_type(events, ToolFinished)) == 1
    assert report.broken == 0


def test_a_line_beyond_every_measure_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a file holds, memory is bounded."""
    monkeypatch.setattr("connectors.sources.lines.LINE_MAX", 1_000)

    events, report = read(tmp_path, user(), user("big", "x" * 4_500), assistant(tool_use()))

    assert [event.id for event in of_type(events, ToolCalled)] == ["toolu_1"]
    assert (report.broken, report.lines) == (1, 3)


def round_trip(event: Event) -> Event:
    sent = outgoing(event, 1)
    return decode(Record(sent.topic, 0, 0, sent.key, sent.value, sent.headers, 0))
