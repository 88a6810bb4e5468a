"""Terminal-Bench's trials: what the harness counts, we count."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Report
from connectors.sources.terminal_bench import TerminalBench
from schemas.envelope import Event, time_us
from schemas.events import TaskCompleted

TRIAL: dict[str, Any] = {
    "id": "3758ed21",
    "trial_name": "build.1-of-1.run",
    "task_id": "build",
    "is_resolved": True,
    "failure_mode": "unset",
    "parser_results": {"test_a": "passed", "test_b": "failed", "test_c": "passed"},
    "total_input_tokens": 900,
    "total_output_tokens": 90,
    "trial_started_at": "2025-09-10T11:49:26.382085+00:00",
    "trial_ended_at": "2025-09-10T12:09:24.904813+00:00",
    "agent_started_at": "2025-09-10T11:49:30.254687+00:00",
    "agent_ended_at": "2025-09-10T12:09:03.166548+00:00",
    "run": "first",
    "instruction": "Build it.",
}


def read(folder: Path, *trials: Any) -> tuple[list[Event], Report]:
    path = folder / "20250911_agent_model.jsonl"
    lines = [trial if isinstance(trial, bytes) else json.dumps(trial).encode() for trial in trials]
    path.write_bytes(b"\n".join(lines))
    report = Report()
    return list(TerminalBench().read([path], report)), report


def task_of(folder: Path, **changed: Any) -> TaskCompleted:
    (event,), _ = read(folder, {**TRIAL, **changed})
    assert isinstance(event.data, TaskCompleted)
    return event.data


def test_a_trial_is_a_completed_task_without_the_text_of_the_task(tmp_path: Path) -> None:
    (event,), _ = read(tmp_path, TRIAL)

    assert event.source == "terminal-bench"
    assert event.id == "20250911_agent_model/build.1-of-1.run"
    assert event.time_us == time_us("2025-09-10T12:09:24.904813Z")
    assert event.data == TaskCompleted(
        task_type="build",
        agent="20250911_agent_model",
        success=True,
        duration_us=1_172_911_861,
        input_tokens=900,
        output_tokens=90,
        tests_passed=2,
        tests_failed=1,
        metadata={"failure_mode": "unset", "run": "first"},
        submission="20250911_agent_model",
    )


@pytest.mark.parametrize("resolved", [None, False, "true", 1])
def test_what_is_not_resolved_did_not_succeed(tmp_path: Path, resolved: Any) -> None:
    assert not task_of(tmp_path, is_resolved=resolved).success


@pytest.mark.parametrize("tokens", [0, None, -1, True, "900", 1.5])
def test_tokens_that_were_not_reported_are_not_known(tmp_path: Path, tokens: Any) -> None:
    task = task_of(tmp_path, total_input_tokens=tokens)

    assert (task.input_tokens, task.output_tokens) == (None, None)


@pytest.mark.parametrize("end", [None, "soon", 7, "2025-09-10T11:00:00Z", "2025-09-10T12:09:03"])
def test_a_duration_needs_both_ends_in_order(tmp_path: Path, end: Any) -> None:
    assert task_of(tmp_path, agent_ended_at=end).duration_us is None


def test_a_trial_without_its_end_happened_when_its_agent_ended(tmp_path: Path) -> None:
    (event,), _ = read(tmp_path, {**TRIAL, "trial_ended_at": None})

    assert event.time_us == time_us("2025-09-10T12:09:03.166548Z")


def test_a_trial_without_any_end_states_no_time(tmp_path: Path) -> None:
    (event,), _ = read(tmp_path, {**TRIAL, "trial_ended_at": None, "agent_ended_at": None})

    assert event.time_us is None


def test_tests_that_could_not_be_read_are_not_known(tmp_path: Path) -> None:
    task = task_of(tmp_path, parser_results=None)

    assert (task.tests_passed, task.tests_failed) == (None, None)


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b"{}",
        {**TRIAL, "trial_name": None},
        {**TRIAL, "trial_name": ""},
        {**TRIAL, "task_id": ""},
        {**TRIAL, "task_id": 7},
        {**TRIAL, "task_id": "x" * 5_000},
        b'{"trial_name": "\xff", "task_id": "t"}',
    ],
    ids=range(9),
)
def test_a_broken_trial_is_counted_and_the_rest_goes_on(tmp_path: Path, line: Any) -> None:
    events, report = read(tmp_path, line, TRIAL)

    assert (len(events), report.broken) == (1, 1)


@pytest.mark.needs_shared_data
def test_every_submission_has_the_totals_of_its_harness(shared_data: Path) -> None:
    truths = json.loads((shared_data / "TRUTHS.json").read_bytes())["terminal_bench"]
    source, report = TerminalBench(), Report()

    events = list(source.read(source.files(shared_data / "terminal-bench"), report))

    assert report.broken == 0
    assert len({event.id for event in events}) == len(events) == 2_800
    assert sum(event.time_us is None for event in events) == 472
    for submission, known in truths.items():
        tasks = [event.data for event in events if event.id.startswith(f"{submission}/")]
        check_totals([task for task in tasks if isinstance(task, TaskCompleted)], known)


def check_totals(tasks: list[TaskCompleted], known: dict[str, Any]) -> None:
    assert len(tasks) == known["trials"] == 400
    assert len({task.task_type for task in tasks}) == known["tasks"]
    assert sum(task.success for task in tasks) == known["harness_resolved_sum"]
    assert sum(task.tests_passed or 0 for task in tasks) == known["tests_passed"]
    assert sum(task.tests_failed or 0 for task in tasks) == known["tests_not_passed"]
    for field, truth in (
        ("input_tokens", "input_tokens_nonzero"),
        ("output_tokens", "output_tokens_where_input_nonzero"),
    ):
        values = [value for task in tasks if (value := getattr(task, field)) is not None]
        assert (len(values), sum(values)) == (known[truth]["n"], known[truth].get("sum", 0))
    durations = [task.duration_us for task in tasks if task.duration_us is not None]
    assert len(durations) == known["agent_seconds"]["n"]
    assert sum(durations) / 1e6 == pytest.approx(known["agent_seconds"].get("sum", 0), abs=1e-5)
