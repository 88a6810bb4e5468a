"""Workflows of a program's own: calls for a loop that keeps its runs in step with Motif.

They have the names and the results of the pattern persistence that Motif grew from, with a node in
the place of its database connection and texts as ids. A workflow is a dictionary with the columns
of a `workflow_history.db`, and its run is the one that an import of that database states: calls and
imports may be mixed and repeated, and every run counts once for each of its operations.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypedDict

import msgspec
from pydantic import ValidationError

from connectors.contract import Unreadable
from connectors.sources.workflow_columns import COLUMNS, Row
from connectors.sources.workflow_db import SOURCE, WorkflowDatabase, run_name
from motif.node import Node
from projections import operations
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.workflows import WorkflowOperationAsserted
from streams.operations import parse_signature, recognise
from streams.recognise.operation import identity_of

_LOGGER: Final = logging.getLogger(__name__)
_MISSING: Final = "workflow_id is missing: nothing names this run"

Workflow = Mapping[str, Any]
"""A workflow as a row of its database."""


class Processed(TypedDict):
    """What was found in one workflow."""

    patterns_detected: int
    new_patterns: int
    pattern_ids: list[str]


class Batch(TypedDict):
    """What was found in many."""

    total_workflows: int
    processed: int
    total_patterns: int
    new_patterns: int
    errors: int


def record_pattern_occurrence(
    pattern_signature: str, workflow: Workflow, node: Node
) -> tuple[str | None, bool]:
    """Say that a workflow performed an operation; the pattern's id, and whether it is new.

    A workflow without an id is not recorded: `(None, False)`.

    Raises:
        WrongUse: the signature is none.
    """
    signature = _signature(pattern_signature)
    row = _row(workflow)
    run_id = run_name(row, None)
    if run_id is None:
        _LOGGER.warning("[Pattern] Missing workflow_id, cannot record %s", signature)
        return None, False
    known = _known(node, [signature])
    _record(node, [(row, run_id)], asserted=signature)
    _tell(node, [signature], known)
    return identity_of(signature), signature not in known


def update_pattern_statistics(
    pattern_id: str, workflow: Workflow, node: Node
) -> dict[str, Any] | None:
    """Take over what a workflow says now; the operation's row of `operation_patterns` after that.

    None where there is no such pattern. Averages are always those over all runs that state a value.
    """
    row = _row(workflow)
    run_id = run_name(row, None)
    if run_id is not None:
        _record(node, [(row, run_id)])
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
    """
    row = _row(workflow)
    found = _operations(node, row)
    run_id = run_name(row, None)
    known = _known(node, found)
    if run_id is None or not _record(node, [(row, run_id)]):
        for signature in found:
            _LOGGER.warning(
                "[Pattern] Failed to record pattern %s for workflow %s: %s",
                signature,
                run_id,
                _MISSING if run_id is None else "it is refused",
            )
        return {"patterns_detected": len(found), "new_patterns": 0, "pattern_ids": []}
    _tell(node, found, known)
    return {
        "patterns_detected": len(found),
        "new_patterns": len(found) - len(known),
        "pattern_ids": [identity_of(signature) for signature in found],
    }


def batch_process_workflows(workflows: Iterable[Workflow], node: Node) -> Batch:
    """Record many workflows at once; one that cannot be is an error, and a dead letter."""
    rows = [_row(workflow) for workflow in workflows]
    named = [(row, run_id) for row in rows if (run_id := run_name(row, None)) is not None]
    nameless = [row for row in rows if run_name(row, None) is None]
    found = [_operations(node, row) for row, _ in named]
    signatures = {signature for one in found for signature in one}
    known = _known(node, signatures)
    recorded = _record(node, named, nameless=nameless)
    if len(recorded) < len(rows):
        _LOGGER.error("[Pattern] %d workflows could not be recorded", len(rows) - len(recorded))
    fresh = {
        one
        for (_, run_id), one_of in zip(named, found, strict=True)
        if run_id in recorded
        for one in one_of
    } - known
    _tell(node, fresh, known)
    return {
        "total_workflows": len(rows),
        "processed": len(recorded),
        "total_patterns": sum(
            len(one) for (_, run_id), one in zip(named, found, strict=True) if run_id in recorded
        ),
        "new_patterns": len(fresh),
        "errors": len(rows) - len(recorded),
    }


def _row(workflow: Workflow) -> Row:
    """A workflow by the names that the reader of such databases has for its columns."""
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


def _record(
    node: Node,
    named: Iterable[tuple[Row, str]],
    *,
    asserted: str | None = None,
    nameless: Iterable[Row] = (),
) -> list[str]:
    """Append what workflows state, where the log does not say so already; the runs recorded."""
    statements = node.statements(SOURCE)
    items: list[Event | Unreadable] = []
    recorded = []
    for row, run_id in named:
        try:
            event, _, _ = WorkflowDatabase().statement(row, run_id, asked=True)
        except ValidationError as error:
            items.append(_letter(row, str(error)[:300]))
            continue
        recorded.append(run_id)
        event, is_known = statements.numbered(event, newest=True)
        if not is_known:
            items.append(event)
        if asserted is not None:
            items.append(_assertion(run_id, asserted, event))
    items += [_letter(row, _MISSING) for row in nameless]
    if items:
        node.publisher.publish(items, origin="library")
    return recorded


def _assertion(run_id: str, signature: str, run: Event) -> Event:
    said = WorkflowOperationAsserted(workflow_id=run_id, run_id=run_id, signature=signature)
    return Event(SOURCE, f"{run_id}/{signature}", said, run.time_us)


def _operation(node: Node, pattern_id: str) -> dict[str, Any] | None:
    return node.ask(lambda store: operations.operation(store, pattern_id))


def _letter(row: Row, detail: str) -> Unreadable:
    return Unreadable(msgspec.json.encode(dict(row), enc_hook=repr), "invalid_payload", detail)


def _tell(node: Node, signatures: Iterable[str], known: set[str]) -> None:
    for signature in signatures:
        if signature not in known:
            _LOGGER.info("[Pattern] New pattern detected: %s", signature)
        elif _LOGGER.isEnabledFor(logging.DEBUG):
            found = _operation(node, identity_of(signature))
            count = 0 if found is None else found["occurrence_count"]
            _LOGGER.debug("[Pattern] Updated pattern %s (count: %s)", signature, count)
