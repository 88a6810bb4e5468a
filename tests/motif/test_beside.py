"""The helper that projects while there is much to learn."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import motif
from connectors.generate import tool_events
from motif import engine
from motif.beside import PROJECTION
from projections.store import Store

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


def _helper(folder: Path, log_id: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "motif.beside", str(folder), log_id]
    return subprocess.Popen(command, stdin=subprocess.PIPE)
