"""What a program's own loop hands over, whatever that is: counted once, refused alone, told."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import motif
from connectors.sources.workflow_db import SOURCE
from motif.erasing import forget
from motif.forgetting import Forgetting
from motif.node import Node
from motif.workflows import (
    batch_process_workflows,
    process_and_persist_workflow,
    record_pattern_occurrence,
    update_pattern_statistics,
)
from schemas.envelope import Event
from schemas.errors import LogUnavailable, WrongUse
from schemas.workflows import WorkflowRunFinished
from streams.recognise.operation import identity_of
from tests.connectors.sources.workflow_databases import run
from tests.integration.rows import asked, assert_settled

PYTEST, SHIP = "test:pytest:backend", "deploy:ship:all"
BEYOND = "9999-12-31T23:59:59-10:00"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with motif.open(tmp_path / "node", partitions=2) as node:
        yield node


def counts(node: Node) -> dict[str, int]:
    query = "SELECT pattern_signature, occurrence_count FROM operation_patterns"
    return dict(asked(node, query))


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"end_time": BEYOND}, "bad_time"),
        ({"updated_at": BEYOND}, "bad_time"),
        ({"adw_id": "adw-\ud800"}, "invalid_payload"),
        ({"nl_input": "Run backend tests \udfff"}, "invalid_payload"),
        ({"model_used": "\ud800", "total_tokens": 10**5_000}, "invalid_payload"),
        ({"error_message": "\x00" * 250_000}, "too_large"),
        ({"updated_at": "2026-03-01T00:00:00Z"}, "amended_too_late"),
    ],
)
def test_a_workflow_that_is_refused_is_refused_alone(
    node: Node, odd: dict[str, Any], reason: str
) -> None:
    for _ in range(2):
        result = batch_process_workflows([run(0), run(1, **odd), run(2)], node)

        assert (result["total_workflows"], result["processed"], result["errors"]) == (3, 2, 1)
        assert result["total_patterns"] == 2
        [letter] = node.dead_letters()
        assert letter.reason == reason
        assert counts(node) == {PYTEST: 2}


def rows_of(*runs: dict[str, Any]) -> list[sqlite3.Row]:
    """The runs as rows that SQLite gives."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.row_factory = sqlite3.Row
        asking = " UNION ALL ".join(
            f"SELECT {', '.join(f':{n}_{k} AS {n.upper()}' for n in one)}"
            for k, one in enumerate(runs)
        )
        bound = {f"{name}_{k}": value for k, one in enumerate(runs) for name, value in one.items()}
        return database.execute(asking, bound).fetchall()


def test_a_row_of_sqlite_is_a_workflow(node: Node) -> None:
    rows = rows_of(run(0), run(1), run(2), run(3))

    result = batch_process_workflows(rows[:2], node)
    found = process_and_persist_workflow(rows[2], node)

    assert (result["processed"], result["errors"], found["patterns_detected"]) == (2, 0, 1)
    assert record_pattern_occurrence(SHIP, rows[3], node)[1]
    pattern = update_pattern_statistics(identity_of(PYTEST), rows[3], node)
    assert (pattern or {})["occurrence_count"] == 4
    assert counts(node) == {PYTEST: 4, SHIP: 1}


@pytest.mark.parametrize("odd", [None, "wf-1", 7, ["wf-1"]])
def test_what_is_no_row_is_an_error_of_its_own(node: Node, odd: Any) -> None:
    result = batch_process_workflows([run(0), odd, run(2)], node)

    assert (result["total_workflows"], result["processed"], result["errors"]) == (3, 2, 1)
    [letter] = node.dead_letters()
    assert (letter.reason, letter.detail) == (
        "invalid_payload",
        f"a workflow is {odd!r}; it must be a row: a dictionary by its columns",
    )
    for call in (
        lambda: record_pattern_occurrence(SHIP, odd, node),
        lambda: process_and_persist_workflow(odd, node),
        lambda: update_pattern_statistics(identity_of(PYTEST), odd, node),
    ):
        with pytest.raises(WrongUse, match="must be a row"):
            call()
    assert counts(node) == {PYTEST: 2}


@pytest.mark.parametrize("odd", [{"end_time": BEYOND}, {"adw_id": "adw-\ud800"}])
def test_a_call_for_one_that_is_refused_names_nothing(
    node: Node, odd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert record_pattern_occurrence(SHIP, run(0, **odd), node) == (None, False)
    found = process_and_persist_workflow(run(0, **odd), node)

    assert found == {"patterns_detected": 1, "new_patterns": 0, "pattern_ids": []}
    assert update_pattern_statistics(identity_of(PYTEST), run(0, **odd), node) is None
    assert "Failed to record" in caplog.text
    assert caplog.text.encode(), "whoever writes it to a file can"
    assert (counts(node), len(node.dead_letters())) == ({}, 1)


def test_what_is_refused_too_late_leaves_no_pattern(node: Node) -> None:
    found = process_and_persist_workflow(run(0, updated_at="2026-03-01T00:00:00Z"), node)

    assert found == {"patterns_detected": 1, "new_patterns": 0, "pattern_ids": []}


def test_an_assertion_leaves_what_is_known_of_the_run(node: Node) -> None:
    process_and_persist_workflow(run(0), node)
    before = asked(node, "SELECT * FROM workflow_runs")

    for _ in range(3):
        assert record_pattern_occurrence(SHIP, {"adw_id": "adw-0"}, node)[0] == identity_of(SHIP)
        record_pattern_occurrence(SHIP, run(0), node)

    assert asked(node, "SELECT * FROM workflow_runs") == before
    assert counts(node) == {PYTEST: 1, SHIP: 1}
    query = "SELECT avg_cost_with_llm, last_seen FROM operation_patterns"
    cost, seen = 0.5, datetime(2025, 11, 1, 10, 2, tzinfo=UTC)
    assert asked(node, query) == [(cost, seen)] * 2
    assert_settled(node)


def test_a_workflow_that_goes_on_is_left_until_it_has_ended(node: Node) -> None:
    running = run(0, status="running", end_time=None)

    assert batch_process_workflows([running, run(1)], node) == {
        "total_workflows": 2,
        "processed": 1,
        "total_patterns": 1,
        "new_patterns": 1,
        "errors": 0,
    }
    assert process_and_persist_workflow(running, node)["pattern_ids"] == []
    assert counts(node) == {PYTEST: 1}
    assert process_and_persist_workflow(run(0), node)["new_patterns"] == 0
    assert counts(node) == {PYTEST: 2}
    assert node.dead_letters() == []


def test_an_assertion_about_one_that_goes_on_counts_and_states_no_run(node: Node) -> None:
    record_pattern_occurrence(SHIP, run(0, status="running"), node)

    assert counts(node) == {SHIP: 1}
    assert asked(node, "SELECT count(*) FROM workflow_runs") == [(0,)]


def test_new_is_what_is_learned_and_was_not_before(node: Node) -> None:
    """An older statement than what is known is recorded, and nothing is learned from it."""
    newer = run(0, nl_input="Fix the login", updated_at="2025-11-03T00:00:00Z")
    older = run(0, updated_at="2025-11-02T00:00:00Z")
    process_and_persist_workflow(newer, node)

    found = process_and_persist_workflow(older, node)

    assert found == {"patterns_detected": 1, "new_patterns": 0, "pattern_ids": []}
    assert counts(node) == {}
    result = batch_process_workflows([older, run(1, nl_input="Run the build")], node)
    assert (result["processed"], result["total_patterns"], result["new_patterns"]) == (2, 1, 1)


def test_numbers_and_times_of_any_type_are_what_they_say(node: Node) -> None:
    ended = datetime(2025, 11, 1, 12, tzinfo=UTC)
    known = run(
        0,
        total_tokens=np.int64(7_000),
        duration_seconds=Decimal("1.5"),
        actual_cost_total="0.25",
        retry_count=2.0,
        start_time=None,
        end_time=ended,
    )
    process_and_persist_workflow(known, node)

    query = (
        "SELECT total_tokens, duration_us, cost_usd, retry_count, happened_at FROM workflow_runs"
    )
    assert asked(node, query) == [(7_000, 1_500_000, Decimal("0.25"), 2, ended)]


def test_what_is_no_number_is_left_out_and_told(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "motif.workflows")
    process_and_persist_workflow(run(0, total_tokens="many", retry_count=None), node)

    assert asked(node, "SELECT total_tokens FROM workflow_runs") == [(None,)]
    assert caplog.messages == ["[Pattern] total_tokens is 'many' of workflow adw-0 is left out"]


def test_what_could_not_be_appended_is_appended_when_it_is_said_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LogUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(node.log, "append", full)
        with pytest.raises(LogUnavailable):
            batch_process_workflows([run(0)], node)
        with pytest.raises(LogUnavailable):
            record_pattern_occurrence(SHIP, run(1), node)

    assert batch_process_workflows([run(0)], node)["processed"] == 1
    record_pattern_occurrence(SHIP, run(1), node)
    assert counts(node) == {PYTEST: 2, SHIP: 1}


def test_calls_for_a_run_that_was_forgotten_record_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "forgetful"
    with motif.open(folder) as node:
        batch_process_workflows([run(0), run(1)], node)
        named = WorkflowRunFinished(workflow_id="adw-1", run_id="adw-1", user_id="ann")
        node.publish(Event(SOURCE, "adw-1@1", named, subject="adw-1", revision=1))
    forget(folder, Forgetting(user_id="ann"))

    with motif.open(folder) as node:
        assert record_pattern_occurrence(SHIP, run(1), node) == (None, False)
        assert process_and_persist_workflow(run(1), node)["pattern_ids"] == []
        result = batch_process_workflows([run(0), run(1)], node)

        assert (result["processed"], result["errors"]) == (1, 0)
        assert counts(node) == {PYTEST: 1}
        assert not node.dead_letters()
