"""What holds for every format: found by name, silent about paths, unshaken by any bytes."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Report, Source, Unnumbered, Unreadable
from connectors.sources import SOURCES, by_name
from schemas.envelope import Event, decode, outgoing, to_structured
from schemas.errors import SourceUnreadable, WrongUse
from schemas.log import Record

every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)

# Names that the formats look for, so that random objects come close to real ones.
NAMES = (
    *("type", "uuid", "timestamp", "message", "isSidechain", "isMeta", "content", "usage", "id"),
    *("output_tokens", "model", "name", "tool_use_id", "is_error", "text", "data", "event", "time"),
    *("properties", "user_id", "main_model", "cost", "exception", "trial_name", "task_id"),
    *("is_resolved", "parser_results", "total_input_tokens", "trial_ended_at", "specversion"),
    *("agent_started_at", "agent_ended_at", "source", "revision", "subject"),
    *("pattern_id", "pattern_type", "context", "version", "task_type", "agent", "success"),
    *("duration_ms", "tags", "metadata", "updated_at"),
)
WORDS = (
    *("user", "assistant", "progress", "tool_use", "tool_result", "text", "message_send"),
    *("passed", "1.0", "motif.tool.called.v1", "2026-01-02T03:04:05Z"),
    *("task_completion", "2026-01-02", "production"),
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=12).map(
    lambda line: json.dumps(line, ensure_ascii=True).encode()
)
lines = st.one_of(objects, values.map(json.dumps).map(str.encode), st.binary(max_size=60))


def conversation(line: Any) -> bytes:
    """A transcript's line with the given parts, so that the depths are reached too."""
    kind, content, more = line
    message = {"id": "m", "model": "x", "usage": {"output_tokens": 3}, "content": content, **more}
    return json.dumps({"type": kind, "uuid": "u", "message": message}).encode()


deep_lines = st.tuples(
    st.sampled_from(["user", "assistant", "progress"]),
    values,
    st.dictionaries(st.sampled_from(["id", "model", "usage"]), values, max_size=1),
).map(conversation)


SUFFIXES = {"moai": ".json", "wfformat": ".json", "workflow-db": ".db"}
"""What the files of a format end with; the others are lines of JSON."""


def read_all(source: Source, content: bytes) -> tuple[list[Event | Unreadable], Report]:
    """What a file gives; nothing where the source says in a sentence that it is none of its own."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.jsonl"
        path.write_bytes(content)
        report = Report()
        try:
            found = list(source.read([path], report))
        except SourceUnreadable:
            return [], Report()
        return [one.event if isinstance(one, Unnumbered) else one for one in found], report


@every_source
@given(content=st.lists(lines | deep_lines, max_size=6).map(b"\n".join))
def test_no_bytes_shake_a_source(source: Source, content: bytes) -> None:
    found, report = read_all(source, content)

    events = [event for event in found if isinstance(event, Event)]
    for event in events:
        sent = outgoing(event, 4)
        stored = Record(sent.topic, sent.partition, 0, sent.key, sent.value, sent.headers, 0)
        assert decode(stored) == event
    assert sum(report.events.values()) == len(events)
    assert report.unreadable == len(found) - len(events)
    assert report.lines <= content.count(b"\n") + 1
    assert len(report.faults) == report.broken + report.unreadable_files


@pytest.mark.parametrize("name", ["gha", "reflexion", "terminal-bench", "aider", "wfformat"])
def test_what_is_none_of_the_format_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(b'\n{"a":1}\n' if name == "wfformat" else b'\n{"a":1}\n{"b\n')
    report = Report()

    assert not list(by_name(name).read([path], report))

    said = [str(fault).removeprefix(str(path)) for fault in report.faults]
    if name == "wfformat":
        assert said == [" is no record of this format: Object missing required field `name`"]
    else:
        assert said[0].startswith(", line 2, is no record of this format: Object missing required")
        assert said[1].startswith(", line 3, is no JSON: ")
    assert report.broken == len(said)


@every_source
@given(content=st.lists(lines | deep_lines, min_size=1, max_size=6).map(b"\n".join), data=st.data())
def test_a_longer_file_never_contradicts_a_shorter_one(
    source: Source, content: bytes, data: st.DataObject
) -> None:
    """Only formats that mint the identity; in the others the lines themselves may contradict."""
    if source.source is None:
        return
    cut = data.draw(st.integers(0, len(content)))

    before, _ = read_all(source, content[:cut])
    after, _ = read_all(source, content)

    stated: dict[str, bytes] = {}
    for event in before + after:
        if isinstance(event, Event):
            assert stated.setdefault(event.id, to_structured(event)) == to_structured(event)


@every_source
def test_a_source_says_what_it_is(source: Source) -> None:
    assert by_name(source.name) is source
    assert source.describes
    assert "\n" not in source.describes
    assert all(path.is_dir() for path in source.default_paths())


def test_an_unknown_format_is_answered_with_the_known_ones() -> None:
    with pytest.raises(WrongUse, match=r"'nothing'.*claude-code, aider, terminal-bench, .*jsonl"):
        by_name("nothing")


@every_source
def test_files_of_a_folder_are_found_recursively_and_sorted(source: Source, tmp_path: Path) -> None:
    suffix = SUFFIXES.get(source.name, ".jsonl")
    for name in (f"b{suffix}", f"a/z{suffix}", "a/notes.txt", "c.other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / f"folder{suffix}").mkdir()

    found = source.files(tmp_path)

    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == [f"a/z{suffix}", f"b{suffix}"]
    assert source.files(tmp_path / "c.other") == [tmp_path / "c.other"]


@every_source
def test_a_path_where_nothing_is_is_refused(source: Source, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="nothing at"):
        source.files(tmp_path / "nowhere")
