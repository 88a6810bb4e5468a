"""GitHub Actions runs that were run again: one JSON object a line, one line a group of runs.

A group is one workflow of one repository on one branch, from a first run to the last attempt. Its
line lists the runs in order, with what each came to and how long it took. A conclusion other than
success or failure (skipped, cancelled, startup_failure, none yet) leaves the outcome open. The
record states no times, and a request neither.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report, Unnumbered
from connectors.sources.lines import (
    NOT_JSON,
    documents,
    files_under,
    name_of,
    whole_number,
    wrong_with,
)
from schemas.envelope import Event
from schemas.errors import Refused
from schemas.workflows import WorkflowRunFinished

SOURCE: Final = "gha"
"""Source of every event of this format."""

_OUTCOMES: Final = frozenset({"success", "failure"})


class GitHubActions:
    """Reads records of runs that were run again."""

    name = "gha"
    source = SOURCE
    describes = "GitHub Actions runs (JSONL, a line a group): conclusions and durations in order"

    def default_paths(self) -> list[Path]:
        """None: such records lie anywhere."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.jsonl` files of a folder, or the file itself."""
        return files_under(path)

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Unnumbered]:
        """Every run of every line; a line with anything unreadable in it gives no run at all."""
        for path in files:
            for number, text in documents(path, report):
                try:
                    found = list(_runs(_GROUP.decode(text)))
                except (*NOT_JSON, ValidationError, Refused) as error:
                    report.broke(path, wrong_with(error), number)
                    continue
                for event in found:
                    yield Unnumbered(report.counted(event))


class _Group(msgspec.Struct):
    repo: str
    workflow: str
    run_ids: list[int]
    conclusions: list[str | None]
    branch: str | None = None
    set: int | None = None
    event: Any = None
    durations_ms: list[int | None] | None = None


_GROUP = msgspec.json.Decoder(_Group)


def _runs(group: _Group) -> Iterator[Event]:
    durations = group.durations_ms or [None] * len(group.run_ids)
    if not len(group.run_ids) == len(group.conclusions) == len(durations):
        raise Refused("invalid_payload", "it lists more runs than conclusions, or fewer")
    parts = (group.repo, group.workflow, group.branch or "", str(group.set or 0))
    name = "/".join(parts)
    stated = zip(group.run_ids, group.conclusions, durations, strict=True)
    for ordinal, (number, conclusion, duration_ms) in enumerate(stated):
        run_id = f"{name}/{number}"
        duration = whole_number(duration_ms)
        run = WorkflowRunFinished.model_validate(
            {
                "workflow_id": name,
                "run_id": run_id,
                "group_id": name,
                "ordinal": ordinal,
                "project": name_of(group.repo),
                "branch": name_of(group.branch),
                "status": conclusion,
                "outcome": conclusion if conclusion in _OUTCOMES else None,
                "duration_us": None if duration is None else duration * 1_000,
                "metadata": {"workflow": group.workflow, "event": name_of(group.event)},
            }
        )
        yield Event(SOURCE, run_id, run)
