"""Learner processes of a worker: heard, started again when they die, ended when it ends."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from threading import Event as Signal

import pytest

from schemas.clock import monotonic_s
from streams.agents import processes
from streams.agents.processes import LearnerProcesses

LIMIT_S = 20.0

POLITE = """
import json, os, sys
print("no JSON at all", flush=True)
print(json.dumps({"trouble": [str(os.getpid())]}), flush=True)
sys.stdin.read()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + POLITE


def kept(program: str, count: int = 1) -> LearnerProcesses:
    """Processes of a program of our own."""

    class Kept(LearnerProcesses):
        def __post_init__(self) -> None:
            super().__post_init__()
            self.command, self.count = [sys.executable, "-c", program], count

    return Kept()


def pids(made: LearnerProcesses) -> set[int]:
    return {int(said.trouble[0]) for _, said in list(made.said.values())}


def until(so: Callable[[], bool]) -> None:
    began_s = monotonic_s()
    while not so():
        assert monotonic_s() - began_s < LIMIT_S, "this took too long"
        Signal().wait(0.01)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RESTART_S", (0.05, 15.0))
    monkeypatch.setattr(processes, "STOP_S", 0.5)


def test_each_is_heard_and_one_that_dies_is_started_again() -> None:
    async def work() -> set[int]:
        made = kept(POLITE, 2)
        await made.on_start()
        until(lambda: len(made.said) == made.count)
        before = pids(made)
        dead = min(before)
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(pids(made) - {dead}) == made.count)
        after = pids(made)
        await made.on_stop()
        assert all(map(is_gone, before | after))
        return before & after

    assert len(asyncio.run(work())) == 1


def test_one_that_does_not_end_is_killed() -> None:
    async def work() -> float:
        made = kept(DEAF)
        await made.on_start()
        until(lambda: len(made.said) == made.count)
        (deaf,) = pids(made)
        made.begin_to_end()
        assert not is_gone(deaf)
        began_s = monotonic_s()
        await made.on_stop()
        assert is_gone(deaf)
        assert made.said == {}
        return monotonic_s() - began_s

    assert 0.4 < asyncio.run(work()) < LIMIT_S


def test_none_is_started_once_they_shall_end() -> None:
    async def work() -> int:
        made = kept(POLITE)
        made.begin_to_end()
        await made.on_start()
        await made.on_stop()
        return len(made.said)

    assert asyncio.run(work()) == 0
