"""The helper that projects while there is much to learn."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import motif
from connectors.generate import tool_events
from connectors.generate_runs import workflow_runs
from motif import beside, engine
from motif.beside import PROJECTION
from projections.store import Store
from schemas.errors import LogUnavailable
from schemas.workflows import WorkflowRunFinished
from streams.learner import Learner
from streams.progress import progress_of
from tests.integration.rows import assert_same, learned

EVENTS = 2_000


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a helper project from the first record on."""
    monkeypatch.setattr(engine, "BESIDE_FROM", 1)


@pytest.mark.usefixtures("always")
def test_what_a_helper_projected_is_what_the_node_would_have(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))
        node.settle()
        calls = node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist()

        assert calls == [{"n": EVENTS // 2}]
        assert node.verify() == []
        assert node.notices == []


@pytest.mark.usefixtures("always")
def test_a_helper_that_cannot_start_costs_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))

        assert node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist() == [{"n": EVENTS // 2}]
        assert node.verify() == []
        assert node.notices == ["projecting beside learning ended early: 1"]


@pytest.mark.usefixtures("always")
def test_what_is_learned_between_appends_is_what_is_learned_at_their_end(tmp_path: Path) -> None:
    """Steps, releases and restarts of learners change nothing, whoever asks in between or not."""
    events = list(workflow_runs(3, EVENTS, amended=0.2))
    with motif.open(tmp_path / "whole") as node:
        node.publish(events)
        expected = learned(node)
    with motif.open(tmp_path / "parts") as node:
        for begin in range(0, len(events), 300):
            node.publish(events[begin : begin + 300])
            if begin == 900:
                runs = node.sql("SELECT count(DISTINCT run_id) AS n FROM workflow_run").to_pylist()
                said = [one.data for one in events[:1_200]]
                stated = {one.run_id for one in said if isinstance(one, WorkflowRunFinished)}
                assert runs == [{"n": len(stated)}]

        assert_same(learned(node), expected)
        assert node.verify() == []
        assert node.notices == []


@pytest.mark.usefixtures("always")
def test_much_that_is_appended_is_learned_before_anybody_asks(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))

        assert any(progress_of(node.log, number)[0] for number in range(node.log.partitions))
        assert node.status().rows["tool_called"] <= EVENTS // 2
        assert node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist() == [{"n": EVENTS // 2}]


@pytest.mark.usefixtures("always")
def test_a_node_that_closes_takes_its_helper_with_it(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))
        log_id = node.identity.log_id

    with Store.open(tmp_path / PROJECTION, log_id=log_id) as store:  # which nobody holds
        assert not store.rebuilt


@pytest.mark.usefixtures("always")
def test_what_cannot_be_learned_yet_is_appended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise LogUnavailable("no space left on the device")

    with motif.open(tmp_path) as node:
        with monkeypatch.context() as broken:
            broken.setattr(Learner, "step", full)
            assert node.publish(tool_events(3, EVENTS // 2)).appended == EVENTS
            with pytest.raises(LogUnavailable, match="no space"):
                node.settle()

        assert node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist() == [{"n": EVENTS // 2}]
        assert node.verify() == []


def test_a_helper_leaves_when_whoever_started_it_is_gone(tmp_path: Path) -> None:
    """Its standard input closes without a word; the projection is free for the next one."""
    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))
        node.settle()
        log_id = node.identity.log_id

    with _helper(tmp_path, log_id) as helper:
        assert helper.stdin is not None
        helper.stdin.close()

        assert helper.wait(timeout=30) == 0
    with Store.open(tmp_path / PROJECTION, log_id=log_id) as store:
        assert not store.rebuilt


def test_a_helper_that_has_nothing_to_do_leaves(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))
        node.settle()
        log_id = node.identity.log_id

    with _helper(tmp_path, log_id, rest_s=0.2) as helper:
        assert helper.wait(timeout=30) == 0


@pytest.mark.usefixtures("always")
def test_the_next_helper_goes_on_where_one_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "REST_S", 0.0)  # it leaves before it has done anything
    with motif.open(tmp_path) as node:
        for seed in range(3):
            node.publish(tool_events(seed, EVENTS // 4))

        calls = node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist()
        assert calls == [{"n": 3 * (EVENTS // 4)}]
        assert node.verify() == []
        assert node.notices == []


def test_a_helper_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        node.publish(tool_events(3, EVENTS // 2))
        log_id = node.identity.log_id

    with _helper(tmp_path, log_id) as helper:
        helper.send_signal(signal.SIGKILL)

        assert helper.wait(timeout=30) == -signal.SIGKILL
    with motif.open(tmp_path) as node:
        assert node.sql("SELECT count(*) AS n FROM tool_calls").to_pylist() == [{"n": EVENTS // 2}]
        assert node.verify() == []


def _helper(folder: Path, log_id: str, rest_s: float = 60.0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "motif.beside", str(folder), log_id, str(rest_s)]
    return subprocess.Popen(command, stdin=subprocess.PIPE)
