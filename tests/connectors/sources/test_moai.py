"""What MoAI-Flow saved is read from whichever file it lies in, and nothing in it is written."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import LABEL, Item, Options, Report, Unnumbered, Unreadable
from connectors.sources.moai import Moai
from connectors.sources.moai_records import Reader
from schemas.envelope import Event, from_structured, time_us, to_structured
from schemas.errors import Refused, WrongUse
from schemas.events import AgentUsed, ErrorOccurred, TaskCompleted, UserCorrected
from tests.connectors.sources.moai_samples import CONTEXT, TASK, record, save
from tests.strategies import json_values

DAY = "2025/11/29/"


def items(path: Path, options: Options | None = None) -> tuple[list[Item], Report]:
    """All that is read, and what the reading met."""
    source = Moai() if options is None else Moai().configured(options)
    report = Report()
    return list(source.read(source.files(path), report)), report


def read(path: Path, options: Options | None = None) -> list[Event]:
    """The events, none of them refused."""
    found, _ = items(path, options)
    events = [one.event if isinstance(one, Unnumbered) else one for one in found]
    assert not any(isinstance(one, Unreadable) for one in events)
    return events  # type: ignore[return-value]  # checked above


def refused(path: Path) -> list[Unreadable]:
    found, report = items(path)
    assert report.unreadable == len(found)
    assert all(isinstance(one, Unreadable) for one in found)
    return found  # type: ignore[return-value]  # checked above


def test_a_record_is_an_event_with_its_context(tmp_path: Path) -> None:
    save(tmp_path, f"{DAY}task_20251129_100000.json", record())

    [event] = read(tmp_path)

    assert event.source == "moai-flow"
    assert event.id == "task_completion/2025-11-29T10:00:00.123456/pat-1"
    assert event.time_us == time_us("2025-11-29T10:00:00.123456Z")
    assert event.extensions == {}
    assert isinstance(event.data, TaskCompleted)
    assert event.data.model_dump(exclude_none=True) == {
        "task_type": "code_generation",
        "agent": "expert-backend",
        "success": True,
        "duration_us": 2_500_000,
        "coverage_percent": 92.5,
        "project_name": "moai-adk",
        "session_id": "session-1",
        "environment": "production",
        "tags": ["backend", "test"],
        "metadata": {"region": "us-west-2"},
        "context_time_us": time_us("2025-11-29T09:59:59Z"),
        "pattern_id": "pat-1",
        "version": "1.0",
        "record_id": event.id,
    }


def test_each_type_is_an_event_of_its_own(tmp_path: Path) -> None:
    said: dict[str, dict[str, Any]] = {
        "task_completion": TASK,
        "error_occurrence": {"error_type": "E", "error_message": "m", "resolution_time_ms": 3},
        "agent_usage": {
            "agent_type": "a",
            "task_type": "t",
            "success": True,
            "duration_ms": 1,
            "tools_used": ["Read"],
            "memory_mb": 125.5,
            "cpu_percent": 45,
        },
        "user_correction": {
            "original_output": "x",
            "corrected_output": "y",
            "correction_type": "c",
            "agent": "a",
            "severity": "minor",
            "pattern_matched": "p",
        },
    }
    for kind, data in said.items():
        save(tmp_path, f"{kind}.json", record(pattern_type=kind, data=data))

    by_kind = {event.id.partition("/")[0]: event.data for event in read(tmp_path)}

    assert {kind: type(data) for kind, data in by_kind.items()} == {
        "task_completion": TaskCompleted,
        "error_occurrence": ErrorOccurred,
        "agent_usage": AgentUsed,
        "user_correction": UserCorrected,
    }
    assert by_kind["error_occurrence"].model_dump()["resolution_time_us"] == 3_000
    assert by_kind["agent_usage"].model_dump()["duration_us"] == 1_000


@pytest.mark.parametrize(
    "name",
    [
        "task_20251129_100000.json",
        "task_completion_20251129_100000_pat-1234.json",
        "PatternType.TASK_COMPLETION_20251129_100000_pat-1234.json",
        "task_20251129_100000.json.gz",
        "whatever.json",
    ],
)
def test_the_name_of_a_file_says_nothing(tmp_path: Path, name: str) -> None:
    save(tmp_path, f"{DAY}{name}", record())
    save(tmp_path, "index.json", {"pat-1": {"path": "elsewhere.json", "data": 1}})

    found, report = items(tmp_path)

    assert [type(one) for one in found] == [Unnumbered]
    assert (report.files, report.unknown) == (1, {})


def test_the_type_may_stand_under_the_key_of_the_collector(tmp_path: Path) -> None:
    said = record(type="task_completion")
    del said["pattern_type"]
    save(tmp_path, "a.json", said)

    assert [event.type for event in read(tmp_path)] == [TaskCompleted.type]


def test_the_order_of_files_and_copies_of_them_change_nothing(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path, f"one/{number}.json", record(f"pat-{number}"))
        save(tmp_path, f"two/{9 - number}.json.gz", record(f"pat-{number}"))

    one, two = (read(tmp_path / name) for name in ("one", "two"))

    assert sorted(one, key=lambda event: event.id) == sorted(two, key=lambda event: event.id)
    assert len(read(tmp_path)) == 8


def test_records_that_share_an_id_stay_apart_and_a_record_saved_again_does_not(
    tmp_path: Path,
) -> None:
    """The collector's ids begin anew with every process."""
    save(tmp_path, "a.json", record())
    save(tmp_path, "b.json", record(timestamp="2025-11-29T10:00:01Z"))
    save(tmp_path, "c.json", record(data={**TASK, "duration_ms": 5_000}))

    first, other, again = read(tmp_path)

    assert first.id == again.id != other.id
    assert first.data != again.data


def test_a_time_of_its_last_change_is_its_revision(tmp_path: Path) -> None:
    save(tmp_path, "a.json", record(updated_at="2025-12-01T00:00:00Z"))

    [event] = read(tmp_path)

    assert event.revision == time_us("2025-12-01T00:00:00Z")
    assert event.extensions == {"amendedtime": "2025-12-01T00:00:00.000000Z"}


@pytest.mark.parametrize(
    ("text", "utc", "zone"),
    [
        ("2025-11-29T10:00:00", "2025-11-29T10:00:00Z", "UTC"),
        ("2025-11-29T10:00:00.000001", "2025-11-29T09:00:00.000001Z", "Europe/Berlin"),
        ("2025-11-29", "2025-11-29T00:00:00Z", "Europe/Berlin"),
    ],
)
def test_a_time_without_an_offset_is_read_in_the_time_zone_and_kept(
    tmp_path: Path, text: str, utc: str, zone: str
) -> None:
    save(tmp_path, "a.json", record(timestamp=text))

    found, report = items(tmp_path, Options(timezone=zone))

    [one] = found
    assert isinstance(one, Unnumbered)
    assert one.event.time_us == time_us(utc)
    assert one.event.extensions == {"timetext": text}
    assert report.assumed_times == 1
    named = "2025-11-29T00:00:00" if text == "2025-11-29" else text
    assert one.event.id == f"task_completion/{named}/pat-1", "the same in whatever zone"


@pytest.mark.parametrize(
    ("text", "named", "kept"),
    [
        ("2025-11-29T10:00:00Z", "2025-11-29T10:00:00", False),
        ("2025-11-29T10:00:00.5Z", "2025-11-29T10:00:00.500000", True),
        ("2025-11-29T10:00:00+09:00", "2025-11-29T01:00:00", True),
        ("2025-11-29 10:00:00z", "2025-11-29T10:00:00", True),
    ],
)
def test_a_time_with_an_offset_is_named_in_utc_and_kept_as_it_was_written(
    tmp_path: Path, text: str, named: str, kept: bool
) -> None:
    save(tmp_path, "a.json", record(timestamp=text))

    [event] = read(tmp_path, Options(timezone="Europe/Berlin"))

    assert event.id == f"task_completion/{named}/pat-1"
    assert event.extensions == ({"timetext": text} if kept else {})


def test_a_record_without_time_has_none(tmp_path: Path) -> None:
    for name, said in (("a", record(timestamp=None)), ("b", record("b"))):
        save(tmp_path, f"{name}.json", said)
    without = record("c")
    del without["timestamp"]
    save(tmp_path, "c.json", without)

    assert [event.time_us is None for event in read(tmp_path)] == [True, False, True]


def test_what_is_empty_or_null_is_not_known(tmp_path: Path) -> None:
    data = {**TASK, "error_message": "", "coverage_percent": None}
    save(tmp_path, "a.json", record(data=data, context={"git_branch": "", "user_id": None}))
    save(tmp_path, "b.json", record("b", context=None, version=""))

    for event in read(tmp_path):
        said = event.data.model_dump()
        assert (said["error_message"], said["git_branch"], said["user_id"]) == (None,) * 3


def test_fields_that_nobody_knows_are_kept_apart(tmp_path: Path) -> None:
    data = {**TASK, "duration_us": "x", "session_id": 5}
    save(tmp_path, "a.json", record(data=data, context={**CONTEXT, "host": [1]}))

    [event] = read(tmp_path)

    said = event.data.model_dump()
    assert (said["data"], said["context"]) == (
        {"duration_us": "x", "session_id": 5},
        {"host": [1]},
    )
    assert (said["duration_us"], said["session_id"]) == (2_500_000, "session-1")


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"pattern_type": "invalid_type"}, "invalid_payload", "pattern_type is 'invalid_type'"),
        ({"data": {**TASK, "duration_ms": True}}, "invalid_payload", "data.duration_ms is True"),
        ({"data": {**TASK, "agent": ""}}, "invalid_payload", "data.agent is ''"),
        ({"data": []}, "invalid_payload", "data is []"),
        ({"context": {"tags": [5]}}, "invalid_payload", "context.tags"),
        ({"timestamp": "yesterday"}, "invalid_payload", "timestamp is 'yesterday'"),
        ({"pattern_id": ""}, "invalid_payload", "pattern_id is ''"),
        ({"pattern_id": "x" * 600}, "invalid_payload", "pattern_id has more than 512"),
        ({"context": {"metadata": {"a": "x" * 2_000_000}}}, "too_large", "bytes"),
    ],
)
def test_a_record_that_is_none_is_handed_back_with_its_bytes_and_why(
    tmp_path: Path, changed: dict[str, Any], reason: str, words: str
) -> None:
    path = save(tmp_path, "a.json", record(**changed))

    [found] = refused(tmp_path)

    assert found.value == path.read_bytes()
    assert found.reason == reason
    assert words in found.detail


def test_metadata_nested_too_deep_is_refused(tmp_path: Path) -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    said = json.dumps(record(context={"metadata": {"a": 0}})).encode().replace(b'{"a": 0}', deep)
    save(tmp_path, "a.json", said)

    found, report = items(tmp_path)

    assert len(found) + report.broken == 1
    assert not any(isinstance(one, Event | Unnumbered) for one in found)


@pytest.mark.parametrize("identity", ["../../etc/passwd", "/etc/passwd", "a/b", "..\\x", "\0"])
def test_an_id_is_never_a_path(tmp_path: Path, identity: str) -> None:
    save(tmp_path, "a.json", record(identity))

    [event] = read(tmp_path)

    assert event.id.endswith(f"T10:00:00.123456/{identity}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_label_is_carried_and_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    save(tmp_path, "a.json", record())

    [event] = read(tmp_path, Options(label="here"))
    assert event.extensions == {LABEL: "here"}
    with pytest.raises(WrongUse, match="cannot mirror"):
        Moai().configured(Options(label="x", mirror=True))
    with pytest.raises(WrongUse, match="no time zone 'Nowhere'"):
        Moai().configured(Options(timezone="Nowhere"))


@given(
    st.dictionaries(st.sampled_from([*record(), "type", "updated_at"]), json_values, max_size=2),
    st.dictionaries(st.sampled_from([*TASK, "error_message", "x"]), json_values, max_size=2),
    st.dictionaries(st.sampled_from([*CONTEXT, "x"]), json_values, max_size=2),
)
def test_whatever_a_record_says_it_is_an_event_or_is_refused(
    around: dict[str, Any], data: dict[str, Any], context: dict[str, Any]
) -> None:
    said = record(data={**TASK, **data}, context={**CONTEXT, **context}) | around
    report = Report()
    event = None
    with suppress(Refused):
        event = Reader().stated(said, report).event

    assert report.events.total() == (event is not None)
    if event is not None:
        assert from_structured(to_structured(event)) == event
