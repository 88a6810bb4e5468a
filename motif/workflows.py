"""Workflows of a program's own: calls for a loop that keeps its runs in step with Motif.

They have the names and the results of the pattern persistence that Motif grew from, with a node in
the place of its database connection and texts as ids. A workflow is a dictionary with the columns
of a `workflow_history.db`, and its run is the one that an import of that database states: calls and
imports may be mixed and repeated, and every run counts once for each of its operations. As there,
only a run that has ended is recorded, and a value that is no number where one belongs is left out,
which is logged.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypedDict

from pydantic import ValidationError

from connectors.contract import Unreadable
from connectors.sources.numbers import shown
from connectors.sources.workflow_columns import COLUMNS, Row
from connectors.sources.workflow_db import (
    SOURCE,
    WorkflowDatabase,
    has_ended,
    is_told,
    run_name,
    why_refused,
)
from motif.node import Node
from motif.stating import Statements
from projections import operations
from schemas.envelope import SIZE_MAX, Event, data_bytes
from schemas.errors import Refused, WrongUse
from schemas.workflows import WorkflowOperationAsserted
from streams.operations import parse_signature, recognise
from streams.recognise.operation import identity_of
from streams.runs import check_amended

_LOGGER: Final = logging.getLogger(__name__)
_NUMBER_BITS: Final = 64
_MISSING: Final = "workflow_id is missing: nothing names this run"

Workflow = Mapping[str, Any] | sqlite3.Row
"""A workflow as a row of its database, which need be no more than `sqlite3` gives."""


def _escaped(said: logging.LogRecord) -> bool:
    """Write half characters as escapes: an id may hold them, and no log could be written then."""
    if isinstance(said.args, tuple):
        said.args = tuple(
            one.encode("utf-8", "backslashreplace").decode() if isinstance(one, str) else one
            for one in said.args
        )
    return True


_LOGGER.addFilter(_escaped)


class Processed(TypedDict):
    """What was found in one workflow; new and named is what was learned from it."""

    patterns_detected: int
    new_patterns: int
    pattern_ids: list[str]


class Batch(TypedDict):
    """What was found in many; one not ended, or forgotten, is neither processed nor an error."""

    total_workflows: int
    processed: int
    total_patterns: int
    new_patterns: int
    errors: int


def record_pattern_occurrence(
    pattern_signature: str, workflow: Workflow, node: Node
) -> tuple[str | None, bool]:
    """Say that a workflow performed an operation; the pattern's id, and whether it is new.

    A run that is not known yet is recorded as the workflow states it; what is known of one stays as
    it is, for the workflow may be named by no more than its id. One without an id, or with a value
    that no run can have, or one that was forgotten, is not recorded: `(None, False)`.

    Raises:
        WrongUse: the signature is none, or the workflow is no row.
    """
    signature = _signature(pattern_signature)
    row = _row(workflow)
    run_id = run_name(row, None)
    if run_id is None:
        _LOGGER.warning("[Pattern] Missing workflow_id, cannot record %s", signature)
        return None, False
    stated = _stated(node, row)
    if stated.event is None or stated.is_forgotten:
        _publish(node, [stated])
        _LOGGER.warning("[Pattern] Failed to record pattern %s for %s", signature, run_id)
        return None, False
    known = _known(node, [signature])
    name = f"{run_id}/{signature}"
    said = WorkflowOperationAsserted(workflow_id=run_id, run_id=run_id, signature=signature)
    asserted = _Stated(Event(SOURCE, name, said, stated.event.time_us))
    is_said = node.ask(lambda store: operations.is_asserted(store, SOURCE, name))
    with node.stating(SOURCE) as statements:
        stands = [] if statements.knows(stated.event) else [_placed(statements, stated)]
        _publish(node, stands if is_said else [*stands, asserted])
    _tell(node, [signature], known)
    return identity_of(signature), signature not in known


def update_pattern_statistics(
    pattern_id: str, workflow: Workflow, node: Node
) -> dict[str, Any] | None:
    """Take over what a workflow says now; the operation's row of `operation_patterns` after that.

    None where there is no such pattern. Averages are always those over all runs that state a value.

    Raises:
        WrongUse: the workflow is no row.
    """
    row = _row(workflow)
    if run_name(row, None) is not None:
        _record(node, [row])
    found = _operation(node, pattern_id)
    if found is None:
        _LOGGER.warning("[Pattern] Pattern %s not found", pattern_id)
        return None
    _LOGGER.debug(
        "[Pattern] Updated statistics for pattern %s: avg_cost=$%.4f, savings=$%.3f/mo, "
        "confidence=%.1f%%",
        pattern_id,
        found["avg_cost_with_llm"] or 0.0,
        found["potential_monthly_savings"] or 0.0,
        found["confidence_score"],
    )
    return found


def confidence_of(pattern_id: str, node: Node) -> float:
    """The score of an operation from 0 to 100; 10.0 without runs, 0.0 where there is none."""
    found = _operation(node, pattern_id)
    return 0.0 if found is None else float(found["confidence_score"])


def process_and_persist_workflow(workflow: Workflow, node: Node) -> Processed:
    """Record a workflow, and learn from it what its request, error and template name.

    What is wrong with it is logged, and nothing of it is recorded.

    Raises:
        WrongUse: the workflow is no row.
    """
    row = _row(workflow)
    found = _operations(node, row)
    known = _known(node, found)
    [stated] = _record(node, [row], nameless=False)
    if not stated.is_recorded:
        for signature in found:
            _LOGGER.warning(
                "[Pattern] Failed to record pattern %s for workflow %s: %s",
                signature,
                run_name(row, None),
                stated.why,
            )
        return {"patterns_detected": len(found), "new_patterns": 0, "pattern_ids": []}
    learned = _known(node, found)
    _tell(node, [one for one in found if one in learned], known)
    return {
        "patterns_detected": len(found),
        "new_patterns": len(learned - known),
        "pattern_ids": [identity_of(signature) for signature in found if signature in learned],
    }


def batch_process_workflows(workflows: Iterable[Workflow], node: Node) -> Batch:
    """Record many workflows at once; one that cannot be is an error, and a dead letter."""
    rows = [_row_or_letter(workflow) for workflow in workflows]
    found = [[] if isinstance(row, Unreadable) else _operations(node, row) for row in rows]
    known = _known(node, {signature for one in found for signature in one})
    recorded = _record(node, rows)
    errors = sum(stated.is_refused for stated in recorded)
    if errors:
        _LOGGER.error("[Pattern] %d workflows could not be recorded", errors)
    named = [one for one, stated in zip(found, recorded, strict=True) if stated.is_recorded]
    learned = _known(node, {signature for one in named for signature in one})
    fresh = learned - known
    _tell(node, sorted(fresh), known)
    return {
        "total_workflows": len(rows),
        "processed": len(named),
        "total_patterns": sum(signature in learned for one in named for signature in one),
        "new_patterns": len(fresh),
        "errors": errors,
    }


def _row_or_letter(workflow: Workflow) -> Row | Unreadable:
    """A workflow by the names of its columns, or the letter about what is none."""
    try:
        return _row(workflow)
    except WrongUse as error:
        return Unreadable(json.dumps(shown(workflow)).encode(), "invalid_payload", str(error))


def _row(workflow: Workflow) -> Row:
    """A workflow by the names that the reader of such databases has for its columns.

    Raises:
        WrongUse: it is no row.
    """
    if isinstance(workflow, sqlite3.Row):
        workflow = {name.lower(): workflow[name] for name in workflow.keys()}  # noqa: SIM118  # it iterates over its values
    if not isinstance(workflow, Mapping):
        message = f"a workflow is {shown(workflow)}; it must be a row: a dictionary by its columns"
        raise WrongUse(message)
    row: dict[str, Any] = {}
    for name, spellings in COLUMNS.items():
        stated = [workflow[one] for one in spellings if one in workflow]
        if stated:
            row[name] = stated[0]
    return row


def _signature(text: str) -> str:
    try:
        return ":".join(parse_signature(text))
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _operations(node: Node, row: Row) -> list[str]:
    """The signatures that a workflow's texts name, as the learner will find them."""
    texts = [row.get(name) for name in ("request", "error", "template")]
    said = [text if isinstance(text, str) else None for text in texts]
    return [one.signature for one in recognise(node.identity.operations, *said)]


def _known(node: Node, signatures: Iterable[str]) -> set[str]:
    """Which of these operations were learned before."""
    ids = {identity_of(signature): signature for signature in signatures}
    there = node.ask(lambda store: operations.known(store, list(ids)))
    return {ids[one] for one in there}


class _Stated(NamedTuple):
    """What a workflow states: a run, a letter in the place of one, or nothing yet.

    `why` is said where it is not recorded; an event that is refused is appended all the same, and
    the learner, or the publisher, makes the letter of it.
    """

    event: Event | None = None
    letter: Unreadable | None = None
    has_ended: bool = True
    is_refused: bool = False
    is_known: bool = False
    is_forgotten: bool = False
    why: str = ""

    @property
    def is_due(self) -> bool:
        """Whether it is to be appended, as a run or as a letter."""
        return self.has_ended and not self.is_forgotten

    @property
    def is_recorded(self) -> bool:
        """Whether the run counts as it is stated."""
        return self.is_due and not self.is_refused


def _record(
    node: Node, rows: Sequence[Row | Unreadable], *, nameless: bool = True
) -> list[_Stated]:
    """Append what workflows state, where the log does not say so already; what became of each."""
    stated = [
        _Stated(letter=row, is_refused=True, why=row.detail)
        if isinstance(row, Unreadable)
        else _stated(node, row)
        for row in rows
    ]
    with node.stating(SOURCE) as statements:
        recorded = [_placed(statements, one) for one in stated]
        _publish(node, [one for one in recorded if nameless or one.why != _MISSING])
    return recorded


def _stated(node: Node, row: Row) -> _Stated:
    """What a workflow states, with no place among the statements yet."""
    run_id = run_name(row, None)
    if run_id is None:
        return _refused(row, "invalid_payload", _MISSING)
    try:
        event, _, odd = WorkflowDatabase().statement(row, run_id, asked=True)
        data = data_bytes(event.data)
    except (ValidationError, Refused) as error:
        return _refused(row, *why_refused(error))
    except UnicodeEncodeError as error:
        return _refused(
            row, "invalid_payload", f"a text is none that can be written: {error}"[:300]
        )
    if node.publisher.forgot(event):
        return _Stated(event, is_forgotten=True, why="it was forgotten")
    if is_told(row) and not has_ended(row):
        return _Stated(event, has_ended=False, why="it has not ended")
    for sentence in odd:
        _LOGGER.warning("[Pattern] %s of workflow %s is left out", sentence, run_id)
    if len(data) > SIZE_MAX:
        return _Stated(event, is_refused=True, why="it is too large")
    try:
        check_amended(event, node.identity.horizon_us)
    except Refused as late:
        return _Stated(event, is_refused=True, why=late.detail)
    return _Stated(event)


def _placed(statements: Statements, stated: _Stated) -> _Stated:
    if stated.event is None or not stated.is_due:
        return stated
    event, is_known = statements.numbered(stated.event, newest=True)
    return stated._replace(event=event, is_known=is_known)


def _publish(node: Node, recorded: Iterable[_Stated]) -> None:
    items = [
        item
        for one in recorded
        if one.is_due and not one.is_known and (item := one.letter or one.event) is not None
    ]
    if items:
        node.publisher.publish(items, origin="library")


def _operation(node: Node, pattern_id: str) -> dict[str, Any] | None:
    return node.ask(lambda store: operations.operation(store, pattern_id))


def _refused(row: Row, reason: str, detail: str) -> _Stated:
    # Written with escapes, for there may be halves of characters in it.
    plain = {name: one if _is_plain(one) else shown(one) for name, one in row.items()}
    letter = Unreadable(json.dumps(plain).encode(), reason, detail)
    return _Stated(letter=letter, is_refused=True, why=detail)


def _is_plain(value: Any) -> bool:
    """Whether JSON can say it as it is; Python writes no number of thousands of digits."""
    is_short = not isinstance(value, int) or value.bit_length() <= _NUMBER_BITS
    return is_short and (value is None or isinstance(value, str | int | float))


def _tell(node: Node, signatures: Iterable[str], known: set[str]) -> None:
    for signature in signatures:
        if signature not in known:
            _LOGGER.info("[Pattern] New pattern detected: %s", signature)
        elif _LOGGER.isEnabledFor(logging.DEBUG):
            found = _operation(node, identity_of(signature))
            count = 0 if found is None else found["occurrence_count"]
            _LOGGER.debug("[Pattern] Updated pattern %s (count: %s)", signature, count)
