"""Fifty real sessions: every total that an independent program computed, out of the events."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Report
from connectors.sources.claude_code import ClaudeCode
from schemas.envelope import Event, to_structured
from schemas.events import ModelCalled, ToolCalled, ToolFinished, UserInterrupted, UserPrompted

pytestmark = pytest.mark.needs_shared_data

PREFIXES = 10


@pytest.fixture(scope="module")
def truths(shared_data: Path) -> dict[str, Any]:
    every: dict[str, Any] = json.loads((shared_data / "TRUTHS.json").read_bytes())
    truth: dict[str, Any] = every["claude_code_sessions"]
    return truth


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[Path]:
    return ClaudeCode().files(shared_data / "claude-code-sessions")


@pytest.fixture(scope="module")
def imported(files: list[Path]) -> tuple[list[Event], Report]:
    report = Report()
    return list(ClaudeCode().read(files, report)), report


@pytest.fixture(scope="module")
def events(imported: tuple[list[Event], Report]) -> list[Event]:
    return imported[0]


def calls_of(events: list[Event]) -> Iterator[tuple[str, ToolCalled]]:
    for event in events:
        if isinstance(event.data, ToolCalled):
            yield event.id, event.data


def failed_calls(events: list[Event]) -> set[str]:
    results = (event.data for event in events if isinstance(event.data, ToolFinished))
    return {result.call_id for result in results if not result.ok}


def steps(events: list[Event]) -> Iterator[tuple[tuple[str, ToolCalled], tuple[str, ToolCalled]]]:
    sessions = defaultdict(list)
    for identity, call in calls_of(events):
        sessions[call.session_id].append((identity, call))
    for calls in sessions.values():
        yield from pairwise(calls)


def as_table(pairs: list[list[Any]]) -> dict[Any, int]:
    return {tuple(name) if isinstance(name, list) else name: count for name, count in pairs}


def test_sessions_and_lines_are_all_there(
    imported: tuple[list[Event], Report], truths: dict[str, Any]
) -> None:
    events, report = imported

    assert report.sessions == truths["sessions"] == len({event.key for event in events})
    assert report.lines == truths["lines"]
    assert report.nested_calls == 478
    assert (report.broken, report.unfinished, report.orphan_results) == (0, 0, 0)
    assert not report.unknown
    assert sum(report.events.values()) == len(events) == len({event.id for event in events})


def test_tool_calls_and_errors_by_tool_are_the_known_ones(
    events: list[Event], truths: dict[str, Any]
) -> None:
    failed = failed_calls(events)

    calls = Counter(call.tool for _, call in calls_of(events))
    errors = Counter(call.tool for identity, call in calls_of(events) if identity in failed)

    assert calls.total() == truths["tool_calls"] == 3_612
    assert calls == as_table(truths["tool_calls_by_tool"])
    assert errors.total() == truths["tool_errors"] == 174
    assert errors == as_table(truths["tool_errors_by_tool"])


def test_transitions_are_the_known_ones(events: list[Event], truths: dict[str, Any]) -> None:
    transitions = Counter((call.tool, after.tool) for (_, call), (_, after) in steps(events))

    assert transitions.total() == truths["transitions_total"] == 3_562
    assert transitions == as_table(truths["transitions"])
    assert len(transitions) == truths["transitions_distinct"] == 154


def test_pairs_after_an_error_are_the_known_ones(
    events: list[Event], truths: dict[str, Any]
) -> None:
    failed = failed_calls(events)

    pairs = Counter(
        (call.tool, after.tool)
        for (identity, call), (_, after) in steps(events)
        if identity in failed
    )

    assert pairs.total() == truths["after_error_total"] == 170
    assert pairs == as_table(truths["after_error"])


def test_sixteen_calls_after_an_error_were_made_before_it_was_known(events: list[Event]) -> None:
    failed = failed_calls(events)
    times = {event.id: event.time_us or 0 for event in events}

    parallel = sum(
        times[following] < times[f"{identity}/result"]
        for (identity, _), (following, _) in steps(events)
        if identity in failed
    )

    assert parallel == 16


def test_the_order_stated_is_the_order_of_the_file(events: list[Event]) -> None:
    for (before, call), (_, after) in steps(events):
        assert after.previous_event_id == before
        assert (call.seq, after.seq) == (call.seq, (call.seq or 0) + 1)


def test_tokens_are_those_of_the_greatest_revision(
    events: list[Event], truths: dict[str, Any]
) -> None:
    calls = [event.data for event in events if isinstance(event.data, ModelCalled)]

    assert len(calls) == truths["api_calls"] == 3_409
    assert {
        "input": sum(call.input_tokens or 0 for call in calls),
        "cache_creation": sum(call.cache_write_tokens or 0 for call in calls),
        "cache_read": sum(call.cache_read_tokens or 0 for call in calls),
        "output": sum(call.output_tokens or 0 for call in calls),
    } == truths["tokens"]


def test_latencies_are_exact(events: list[Event], truths: dict[str, Any]) -> None:
    times = {event.id: event.time_us or 0 for event in events}
    latencies = defaultdict(list)
    for identity, call in calls_of(events):
        if finished_us := times.get(f"{identity}/result"):
            latencies[call.tool].append(finished_us - times[identity])

    found = {tool: (len(values), sum(values)) for tool, values in latencies.items()}

    known = truths["latency_ms_by_tool"]
    assert found == {tool: (row["n"], row["sum"] * 1_000) for tool, row in known.items()}


def test_people_are_counted_apart_from_machines(
    events: list[Event], truths: dict[str, Any]
) -> None:
    """Of the 390 plain texts, 13 are summaries by the machine and 14 outputs of commands."""
    prompts = sum(isinstance(event.data, UserPrompted) for event in events)
    interrupts = sum(isinstance(event.data, UserInterrupted) for event in events)

    assert interrupts == truths["interrupts"] == 22
    assert prompts == 368 < truths["user_string_prompts"]


def test_ten_growing_prefixes_never_contradict_the_whole(
    events: list[Event], files: list[Path], tmp_path: Path
) -> None:
    """Cut anywhere, also within a line: the same ids say the same, and more follows."""
    whole = {event.id: to_structured(event) for event in events}
    seen: dict[str, bytes] = {}
    source = ClaudeCode()
    for path in files:
        content = path.read_bytes()
        for part in range(1, PREFIXES + 1):
            prefix = tmp_path / path.name
            prefix.write_bytes(content[: len(content) * part // PREFIXES])
            for event in source.read([prefix], Report()):
                assert isinstance(event, Event)
                assert seen.setdefault(event.id, to_structured(event)) == to_structured(event)

    superseded = seen.keys() - whole.keys()
    assert {identity: seen[identity] for identity in whole} == whole
    for identity in superseded:
        subject, _, revision = identity.rpartition("@")
        assert any(f"{subject}@{later}" in whole for later in range(int(revision) + 1, 100_000))


def test_the_same_folder_under_another_path_gives_the_same_events(
    events: list[Event], files: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere" / "deep"
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        (folder / f"{number:03}.jsonl").write_bytes(path.read_bytes())
    source = ClaudeCode()

    again = list(source.read(source.files(tmp_path), Report()))

    assert [to_structured(event) for event in again] == [to_structured(event) for event in events]
