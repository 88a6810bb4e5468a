"""A database of workflow runs, `workflow_history.db`: SQLite, read only, whichever columns it has.

A run is named by `workflow_id`, else `adw_id`, else by its row's `id`, which means nothing outside
this database: then the import needs a label. Only what has ended is read: a status says so, or a
time at which it ended; where the table has neither, every row counts as ended, and neither its time
nor what was asked for is known. What the database itself counts of patterns is not read.

A row that says when it was updated has its place among the statements about its run by that; of
others the log is asked.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pydantic import ValidationError

from connectors.contract import LABEL, Item, Options, Report, Unnumbered
from connectors.sources.lines import files_under, name_of, whole_number
from connectors.sources.moments import Moment, moment, zone_of
from connectors.sources.workflow_columns import COLUMNS, ENDED, OUTCOMES, Row
from schemas.envelope import Event, time_text
from schemas.errors import Refused, SourceUnreadable, WrongUse
from schemas.fact import Payload
from schemas.workflows import WorkflowRunFinished

SOURCE: Final = "workflow-db"
"""Source of every event of this format, and of those of the library calls of the same name."""

TABLE: Final = "workflow_history"
NO_OPTIONS: Final = Options()
BUSY_S: Final = 5.0
"""How long to wait for somebody who writes."""

TEXT_MAX: Final = 256 << 10
"""Characters kept of a request or of an error; the rest of a longer one is cut off."""


@dataclass(frozen=True)
class WorkflowDatabase:
    """Reads databases of workflow runs."""

    options: Options = NO_OPTIONS

    name = "workflow-db"
    source = SOURCE
    describes = "a workflow_history.db (SQLite): ended runs with request, tokens, cost, duration"

    def configured(self, options: Options) -> "WorkflowDatabase":
        """With a label, a time zone, and whether vanished rows count as deleted."""
        if options.mirror and not options.label:
            message = "--mirror needs --label: only runs imported under it may count as deleted"
            raise WrongUse(message)
        zone_of(options.timezone)
        return WorkflowDatabase(options)

    def default_paths(self) -> list[Path]:
        """None: such databases lie anywhere."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The `.db` files of a folder, or the file itself, whatever it is called."""
        return files_under(path, (".db",))

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Item]:
        """The ended runs of every database.

        Raises:
            SourceUnreadable: a file is no such database, damaged, or locked.
            WrongUse: its rows have no name of their own, and there is no label.
        """
        for path in files:
            report.files += 1
            for row in _rows(path, self.options.label):
                report.lines += 1
                try:
                    event = self.event_of(row, report)
                except (ValidationError, Refused) as error:
                    raw = repr(sorted(row.items())).encode()
                    yield report.refused(raw, "invalid_payload", _detail(error))
                    continue
                if event is None:
                    report.unfinished_runs += 1
                else:
                    yield Unnumbered(report.counted(event))

    def event_of(self, row: Row, report: Report) -> Event | None:
        """What a row of a database states; None of a run that has not ended.

        Raises:
            Refused: nothing names it.
            ValidationError: a value is not what the field holds.
        """
        run_id = run_name(row, self.options.label)
        if run_id is None:
            raise Refused("invalid_payload", "workflow_id is missing: nothing names this run")
        report.present.add(run_id)
        told = "status" in row or "ended" in row
        if told and not _has_ended(row):
            return None
        event, assumed = self.statement(row, run_id, asked=told)
        report.assumed_times += assumed
        return event

    def statement(self, row: Row, run_id: str, *, asked: bool) -> tuple[Event, bool]:
        """What a row states, and whether its time had no offset; `asked` if its texts count.

        Raises:
            ValidationError: a value is not what the field holds.
        """
        zone = zone_of(self.options.timezone)
        finished = _finished(row, zone) if asked else None
        updated = moment(row.get("updated"), zone)
        run = _run(row, run_id, asked=asked)
        assumed = finished is not None and finished.assumed
        at_us = None if finished is None else finished.at_us
        extensions = {LABEL: self.options.label} if self.options.label else {}
        if updated is None or updated.at_us < 0:
            return Event(SOURCE, run_id, run, at_us, extensions=extensions), assumed
        extensions["amendedtime"] = time_text(updated.at_us)
        revision = updated.at_us
        event = Event(
            SOURCE, f"{run_id}@{revision}", run, at_us, run_id, revision, extensions=extensions
        )
        return event, assumed


def run_name(row: Row, label: str | None) -> str | None:
    """What a row's run is called; None where nothing says.

    >>> run_name({"workflow_id": "wf-1"}, None), run_name({"id": 7}, "farm"), run_name({}, None)
    ('wf-1', 'farm/7', None)
    """
    for column in ("workflow_id", "adw_id"):
        stated = row.get(column)
        if isinstance(stated, int) and not isinstance(stated, bool):
            stated = str(stated)
        if name_of(stated) is not None:
            return str(stated)
    number = row.get("id")
    return f"{label}/{number}" if label and isinstance(number, int | str) and number else None


def _rows(path: Path, label: str | None) -> Iterator[Row]:
    """The rows of a database, their columns under the names this module knows."""
    try:
        with closing(_open(path)) as database:
            columns = _columns(database, path)
            if label is None and not {"workflow_id", "adw_id"} & set(columns):
                message = (
                    f"the rows of {path} are named by a number only; give this database a name "
                    "of its own: --label NAME"
                )
                raise WrongUse(message)
            chosen = ", ".join(f'"{column}"' for column in columns.values())
            # The names of columns are those the database itself has told.
            for values in database.execute(f"SELECT {chosen} FROM {TABLE}"):  # noqa: S608
                yield dict(zip(columns, values, strict=True))
    except (sqlite3.Error, OverflowError) as error:
        raise SourceUnreadable(_sentence(path, error)) from error


def _open(path: Path) -> sqlite3.Connection:
    where = f"file:{quote(str(path.resolve()))}?mode=ro"
    database = sqlite3.connect(where, uri=True, timeout=BUSY_S)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.execute("PRAGMA query_only = 1")
    return database


def _columns(database: sqlite3.Connection, path: Path) -> dict[str, str]:
    """The columns of this database, by the name this module has for what they hold."""
    there = {row[1].lower(): row[1] for row in database.execute(f"PRAGMA table_info({TABLE})")}
    if not there:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master LIMIT 20")]
        shown = ", ".join(sorted(map(str, tables))) or "none"
        message = f"{path} has no table {TABLE}: it is a database of another program ({shown})"
        raise SourceUnreadable(message)
    found = {}
    for name, spellings in COLUMNS.items():
        column = next((there[one] for one in spellings if one in there), None)
        if column is not None:
            found[name] = column
    if not {"workflow_id", "adw_id", "id"} & set(found):
        message = f"table {TABLE} of {path} has no column that names a run; workflow_id would do"
        raise SourceUnreadable(message)
    return found


def _sentence(path: Path, error: Exception) -> str:
    if "locked" in str(error) or "busy" in str(error):
        return f"{path} is locked by another program for more than {BUSY_S:.0f} s; try again later"
    return f"{path} cannot be read as a SQLite database: {error}"


def _has_ended(row: Row) -> bool:
    status = row.get("status")
    if isinstance(status, str):
        return status.strip().lower() in ENDED
    return row.get("ended") is not None


def _finished(row: Row, zone: tzinfo) -> Moment | None:
    """When it ended: as the row says, else as long after it began as it took."""
    ended = moment(row.get("ended"), zone)
    began, took_us = moment(row.get("started"), zone), _micros(row.get("duration_s"))
    if ended is not None or began is None or took_us is None:
        return ended
    return began._replace(at_us=began.at_us + took_us)


def _run(row: Row, run_id: str, *, asked: bool) -> Payload:
    actual, estimated = _money(row.get("cost")), _money(row.get("estimated_cost"))
    error = _text(row.get("error"))
    errors = whole_number(row.get("errors"))
    if errors is None and "errors" not in row and "error" in row and asked:
        errors = int(error is not None)  # as the program that wrote it counts them
    status = name_of(row.get("status"))
    cost = estimated if actual is None else actual
    return WorkflowRunFinished.model_validate(
        {
            "workflow_id": run_id,
            "run_id": run_id,
            "model": name_of(row.get("model")),
            "project": name_of(row.get("project")),
            "branch": name_of(row.get("branch")),
            "environment": name_of(row.get("environment")),
            "attempt": whole_number(row.get("attempt")),
            "input_text": _text(row.get("request")) if asked else None,
            "template": name_of(row.get("template")) if asked else None,
            "error_message": error if asked else None,
            "status": status,
            "outcome": OUTCOMES.get((status or "").strip().lower()),
            "input_tokens": whole_number(row.get("input_tokens")),
            "output_tokens": whole_number(row.get("output_tokens")),
            "total_tokens": whole_number(row.get("tokens")),
            "cost_usd": cost,
            "cost_provenance": None
            if cost is None
            else "reported"
            if cost is actual
            else "estimated",
            "duration_us": _micros(row.get("duration_s")),
            "error_count": errors,
            "retry_count": whole_number(row.get("retries")),
        }
    )


def _text(value: Any) -> str | None:
    return value[:TEXT_MAX] or None if isinstance(value, str) else None


def _decimal(value: Any) -> Decimal | None:
    """A number of whatever kind, exactly as it is written; None for what is none or negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _money(value: Any) -> Decimal | None:
    amount = _decimal(value)
    return amount if amount is not None and amount < 10**9 else None


def _micros(seconds: Any) -> int | None:
    number = _decimal(seconds)
    if number is None or number >= 10**12:
        return None
    return int((number * 1_000_000).to_integral_value())


def _detail(error: ValidationError | Refused) -> str:
    if isinstance(error, Refused):
        return error.detail
    first = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]
