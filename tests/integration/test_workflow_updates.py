"""A database whose rows say when they were updated: that orders what it says, and loses nothing."""

from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.contract import Options
from motif.node import Node
from motif.watching import Watch
from motif.workflows import process_and_persist_workflow
from tests.connectors.sources.workflow_databases import WHOLE, changed, database, run
from tests.integration.rows import asked, assert_settled

COLUMNS = WHOLE | {"updated_at": "TEXT"}
FIRST, SECOND = "2025-11-02T00:00:00Z", "2025-11-03T00:00:00Z"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Two runs that were updated at one time."""
    rows = [run(number, updated_at=FIRST) for number in range(2)]
    return database(tmp_path / "history.db", rows, COLUMNS)


def imported(node: Node, path: Path, **options: Any) -> int:
    """Import a database; how many events that recorded which the log did not know."""
    found = node.import_files("workflow-db", [path], options=Options(**options))
    assert found.conflicting == 0
    return found.appended - found.repeats


def costs(node: Node) -> dict[str, float]:
    """What each run costs, as it is now."""
    rows = asked(node, "SELECT run_id, cost_usd FROM workflow_runs ORDER BY run_id")
    return {name: float(cost) for name, cost in rows}


def test_a_row_that_comes_back_as_it_was_counts_again(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        mirrored = {"label": "farm", "mirror": True}
        imported(node, history, **mirrored)
        for _ in range(2):
            changed(history, "UPDATE workflow_history SET adw_id = 'away' WHERE adw_id = 'adw-1'")
            assert imported(node, history, **mirrored) == 2
            assert set(costs(node)) == {"adw-0", "away"}

            changed(history, "UPDATE workflow_history SET adw_id = 'adw-1' WHERE adw_id = 'away'")
            assert imported(node, history, **mirrored) == 2
            assert set(costs(node)) == {"adw-0", "adw-1"}
        assert imported(node, history, **mirrored) == 0
        assert_settled(node)


def test_a_run_that_two_labels_hold_is_deleted_when_both_have_let_it_go(
    history: Path, tmp_path: Path
) -> None:
    both = database(tmp_path / "both.db", [run(n, updated_at=FIRST) for n in range(2)], COLUMNS)
    one = {"label": "one", "mirror": True}
    two = {"label": "two", "mirror": True}
    with motif.open(tmp_path / "node") as node:
        imported(node, history, **one)
        assert imported(node, both, **two) == 0
        changed(history, "DELETE FROM workflow_history WHERE adw_id = 'adw-1'")
        for _ in range(2):
            assert (imported(node, history, **one), imported(node, both, **two)) == (0, 0)
            assert set(costs(node)) == {"adw-0", "adw-1"}
    with motif.open(tmp_path / "node") as node:
        changed(both, "DELETE FROM workflow_history")
        assert imported(node, both, **two) == 1
        assert set(costs(node)) == {"adw-0"}, "and one holds this"
        assert (imported(node, history, **one), imported(node, both, **two)) == (0, 0)
        changed(history, "DELETE FROM workflow_history")
        assert imported(node, history, **one) == 1
        assert costs(node) == {}
        assert_settled(node)


def test_a_watch_hears_that_another_label_holds_a_run(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, history, label="one")
        watch = Watch(node, "workflow-db", [history], Options(label="two"))
        looks = [watch.look()]
        changed(history, "UPDATE workflow_history SET operation_count = 1")
        looks.append(watch.look())

        assert [one and one.appended for one in looks] == [2, 0]


def test_a_watch_appends_only_rows_that_changed(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        watch = Watch(node, "workflow-db", [history])
        looks = [watch.look()]
        for column in ("operation_count = 1", "operation_count = 2"):
            changed(history, f"UPDATE workflow_history SET {column}")
            looks.append(watch.look())
        changed(
            history,
            "UPDATE workflow_history SET total_tokens = 9, updated_at = ? WHERE adw_id = 'adw-1'",
            SECOND,
        )
        looks.append(watch.look())

        assert [one and one.appended for one in looks] == [2, 0, 0, 1]
        assert sum(one.end for one in node.status().partitions) == 3


def test_a_cost_that_arrives_under_the_same_time_is_learned(history: Path, tmp_path: Path) -> None:
    """A program that forgets to renew the time must not lose what it knows later."""
    with motif.open(tmp_path / "node") as node:
        imported(node, history)
        changed(history, "UPDATE workflow_history SET actual_cost_total = 2 WHERE adw_id = 'adw-0'")

        assert (imported(node, history), imported(node, history)) == (1, 0)
        assert costs(node) == {"adw-0": 2.0, "adw-1": 0.5}
        assert_settled(node)
        assert node.verify() == []


def test_what_an_old_copy_says_stays_old(history: Path, tmp_path: Path) -> None:
    """Also where it says something else under a time that is known."""
    old = database(tmp_path / "old.db", [run(0, updated_at=FIRST, actual_cost_total=7)], COLUMNS)
    with motif.open(tmp_path / "node") as node:
        imported(node, history)
        changed(
            history, "UPDATE workflow_history SET actual_cost_total = 3, updated_at = ?", SECOND
        )
        imported(node, history)

        assert (imported(node, old), imported(node, old)) == (1, 0)
        assert costs(node) == {"adw-0": 3.0, "adw-1": 3.0}


def test_a_call_that_states_another_value_at_the_same_time_is_heard(tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        for cost in (1.0, 2.0, 1.0, 1.0):
            process_and_persist_workflow(run(0, updated_at=FIRST, actual_cost_total=cost), node)
            assert costs(node) == {"adw-0": cost}
        assert sum(one.end for one in node.status().partitions) == 3
