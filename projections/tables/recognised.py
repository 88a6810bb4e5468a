"""Table `recognised`: the operations that the rules found in each statement about a run.

Those that somebody asserted stand there too, with `asserted` as the rule.

The learner recognises them to count them; here they are found again, by the same rules, for
whoever wants to see which run it was and which rule fired.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

from duckdb import DuckDBPyConnection

from projections.tables.events import BY_TYPE, EventTable
from projections.tables.table import Row, Table, Type
from projections.tables.types import COUNT, JSON, PLACE, TEXT
from schemas.ids import signature
from schemas.log import Log
from schemas.workflows import WorkflowOperationAsserted, WorkflowRunFinished
from streams.identity import identity_of as who
from streams.operations import BUILT_IN, OperationRules, described, recogniser
from streams.recognise.operation import identity_of, pattern_of

RECOGNISED: Final = Table(
    "recognised",
    {
        **PLACE,
        "pattern_id": TEXT,
        "signature": TEXT,
        "rule": TEXT,
        "rules_version": TEXT,
        "characteristics": Type(JSON.sql, JSON.arrow),
        "place": COUNT,
    },
)
"""`place` counts the operations of one statement, in the order in which they were found."""


_of_run: Final = itemgetter(
    *map(
        [*BY_TYPE[WorkflowRunFinished.type.encode()].table.columns].index,
        ("input_text", "error_message", "template", "duration_us", "error_count"),
    )
)
"""What of a run's row operations are recognised by, and described."""


class Recogniser:
    """Recognises operations by the rules that the log states for an epoch."""

    def __init__(self, log: Log) -> None:
        """Bind to a log; its rules are read when they are first needed."""
        self._log = log
        self._settings = -1
        self._rules: OperationRules = BUILT_IN
        self._recognise = recogniser(BUILT_IN)

    def insert(
        self, cursor: DuckDBPyConnection, of: EventTable, rows: Sequence[Row], settings: int
    ) -> None:
        """Add what rows of a raw table say, learned when settings had changed so many times."""
        found: list[Row] = []
        if of.payload is WorkflowRunFinished:
            self._obey(settings)
            found = self._found(rows)
        elif of.payload is WorkflowOperationAsserted:
            said = [*of.table.columns].index("signature")
            found = [_asserted(row, row[said]) for row in rows]
        if found:
            RECOGNISED.insert(cursor, found)

    def _obey(self, settings: int) -> None:
        if settings != self._settings:
            identity = who(self._log)
            self._rules = BUILT_IN if identity is None else identity.operations
            self._recognise = recogniser(self._rules)
            self._settings = settings

    def _found(self, rows: Sequence[Row]) -> list[Row]:
        recognise, version = self._recognise, self._rules.version
        found: list[Row] = []
        for row in rows:
            text, error, template, duration_us, errors = _of_run(row)
            operations = recognise(text, error, template)
            if operations:
                place, looks = row[:3], described(text, duration_us, errors)
                found += [
                    (*place, *_names(one.signature), one.rule, version, looks, number)
                    for number, one in enumerate(operations)
                ]
        return found


def _asserted(row: Row, operation: str) -> Row:
    return (*row[:3], *_names(operation), "asserted", None, None, 0)


@lru_cache(1 << 12)
def _names(operation: str) -> tuple[str, str]:
    """The id of the operation's pattern, and its signature."""
    return identity_of(operation), signature(*pattern_of(operation)[1:])
