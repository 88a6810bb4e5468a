"""Terminal-Bench's trial records: one JSON object a line, one file a submission.

The harness decides what a record means: a trial whose `is_resolved` is null counts as not resolved,
and 0 input tokens mean that the agent reported none, in which case its output tokens are none
either. A trial happened when it ended (`trial_ended_at`, else `agent_ended_at`); one that states
neither has no time. Of the task only its id is kept, not its text.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report
from connectors.sources.lines import (
    NOT_JSON,
    documents,
    files_under,
    moment_of,
    name_of,
    whole_number,
    wrong_with,
)
from schemas.envelope import Event
from schemas.errors import Refused
from schemas.events import TaskCompleted

SOURCE: Final = "terminal-bench"
"""Source of every event of this format."""


class TerminalBench:
    """Reads trial records of Terminal-Bench."""

    name = "terminal-bench"
    source = SOURCE
    describes = "Terminal-Bench's trial records (JSONL): tasks, outcomes, durations, tokens"

    def default_paths(self) -> list[Path]:
        """None: results lie where the harness was run."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.jsonl` files of a folder, or the file itself."""
        return files_under(path)

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Event]:
        """Every trial of every file; the file's stem names the submission."""
        for path in files:
            for number, text in documents(path, report):
                try:
                    event = _event(path.stem, _TRIAL.decode(text))
                except (*NOT_JSON, ValidationError, Refused) as error:
                    report.broke(path, wrong_with(error), number)
                else:
                    yield report.counted(event)


class _Trial(msgspec.Struct):
    trial_name: str
    task_id: str
    is_resolved: Any = None
    failure_mode: Any = None
    parser_results: Any = None
    total_input_tokens: Any = None
    total_output_tokens: Any = None
    trial_ended_at: Any = None
    agent_started_at: Any = None
    agent_ended_at: Any = None
    run: Any = None


_TRIAL = msgspec.json.Decoder(_Trial)


def _event(submission: str, trial: _Trial) -> Event:
    ended_us = moment_of(trial.trial_ended_at)
    if name_of(trial.trial_name) is None:
        raise Refused("invalid_payload", "trial_name is no name")
    input_tokens = whole_number(trial.total_input_tokens) or None
    output_tokens = whole_number(trial.total_output_tokens) if input_tokens else None
    passed, failed = _tests(trial.parser_results)
    stated = {"failure_mode": trial.failure_mode, "run": trial.run}
    completed = TaskCompleted(
        task_type=trial.task_id,
        agent=submission,
        success=trial.is_resolved is True,
        duration_us=_duration_us(trial),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        tests_passed=passed,
        tests_failed=failed,
        metadata={name: text for name, text in stated.items() if name_of(text)} or None,
        submission=submission,
    )
    return Event(
        source=SOURCE,
        id=f"{submission}/{trial.trial_name}",
        data=completed,
        time_us=moment_of(trial.agent_ended_at) if ended_us is None else ended_us,
    )


def _duration_us(trial: _Trial) -> int | None:
    started_us, ended_us = moment_of(trial.agent_started_at), moment_of(trial.agent_ended_at)
    if started_us is None or ended_us is None or ended_us < started_us:
        return None
    return ended_us - started_us


def _tests(results: Any) -> tuple[int | None, int | None]:
    """Tests passed and not passed; both unknown where the harness could not read them."""
    if not isinstance(results, dict):
        return None, None
    passed = sum(outcome == "passed" for outcome in results.values())
    return passed, len(results) - passed
