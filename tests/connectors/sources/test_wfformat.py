"""Executed workflows as WfCommons keeps them: what stands in one document."""

import json
from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.contract import Report, Unnumbered
from connectors.sources.wfformat import WfFormat
from schemas.workflows import WorkflowRunFinished


@pytest.mark.parametrize(
    ("stated", "took_us"),
    [
        ({"makespanInSeconds": 0}, 0),
        ({"makespanInSeconds": 0, "makespan": 5}, 0),
        ({"makespanInSeconds": 1.5, "makespan": 5}, 1_500_000),
        ({"makespan": 5}, 5_000_000),
        ({}, None),
    ],
)
def test_a_run_took_as_long_as_it_says_be_it_nothing(
    tmp_path: Path, stated: dict[str, Any], took_us: int | None
) -> None:
    workflow = {"executedAt": "2025-07-01T10:00:00Z", "tasks": [], **stated}
    (tmp_path / "w.json").write_text(json.dumps({"name": "w", "workflow": workflow}))
    [found] = WfFormat().read([tmp_path / "w.json"], Report())

    assert isinstance(found, Unnumbered)
    assert isinstance(found.event.data, WorkflowRunFinished)
    assert found.event.data.duration_us == took_us
    assert (found.event.time_us is None) == (took_us is None)


def test_a_corrected_makespan_amends_the_run_and_leaves_its_steps(tmp_path: Path) -> None:
    workflow = {"executedAt": "2025-07-01T10:00:00Z", "tasks": [{"name": "a", "runtime": 1}]}
    with motif.open(tmp_path / "node") as node:
        found = []
        for makespan in (5, 7):
            document = {"name": "w", "workflow": {**workflow, "makespan": makespan}}
            (tmp_path / "w.json").write_text(json.dumps(document))
            found.append(node.import_files("wfformat", [tmp_path / "w.json"]))

        assert [(one.appended, one.repeats, one.conflicting) for one in found] == [
            (2, 0, 0),
            (2, 1, 1),
        ]
        [run] = node.sql("SELECT duration_us FROM workflow_runs").to_pylist()
        [step] = node.sql("SELECT epoch(happened_at) AS at FROM workflow_steps").to_pylist()
    assert (run["duration_us"], step["at"]) == (7_000_000, 1_751_364_005)
