"""A database of workflow runs, `workflow_history.db`: SQLite, read only, whichever columns it has.

A run is named by `workflow_id`, else `adw_id`, else by its row's `id`, which means nothing outside
this database: then the import needs a label. Only what has ended is read: a status says so, or a
time at which it ended; where the table has neither, every row counts as ended, and neither its time
nor what was asked for is known. What the database itself counts of patterns is not read.

A row that says when it was updated has its place among the statements about its run by that; of
others the log is asked.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from connectors.contract import LABEL, Item, Options, Report, Unnumbered
from connectors.sources.foreign_db import reading, tolerant
from connectors.sources.lines import files_under, name_of
from connectors.sources.moments import Moment, moment, zone_of
from connectors.sources.numbers import count_of, micros_of, money_of, shown
from connectors.sources.workflow_columns import COLUMNS, ENDED, OUTCOMES, UNFINISHED, Row
from schemas.envelope import Event, time_text
from schemas.errors import Refused, SourceUnreadable, WrongUse
from schemas.fact import Payload
from schemas.times import FIRST_US, LAST_US
from schemas.workflows import WorkflowRunFinished

SOURCE: Final = "workflow-db"
"""Source of every event of this format, and of those of the library calls of the same name."""

TABLE: Final = "workflow_history"
NO_OPTIONS: Final = Options()
TEXT_MAX: Final = 256 << 10
"""Characters kept of a request or of an error; the rest of a longer one is cut off."""

_NUMBERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "attempt": count_of,
    "errors": count_of,
    "retries": count_of,
    "input_tokens": count_of,
    "output_tokens": count_of,
    "tokens": count_of,
    "duration_s": micros_of,
    "cost": money_of,
    "estimated_cost": money_of,
}
"""How the numbers of a row are read, by what they say."""

_TIMES: Final = ("started", "ended", "updated")


class Stated(NamedTuple):
    """What a row states: an event, whether its time had no offset, and what of it means nothing."""

    event: Event
    assumed: bool
    unread: list[str]


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
        """The ended runs of every database; of several as many as can be read.

        Raises:
            SourceUnreadable: the only file is no such database, damaged, or locked.
            WrongUse: rows have no name of their own, and there is no label, or one for two files.
        """
        if self.options.label and len(files) > 1:
            _check_label(files)
        for path in files:
            report.files += 1
            with tolerant(path, files, report):
                yield from self._runs(path, report)

    def _runs(self, path: Path, report: Report) -> Iterator[Item]:
        for row in _rows(path, self.options.label):
            report.lines += 1
            try:
                event = self.event_of(row, path, report)
            except (ValidationError, Refused) as error:
                raw = repr(sorted(row.items())).encode()
                yield report.refused(raw, *why_refused(error))
                continue
            if event is None:
                report.unfinished_runs += 1
            else:
                yield Unnumbered(report.counted(event))

    def event_of(self, row: Row, path: Path, report: Report) -> Event | None:
        """What a row of this database states; None of a run that has not ended.

        Raises:
            Refused: nothing names it.
            ValidationError: a value is not what the field holds.
        """
        run_id = run_name(row, self.options.label)
        if run_id is None:
            raise Refused("invalid_payload", "workflow_id is missing: nothing names this run")
        report.present.add(run_id)
        if is_told(row) and not has_ended(row):
            return None
        event, assumed, unread = self.statement(row, run_id, asked=is_told(row))
        report.assumed_times += assumed
        if unread:
            report.broke(path, f"has a row of {run_id} in which {', '.join(unread)}")
        return event

    def statement(self, row: Row, run_id: str, *, asked: bool) -> Stated:
        """What a row states; `asked` if its texts count.

        Raises:
            ValidationError: a value is not what the field holds.
            Refused: a time is outside the years 1 to 9999.
        """
        zone = zone_of(self.options.timezone)
        numbers = {name: read(row.get(name)) for name, read in _NUMBERS.items()}
        times = {name: moment(row.get(name), zone) for name in _TIMES}
        finished = _finished(times, numbers["duration_s"]) if asked else None
        updated = times["updated"]
        read = numbers | times
        unread = [name for name, value in read.items() if value is None and _says(row.get(name))]
        run = _run(row, run_id, numbers, asked=asked)
        assumed = finished is not None and finished.assumed
        at_us = None if finished is None else finished.at_us
        extensions = {LABEL: self.options.label} if self.options.label else {}
        odd = [f"{COLUMNS[name][0]} is {shown(row[name])}" for name in unread]
        if updated is None or updated.at_us < 0:
            event = Event(SOURCE, run_id, run, at_us, extensions=extensions)
            return Stated(event, assumed, odd)
        extensions["amendedtime"] = time_text(_sound(updated.at_us))
        revision = updated.at_us
        name = f"{run_id}@{revision}"
        event = Event(SOURCE, name, run, at_us, run_id, revision, extensions=extensions)
        return Stated(event, assumed, odd)


def run_name(row: Row, label: str | None) -> str | None:
    """What a row's run is called; None where nothing says.

    >>> run_name({"workflow_id": "wf-1"}, None), run_name({"id": 7}, "farm"), run_name({}, None)
    ('wf-1', 'farm/7', None)
    """
    for column in ("workflow_id", "adw_id"):
        stated = _number_as_text(row.get(column))
        if name_of(stated) is not None:
            return str(stated)
    number = _number_as_text(row.get("id"))
    return f"{label}/{number}" if label and isinstance(number, str) and number else None


def is_told(row: Row) -> bool:
    """Whether a row has a place for whether its run has ended."""
    return "status" in row or "ended" in row


def has_ended(row: Row) -> bool:
    """Whether it says so: by its status, or where that is none that is known, by when it ended."""
    status = row.get("status")
    known = status.strip().lower() if isinstance(status, str) else ""
    return known in ENDED or (known not in UNFINISHED and _says(row.get("ended")))


def _number_as_text(value: Any) -> Any:
    is_number = isinstance(value, Integral) and not isinstance(value, bool)
    return str(int(value)) if is_number else value


def _says(value: Any) -> bool:
    """Whether anything stands there."""
    return value is not None and value != "" and not (isinstance(value, str) and value.isspace())


def _sound(at_us: int) -> int:
    if not FIRST_US <= at_us <= LAST_US:
        raise Refused("bad_time", "the time of the update is outside the years 1 to 9999 in UTC")
    return at_us


def _check_label(files: Sequence[Path]) -> None:
    """One label names one database: the numbers of a second one would mean the same runs."""
    nameless = []
    for path in files:
        with suppress(SourceUnreadable):  # which is told when it is read
            nameless += [path] if _has_nameless(path) else []
    if len(nameless) > 1:
        message = (
            f"rows of {nameless[0]} and {nameless[1]} are named by a number only, which one "
            "--label would make the same runs; import each by itself, with a label of its own"
        )
        raise WrongUse(message)


def _has_nameless(path: Path) -> bool:
    """Whether a database has rows that only a label can name."""
    with reading(path) as database:
        columns = _columns(database, path)
        names = [columns[name] for name in ("workflow_id", "adw_id") if name in columns]
        if not names or "id" not in columns:
            return not names
        empty = " AND ".join(f"""coalesce("{name}", '') = ''""" for name in names)
        # The names of columns are those the database itself has told.
        query = f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE {empty})"  # noqa: S608
        return bool(database.execute(query).fetchone()[0])


def _rows(path: Path, label: str | None) -> Iterator[Row]:
    """The rows of a database, their columns under the names this module knows."""
    with reading(path) as database:
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


def _finished(times: Mapping[str, Moment | None], took_us: int | None) -> Moment | None:
    """When it ended: as the row says, else as long after it began as it took."""
    ended, began = times["ended"], times["started"]
    if ended is not None or began is None or took_us is None:
        return ended
    return began._replace(at_us=began.at_us + took_us)


def _run(row: Row, run_id: str, numbers: Mapping[str, Any], *, asked: bool) -> Payload:
    actual, estimated = numbers["cost"], numbers["estimated_cost"]
    error, errors = _text(row.get("error")), numbers["errors"]
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
            "attempt": numbers["attempt"],
            "input_text": _text(row.get("request")) if asked else None,
            "template": name_of(row.get("template")) if asked else None,
            "error_message": error if asked else None,
            "status": status,
            "outcome": OUTCOMES.get((status or "").strip().lower()),
            "input_tokens": numbers["input_tokens"],
            "output_tokens": numbers["output_tokens"],
            "total_tokens": numbers["tokens"],
            "cost_usd": cost,
            "cost_provenance": None
            if cost is None
            else "reported"
            if cost is actual
            else "estimated",
            "duration_us": numbers["duration_s"],
            "error_count": errors,
            "retry_count": numbers["retries"],
        }
    )


def _text(value: Any) -> str | None:
    return value[:TEXT_MAX] or None if isinstance(value, str) else None


def why_refused(error: ValidationError | Refused) -> tuple[str, str]:
    """The reason and the sentence for a row that states no run."""
    if isinstance(error, Refused):
        return error.reason, error.detail
    first = error.errors(include_url=False, include_context=False)[0]
    return "invalid_payload", f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]
