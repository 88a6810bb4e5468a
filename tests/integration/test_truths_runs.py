"""Real runs of workflows through the whole way: what they are known to be, read from the tables."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import isclose
from pathlib import Path
from statistics import variance
from typing import Any

import pytest

import motif
from motif.node import Node
from tests.integration.rows import assert_settled
from tests.integration.sources import RUNS, truths_of

pytestmark = pytest.mark.needs_shared_data


@pytest.fixture(scope="module")
def node(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with motif.open(tmp_path_factory.mktemp("runs")) as opened:
        for name, place in RUNS:
            opened.import_files(name, [shared_data / place])
        yield opened


def rows(node: Node, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.sql(query).to_pylist()
    return found


@pytest.fixture(scope="module")
def gha(node: Node) -> list[dict[str, Any]]:
    """The runs in the order of their groups."""
    return rows(
        node,
        "SELECT group_id, ordinal, status, outcome, duration_us FROM workflow_runs"
        " WHERE source = 'gha' ORDER BY group_id, ordinal",
    )


@pytest.fixture(scope="module")
def reruns(shared_data: Path) -> dict[str, Any]:
    return truths_of(shared_data, "gha_reruns")


def test_nothing_waits_contradicts_or_is_refused(node: Node) -> None:
    assert_settled(node)
    assert not node.dead_letters(open_only=False)
    assert not node.verify()


def test_conclusions_are_counted_word_for_word(
    gha: list[dict[str, Any]], reruns: dict[str, Any]
) -> None:
    found = Counter(str(run["status"]) for run in gha)

    assert len(gha) == reruns["runs"]
    assert len({run["group_id"] for run in gha}) == reruns["rerun_sets"]
    assert found == dict(reruns["conclusions"])


def test_only_success_and_failure_decide_anything(gha: list[dict[str, Any]]) -> None:
    assert {(run["status"], run["outcome"]) for run in gha if run["outcome"]} == {
        ("success", "success"),
        ("failure", "failure"),
    }
    assert all(run["outcome"] for run in gha if run["status"] in {"success", "failure"})


def test_transitions_within_a_group_are_those_of_the_record(
    gha: list[dict[str, Any]], reruns: dict[str, Any]
) -> None:
    found = Counter(
        (str(first["status"]), str(second["status"]))
        for first, second in pairwise(gha)
        if first["group_id"] == second["group_id"]
    )

    assert found == {tuple(pair): count for pair, count in reruns["transitions"]}


def test_groups_that_failed_first_and_succeeded_later(node: Node, reruns: dict[str, Any]) -> None:
    (found,) = rows(
        node,
        "SELECT count(*) FILTER (first = 'failure') AS failed,"
        " count(*) FILTER (first = 'failure' AND later) AS mended FROM ("
        "  SELECT arg_min(outcome, ordinal) AS first, bool_or(outcome = 'success') AS later"
        "  FROM workflow_runs WHERE source = 'gha' GROUP BY group_id)",
    )

    assert found["failed"] == reruns["sets_first_failure"]
    assert found["mended"] == reruns["sets_first_failure_then_some_success"]


def test_durations_are_those_of_the_runs_that_state_one(
    gha: list[dict[str, Any]], reruns: dict[str, Any]
) -> None:
    for status, known in reruns["duration_ms_by_conclusion"].items():
        stated = [run["duration_us"] for run in gha if str(run["status"]) == status]
        took = [duration for duration in stated if duration is not None]
        assert len(took) == known["n"]
        assert sum(took) == known["sum"] * 1_000
        assert (min(took), max(took)) == (known["min"] * 1_000, known["max"] * 1_000)
        if known["var_sample"] is not None:
            spread = variance([duration / 1_000 for duration in took])
            assert isclose(spread, known["var_sample"], rel_tol=1e-9)
        missing = len(stated) - len(took)
        assert missing == reruns["durations_not_stated"].get(status, 0)


def test_nothing_is_recognised_where_nothing_was_asked(node: Node) -> None:
    assert node.status().patterns == {}
    assert rows(node, "SELECT count(*) AS n FROM pattern_occurrences") == [{"n": 0}]


def test_runs_without_a_time_are_undated(node: Node) -> None:
    (found,) = rows(
        node, "SELECT count(finished_at) AS n FROM workflow_runs WHERE source <> 'wfformat'"
    )
    assert found["n"] == 0


def test_problems_and_their_retries(node: Node, shared_data: Path) -> None:
    found = rows(
        node,
        "SELECT group_id, count(*) AS runs, count(*) FILTER (outcome = 'success') AS solved,"
        " sum(retry_count)::BIGINT AS retries,"
        " count(*) FILTER (outcome = 'success' AND retry_count > 0) AS solved_after_retry"
        " FROM workflow_runs WHERE source = 'reflexion' GROUP BY group_id",
    )

    assert len(found) == 2
    for experiment, known in truths_of(shared_data, "reflexion").items():
        (mine,) = [one for one in found if one["group_id"] == experiment]
        assert {name: mine[name] for name in mine if name != "group_id"} == {
            name: known[name] for name in ("runs", "solved", "retries", "solved_after_retry")
        }


def test_steps_and_their_edges(node: Node, shared_data: Path) -> None:
    for file, known in truths_of(shared_data, "wfinstances").items():
        name = json.loads((shared_data / "wfinstances" / file).read_bytes())["name"]
        steps = rows(
            node, f"SELECT parents, duration_us FROM workflow_steps WHERE workflow_id = '{name}'"
        )
        took = [step["duration_us"] / 1e6 for step in steps]
        assert len(steps) == known["tasks"]
        assert sum(len(step["parents"]) for step in steps) == known["parent_edges"]
        assert isclose(sum(took), known["runtime_seconds"]["sum"], rel_tol=1e-9)
        assert isclose(variance(took), known["runtime_seconds"]["var_sample"], rel_tol=1e-9)
        (run,) = rows(node, f"SELECT duration_us FROM workflow_runs WHERE workflow_id = '{name}'")
        assert run["duration_us"] == known["makespan"] * 1_000_000


def test_no_machine_and_no_command_is_kept(node: Node, shared_data: Path) -> None:
    kept = json.dumps(rows(node, "SELECT * FROM workflow_steps"), default=str)
    kept += json.dumps(rows(node, "SELECT * FROM workflow_runs"), default=str)

    for file in (shared_data / "wfinstances").glob("*.json"):
        execution = json.loads(file.read_bytes())["workflow"]["execution"]
        for machine in execution["machines"]:
            assert f'"{machine["nodeName"]}"' not in kept
        for task in execution["tasks"]:
            program = task.get("command", {}).get("program", "")
            assert len(program) < 12 or program not in kept
