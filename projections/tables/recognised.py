"""Table `recognised`: the operations that the rules found in each statement about a run.

Those that somebody asserted stand there too, with `asserted` as the rule.

The learner recognises them to count them; here they are found again, by the same rules, for
whoever wants to see which run it was and which rule fired.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from duckdb import DuckDBPyConnection

from projections.tables.events import EventTable
from projections.tables.table import Row, Table
from projections.tables.types import COUNT, JSON, PLACE, TEXT
from schemas.ids import signature
from schemas.log import Log
from schemas.workflows import WorkflowOperationAsserted, WorkflowRunFinished
from streams.identity import identity_of as who
from streams.operations import BUILT_IN, OperationRules, characteristics, recogniser
from streams.recognise.operation import identity_of, pattern_of

RECOGNISED: Final = Table(
    "recognised",
    {
        **PLACE,
        "pattern_id": TEXT,
        "signature": TEXT,
        "rule": TEXT,
        "rules_version": TEXT,
        "characteristics": JSON,
        "place": COUNT,
    },
)
"""`place` counts the operations of one statement, in the order in which they were found."""


_encode = msgspec.json.Encoder().encode


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
        at = {name: place for place, name in enumerate(of.table.columns)}
        found: list[Row] = []
        if of.payload is WorkflowRunFinished:
            self._obey(settings)
            found = [one for row in rows for one in self._found(row, at)]
        elif of.payload is WorkflowOperationAsserted:
            found = [_asserted(row, row[at["signature"]]) for row in rows]
        if found:
            RECOGNISED.insert(cursor, found)

    def _obey(self, settings: int) -> None:
        if settings != self._settings:
            identity = who(self._log)
            self._rules = BUILT_IN if identity is None else identity.operations
            self._recognise = recogniser(self._rules)
            self._settings = settings

    def _found(self, row: Row, at: dict[str, int]) -> list[Row]:
        text = row[at["input_text"]]
        found = self._recognise(text, row[at["error_message"]], row[at["template"]])
        if not found:
            return []
        looks = characteristics(text, row[at["duration_us"]], row[at["error_count"]])
        document, version = _encode(looks), self._rules.version
        return [
            (*row[:3], *_names(one.signature), one.rule, version, document, place)
            for place, one in enumerate(found)
        ]


def _asserted(row: Row, operation: str) -> Row:
    return (*row[:3], *_names(operation), "asserted", None, b"", 0)


@lru_cache(1 << 12)
def _names(operation: str) -> tuple[str, str]:
    """The id of the operation's pattern, and its signature."""
    return identity_of(operation), signature(*pattern_of(operation)[1:])
