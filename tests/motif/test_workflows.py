"""The calls for a program's own workflows, under the names of the tests they grew up with.

Every claim is read back through the node's tables, from a real log.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import motif
from motif.node import Node
from motif.workflows import (
    batch_process_workflows,
    confidence_of,
    process_and_persist_workflow,
    record_pattern_occurrence,
    update_pattern_statistics,
)
from schemas.envelope import Event
from schemas.errors import LogHeld, WrongUse
from schemas.workflows import WorkflowOperationAsserted

PYTEST = "test:pytest:backend"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with motif.open(tmp_path / "node", partitions=2) as node:
        yield node


def workflow(name: str | None = "wf-1", **stated: Any) -> dict[str, Any]:
    """A workflow with the columns of its database."""
    known: dict[str, Any] = {
        "workflow_id": name,
        "nl_input": "Run backend tests with pytest",
        "total_tokens": 5000,
        "actual_cost_total": 0.50,
        "duration_seconds": 120,
        "error_count": 0,
        "retry_count": 0,
    }
    return known | stated


def row(node: Node, signature: str = PYTEST) -> dict[str, Any]:
    """The operation's row."""
    query = f"SELECT * FROM operation_patterns WHERE pattern_signature = '{signature}'"
    (found,) = node.sql(query).to_pylist()
    return dict(found)


def occurrences(node: Node) -> list[dict[str, Any]]:
    rows = node.sql("SELECT * FROM pattern_occurrences ORDER BY id").to_pylist()
    return [dict(one) for one in rows]


def counts(node: Node) -> dict[str, int]:
    found = node.sql("SELECT pattern_signature, occurrence_count FROM operation_patterns")
    return {one["pattern_signature"]: one["occurrence_count"] for one in found.to_pylist()}


class TestPatternRecording:
    def test_create_new_pattern(self, node: Node) -> None:
        pattern_id, is_new = record_pattern_occurrence(PYTEST, workflow(), node)

        assert is_new
        assert pattern_id == row(node)["pattern_id"] == row(node)["id"]
        assert row(node)["occurrence_count"] == 1

    def test_create_new_pattern_stores_characteristics(self, node: Node) -> None:
        record_pattern_occurrence(PYTEST, workflow(), node)

        looks = row(node)["typical_input_pattern"]
        assert '"keywords":["test","pytest","run","backend"]' in looks
        assert '"duration_range":"short"' in looks

    def test_update_existing_pattern(self, node: Node) -> None:
        first = record_pattern_occurrence(PYTEST, workflow("wf-1"), node)
        second = record_pattern_occurrence(PYTEST, workflow("wf-2"), node)

        assert second == (first[0], False)
        assert row(node)["occurrence_count"] == 2

    def test_missing_workflow_id(self, node: Node) -> None:
        assert record_pattern_occurrence(PYTEST, workflow(None), node) == (None, False)
        assert counts(node) == {}

    def test_pattern_occurrence_link_created(self, node: Node) -> None:
        pattern_id, _ = record_pattern_occurrence(PYTEST, workflow(), node)

        (one,) = occurrences(node)
        assert (one["pattern_id"], one["workflow_id"]) == (pattern_id, "wf-1")
        assert one["similarity_score"] == 100

    def test_idempotent_occurrence_recording(self, node: Node) -> None:
        for _ in range(3):
            record_pattern_occurrence(PYTEST, workflow(), node)

        assert counts(node) == {PYTEST: 1}
        assert len(occurrences(node)) == 1

    def test_pattern_type_extraction(self, node: Node) -> None:
        record_pattern_occurrence(" Build:TypeCheck:Backend ", workflow(nl_input=None), node)

        assert row(node, "build:typecheck:backend")["pattern_type"] == "build"


class TestStatisticsUpdate:
    def test_first_workflow_statistics(self, node: Node) -> None:
        record_pattern_occurrence(PYTEST, workflow(), node)

        found = row(node)
        assert (found["avg_tokens_with_llm"], found["avg_cost_with_llm"]) == (5000, 0.5)

    def test_running_average_calculation(self, node: Node) -> None:
        record_pattern_occurrence(PYTEST, workflow("wf-1"), node)
        later = workflow("wf-2", total_tokens=6000, actual_cost_total=0.60)
        pattern_id, _ = record_pattern_occurrence(PYTEST, later, node)

        assert pattern_id is not None
        found = update_pattern_statistics(pattern_id, later, node)
        assert found is not None
        assert (found["avg_tokens_with_llm"], found["avg_cost_with_llm"]) == (5500, 0.55)

    def test_estimated_tool_cost_calculation(self, node: Node) -> None:
        record_pattern_occurrence(PYTEST, workflow(), node)

        found = row(node)
        assert (found["avg_tokens_with_tool"], found["avg_cost_with_tool"]) == (250, 0.025)

    def test_monthly_savings_calculation(self, node: Node) -> None:
        """In total as the first design counted them; a month only of what has a time."""
        for number in range(5):
            dated = workflow(f"wf-{number}", end_time=f"2025-11-{number + 1:02}T12:00:00Z")
            record_pattern_occurrence(PYTEST, dated, node)

        assert row(node)["potential_total_savings"] == pytest.approx(2.375)
        assert row(node)["potential_monthly_savings"] == pytest.approx(2.375)

    def test_confidence_score_updated(self, node: Node) -> None:
        for number, duration in enumerate((120, 125, 130), 1):
            timed = workflow(f"wf-{number}", duration_seconds=duration)
            record_pattern_occurrence(PYTEST, timed, node)

        assert row(node)["confidence_score"] == 80

    def test_nonexistent_pattern_handling(self, node: Node) -> None:
        assert update_pattern_statistics("0" * 32, workflow(), node) is None


class TestConfidenceCalculation:
    def test_confidence_with_no_workflows(self, node: Node) -> None:
        """Claimed of a run that nobody states."""
        said = WorkflowOperationAsserted(workflow_id="wf", run_id="wf", signature=PYTEST)
        node.publish(Event("library", f"wf/{PYTEST}", said))

        assert confidence_of(row(node)["id"], node) == 10.0

    def test_confidence_with_workflow_data(self, node: Node) -> None:
        pattern_id, _ = record_pattern_occurrence(PYTEST, workflow(), node)

        assert pattern_id is not None
        assert confidence_of(pattern_id, node) == 55

    def test_confidence_nonexistent_pattern(self, node: Node) -> None:
        assert confidence_of("0" * 32, node) == 0.0


class TestBatchProcessing:
    def test_process_single_workflow(self, node: Node) -> None:
        result = process_and_persist_workflow(workflow(), node)

        assert result["patterns_detected"] == result["new_patterns"] == 1
        assert result["pattern_ids"] == [row(node)["id"]]

    def test_process_workflow_returns_correct_structure(self, node: Node) -> None:
        result = process_and_persist_workflow(workflow(nl_input="Fix the login bug"), node)

        assert result == {"patterns_detected": 0, "new_patterns": 0, "pattern_ids": []}

    def test_batch_process_workflows(self, node: Node) -> None:
        result = batch_process_workflows([workflow(f"wf-{n}") for n in range(5)], node)

        assert (result["processed"], result["total_patterns"], result["new_patterns"]) == (5, 5, 1)
        assert counts(node) == {PYTEST: 5}

    def test_batch_process_returns_correct_structure(self, node: Node) -> None:
        assert batch_process_workflows([], node) == {
            "total_workflows": 0,
            "processed": 0,
            "total_patterns": 0,
            "new_patterns": 0,
            "errors": 0,
        }

    def test_batch_process_with_mixed_workflows(self, node: Node) -> None:
        mixed = [
            workflow("wf-1"),
            workflow("wf-2", nl_input="Run tests and build"),
            workflow("wf-3", nl_input="Deploy to staging", error_message="pytest failed"),
        ]

        result = batch_process_workflows(mixed, node)

        assert result["processed"] == 3
        assert counts(node)[PYTEST] == 2
        assert result["total_patterns"] == sum(counts(node).values())

    def test_batch_process_error_handling(self, node: Node) -> None:
        result = batch_process_workflows([workflow("wf-1"), workflow(None)], node)

        assert (result["total_workflows"], result["processed"], result["errors"]) == (2, 1, 1)
        (letter,) = node.dead_letters()
        assert letter.reason == "invalid_payload"
        assert b"Run backend tests with pytest" in letter.value


class TestErrorHandling:
    def test_pattern_recording_with_null_tokens(self, node: Node) -> None:
        record_pattern_occurrence(PYTEST, workflow("wf-1", total_tokens=None), node)
        record_pattern_occurrence(PYTEST, workflow("wf-2"), node)

        found = row(node)
        assert (found["occurrence_count"], found["tokens_n"]) == (2, 1)
        assert found["avg_tokens_with_llm"] == 5000

    def test_pattern_recording_with_null_cost(self, node: Node) -> None:
        record_pattern_occurrence(PYTEST, workflow(actual_cost_total=None), node)

        found = row(node)
        assert (found["cost_n"], found["avg_cost_with_llm"]) == (None, None)
        assert found["potential_monthly_savings"] is None

    def test_concurrent_pattern_creation(self, tmp_path: Path) -> None:
        """Two threads, each with a node of its own: the second waits for the folder, or is told."""
        results: list[tuple[str | None, bool] | str] = []

        def record(name: str) -> None:
            try:
                with motif.open(tmp_path / "shared") as node:
                    results.append(record_pattern_occurrence(PYTEST, workflow(name), node))
            except LogHeld:
                results.append("held")

        threads = [Thread(target=record, args=(f"wf-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        recorded = [one for one in results if isinstance(one, tuple)]
        with motif.open(tmp_path / "shared") as node:
            assert row(node)["occurrence_count"] == len(recorded) >= 1
        assert sum(is_new for _, is_new in recorded) == 1

    @pytest.mark.parametrize("name", ["", "0", "Ω", "a/b", "x" * 512, "'; DROP TABLE runs; --"])
    def test_edge_cases(self, node: Node, name: str) -> None:
        odd = workflow(name, duration_seconds=0, error_count=0, nl_input="", total_tokens=0)

        pattern_id, is_new = record_pattern_occurrence(PYTEST, odd, node)

        assert is_new == bool(name)
        assert (pattern_id is None) == (not name)
        assert counts(node) == ({PYTEST: 1} if name else {})


def test_a_signature_that_is_none_is_refused(node: Node) -> None:
    with pytest.raises(WrongUse, match="'fix:bug' is no signature"):
        record_pattern_occurrence("fix:bug", workflow(), node)


def test_log_lines_are_those_of_the_first_design(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "motif.workflows")
    pattern_id, _ = record_pattern_occurrence(PYTEST, workflow("wf-1"), node)
    record_pattern_occurrence(PYTEST, workflow("wf-2"), node)
    assert pattern_id is not None
    update_pattern_statistics(pattern_id, workflow("wf-2"), node)
    process_and_persist_workflow(workflow(None), node)

    numbers = "avg_cost=$0.5000, savings=$0.000/mo, confidence=70.0%"
    missing = "workflow_id is missing: nothing names this run"
    assert caplog.messages == [
        f"[Pattern] New pattern detected: {PYTEST}",
        f"[Pattern] Updated pattern {PYTEST} (count: 2)",
        f"[Pattern] Updated statistics for pattern {pattern_id}: {numbers}",
        f"[Pattern] Failed to record pattern {PYTEST} for workflow None: {missing}",
    ]


def test_a_cost_that_comes_later_takes_the_place_of_the_earlier_one(node: Node) -> None:
    process_and_persist_workflow(workflow(actual_cost_total=None), node)
    process_and_persist_workflow(workflow(actual_cost_total=0.75), node)

    found = row(node)
    assert (found["occurrence_count"], found["avg_cost_with_llm"]) == (1, 0.75)
    (run,) = node.sql("SELECT cost_usd, cost_provenance FROM workflow_runs").to_pylist()
    assert (float(run["cost_usd"]), run["cost_provenance"]) == (0.75, "reported")


def test_a_value_that_is_taken_back_is_taken_back(node: Node) -> None:
    """A call says how the run is now, whatever was said of it before."""
    pattern_id, _ = record_pattern_occurrence(PYTEST, workflow(total_tokens=5), node)

    assert pattern_id is not None
    for tokens in (6, 5, 5, 6):
        found = update_pattern_statistics(pattern_id, workflow(total_tokens=tokens), node)
        assert found is not None
        assert (found["avg_tokens_with_llm"], found["tokens_n"]) == (tokens, 1)
    process_and_persist_workflow(workflow(total_tokens=5), node)
    assert row(node)["avg_tokens_with_llm"] == 5
