"""What the engine makes of a log with gaps, where a marker stands behind the last record."""

import weakref
from pathlib import Path

import pytest

import motif
from connectors.generate import sessions
from connectors.logs.memory import MemoryLog
from motif import engine
from motif.node import Node
from schemas.collector import uncollected
from streams.identity import found


def test_a_node_on_a_log_with_gaps_lags_by_nothing_once_it_has_settled(tmp_path: Path) -> None:
    log = MemoryLog(2, lazy=True)
    with Node(tmp_path, log, found(log, "")) as node:
        node.publish(sessions(seed=7, count=2))
        assert sum(one.lag for one in node.status().partitions) >= sum(
            one.end for one in node.status().partitions
        )
        node.settle()
        assert {one.lag for one in node.status().partitions} == {0}
        assert any(one.learned < one.end for one in node.status().partitions)
        assert node.verify() == []


def test_who_opens_a_settled_log_with_gaps_learns_and_federates_nothing(tmp_path: Path) -> None:
    log = MemoryLog(2, lazy=True)
    identity = found(log, "")
    node = Node(tmp_path, log, identity)
    node.publish(sessions(seed=7, count=2))
    node.settle()
    patterns = len(node.patterns())
    node.engine.let_go()

    spent: dict[str, float] = {}
    with Node(tmp_path, log, identity) as again:
        again.settle(spent=spent)
        assert "learn" not in spent
        assert len(again.patterns()) == patterns


def test_of_much_only_one_partition_is_kept_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BESIDE_FROM", 1)
    kept: list[int] = []
    with motif.open(tmp_path) as node:
        node.publish(sessions(seed=7, count=20))
        learners = node.engine._learners
        node.settle(lambda *_: kept.append(sum(one.position > 0 for one in learners)))
        assert len(kept) >= node.log.partitions
        assert {one.lag for one in node.status().partitions} == {0}
    assert set(kept) <= {0, 1}


def test_what_a_learner_knew_is_gone_when_it_is_released(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        node.publish(sessions(seed=7, count=2))
        node.settle()
        with uncollected():
            for learner in node.engine._learners:
                assert learner._working is not None
                known = weakref.ref(learner._working.state)
                learner.release()
                assert known() is None
