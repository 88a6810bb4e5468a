"""What can be asked of whatever has been learned: of a node here, or of another process."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Event
from typing import Final, Literal, TypeVar, Unpack, overload

import pyarrow as pa

from motif.beside import PROJECTION
from motif.reports import (
    AgentsReport,
    ErrorsReport,
    OperationsReport,
    Report,
    TasksReport,
    report_of,
)
from projections import adhoc, agent_records, queries, records, wire
from projections.queries import Detail, Key, Pattern
from projections.records import Page, Record, Wanted
from projections.remote import NobodyAnswers, Readable, RemoteStore
from projections.store import ANY_LOG, Store
from schemas.clock import monotonic_s
from schemas.closing import Closing
from schemas.errors import LogUnavailable, WrongUse

Answer = TypeVar("Answer")

NAMED_MAX: Final = 5
"""Records that are named where an id names several."""

ALIKE_MAX: Final = 100
"""Records that are looked at where the end of a name is the same."""

READY_PAUSE_S: Final = 0.1
READY_S: Final = 20.0
"""How long a projector may take from its start to its first answer."""


def _called(store: Readable, name: str, source: str | None) -> list[Record]:
    """The records of this id; where there is none, those whose name ends with it."""
    found = records.load(store, name, source)
    if found or not name:
        return found
    named = agent_records.find(store, agent_records.Wanted(source, identity=name), ALIKE_MAX)
    subjects = dict.fromkeys(one.subject for one in named)
    return [one for subject in subjects for one in records.load(store, subject, source)]


class Asking(Closing):
    """Answers questions about patterns and rows."""

    @abstractmethod
    def ask(self, question: Callable[[Readable], Answer]) -> Answer:
        """Ask anything of the projection."""

    def patterns(
        self,
        kind: str | None = None,
        *,
        min_confidence: float | None = None,
        search: str | None = None,
        limit: int = 50,
        after: Key | None = None,
    ) -> list[Pattern]:
        """Learned patterns, best first: by confidence, then occurrences, then id.

        `after` is the `key` of the last pattern of the page before.
        """
        return self.ask(
            lambda store: queries.patterns(
                store,
                kind=kind,
                min_confidence=min_confidence,
                search=search,
                limit=limit,
                after=after,
            )
        )

    def pattern(self, name: str) -> Detail:
        """One pattern by id, signature, or `kind:signature`, with measures, days and sites.

        Raises:
            WrongUse: there is none of that name, or more than one.
        """
        detail = self.ask(lambda store: queries.pattern(store, name))
        if detail is None:
            message = f"no pattern is called {name!r}; `motif patterns --search` finds them"
            raise WrongUse(message)
        return detail

    def records(
        self, *, limit: int = 50, after: str | None = None, **wanted: Unpack[Wanted]
    ) -> Page:
        """Single records as they are said now, newest first by when they were first appended.

        All that is `wanted` must fit: a type (`task_completion`, `error_occurrence`, `agent_usage`,
        `user_correction`, `workflow_run`), a range of time, tags, who and where, words of the text.
        `after` is the `next` of the page before.

        Raises:
            WrongUse: something asked for cannot be meant.
        """
        return self.ask(lambda store: records.page(store, wanted, limit=limit, after=after))

    def record(self, subject: str, *, source: str | None = None) -> Record:
        """The record of this id, as it is said now; without `source` of whoever states it.

        Of a record that is named by its type, its time and its id, the id is enough.

        Raises:
            WrongUse: there is none, or more than one.
        """
        found = self.ask(lambda store: _called(store, subject, source))
        if len(found) == 1:
            return found[0]
        of = f"{subject!r}" if source is None else f"{subject!r} of {source!r}"
        if not found:
            raise WrongUse(f"no record is called {of}; `motif records` finds them")
        names = ", ".join(
            f"{one.type} of {one.source}"
            if one.subject == subject
            else f"{one.subject} of {one.source}"
            for one in found[:NAMED_MAX]
        )
        raise WrongUse(f"{len(found)} records are called {of}: {names}")

    @overload
    def report(
        self, name: Literal["agents"], *, days: int | None = ..., as_of: date | None = ...
    ) -> AgentsReport: ...
    @overload
    def report(
        self, name: Literal["errors"], *, days: int | None = ..., as_of: date | None = ...
    ) -> ErrorsReport: ...
    @overload
    def report(
        self, name: Literal["tasks"], *, days: int | None = ..., as_of: date | None = ...
    ) -> TasksReport: ...
    @overload
    def report(
        self, name: Literal["operations"], *, days: int | None = ..., as_of: date | None = ...
    ) -> OperationsReport: ...
    @overload
    def report(self, name: str, *, days: int | None = ..., as_of: date | None = ...) -> Report: ...

    def report(self, name: str, *, days: int | None = None, as_of: date | None = None) -> Report:
        """The report on agents, errors, tasks or operations, over the rows of this site.

        It is over the last `days`, UTC, that end with `as_of`: a day, which counts whole, or a
        moment; by default the greatest event time of the log. Without `days` it is over all.

        Raises:
            WrongUse: there is no such report, or no such window.
        """
        return self.ask(lambda store: report_of(store, name, days=days, as_of=as_of))

    def sql(self, query: str) -> pa.Table:
        """The rows of one read-only SQL statement over the projection.

        Raises:
            WrongUse: it is no single SELECT, or DuckDB refuses it.
        """
        return self.ask(lambda store: adhoc.sql(store, query))


class Asked(Asking):
    """The projection of a folder that a running process keeps up to date, asked through it."""

    def __init__(self, folder: Path, pid: str) -> None:
        """Wait until process `pid` answers.

        Raises:
            LogUnavailable: it does not, for long.
        """
        self.folder: Final = folder
        self.store: Final = RemoteStore(folder)
        self.notices: list[str] = []
        began_s = monotonic_s()
        while True:
            try:
                self.about: wire.About = self.store.about()
                return
            except NobodyAnswers as error:
                if monotonic_s() - began_s > READY_S:
                    raise LogUnavailable(
                        f"process {pid} projects into {folder} and has not answered within "
                        f"{READY_S:.0f} s: it answers when it has caught up, or says what keeps it"
                    ) from error
                Event().wait(READY_PAUSE_S)

    def ask(self, question: Callable[[Readable], Answer]) -> Answer:
        """Ask it; its answer is at most seconds behind the log."""
        return question(self.store)

    def close(self) -> None:
        """Nothing is held."""


class AsLeft(Asking):
    """The tables of a folder as they were left, where nobody can bring them up to date."""

    def __init__(self, store: Store) -> None:
        """Take over a file that is open for reading."""
        self._store = store

    def ask(self, question: Callable[[Readable], Answer]) -> Answer:
        """Ask the file."""
        return question(self._store)

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        self._store.close()


def as_left(folder: Path) -> AsLeft | None:
    """The tables of a folder for reading, whichever log they are of; None where there are none.

    Raises:
        LogHeld: another process has them open.
        ProjectionDamaged: they cannot be read.
    """
    path = folder / PROJECTION
    return AsLeft(Store.open(path, log_id=ANY_LOG, read_only=True)) if path.is_file() else None
