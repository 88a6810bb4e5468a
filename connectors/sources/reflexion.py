"""Reflexion's programming runs: one JSON object a problem, solved or not, after how many retries.

A problem is named by the stem of its file, which names the experiment, and its own id. Of the
reflections only their number is kept, which is the number of retries.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report, Unnumbered
from connectors.sources.lines import NOT_JSON, documents, files_under, wrong_with
from schemas.envelope import Event
from schemas.errors import Refused
from schemas.workflows import WorkflowRunFinished

SOURCE: Final = "reflexion"
"""Source of every event of this format."""


class Reflexion:
    """Reads the records of Reflexion's programming runs."""

    name = "reflexion"
    source = SOURCE
    describes = "Reflexion's programming runs (JSONL): solved or not, after how many retries"

    def default_paths(self) -> list[Path]:
        """None: results lie where the experiment was run."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.jsonl` files of a folder, or the file itself."""
        return files_under(path)

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Unnumbered]:
        """Every problem of every file."""
        for path in files:
            for number, text in documents(path, report):
                try:
                    event = _event(path.stem, _PROBLEM.decode(text))
                except (*NOT_JSON, ValidationError, Refused) as error:
                    report.broke(path, wrong_with(error), number)
                else:
                    yield Unnumbered(report.counted(event))


class _Problem(msgspec.Struct):
    id: str
    is_solved: bool
    retries: int | None = None


_PROBLEM = msgspec.json.Decoder(_Problem)


def _event(experiment: str, problem: _Problem) -> Event:
    run_id = f"{experiment}/{problem.id}"
    run = WorkflowRunFinished(
        workflow_id=run_id,
        run_id=run_id,
        group_id=experiment,
        status="solved" if problem.is_solved else "unsolved",
        outcome="success" if problem.is_solved else "failure",
        retry_count=problem.retries,
    )
    return Event(SOURCE, run_id, run)
