"""A worker is ready when all of it runs, and says what is missing until then."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.logs.memory import MemoryLog
from schemas.clock import monotonic_s
from schemas.errors import LogUnavailable, WrongUse
from schemas.topics import PATTERNS
from streams.agents.cluster import Cluster
from streams.agents.federating import AGAIN_S, Federation
from streams.agents.health import health_of


@pytest.fixture
def federation() -> Federation:
    connect: Any = None
    app: Any = SimpleNamespace(topic=lambda *_, **__: None, Table=lambda *_, **__: None)
    return Federation(app, Cluster(connect, {}, "", "test"), 1)


def learners(*trouble: str) -> Any:
    said = SimpleNamespace(trouble=list(trouble), partitions=[])
    return SimpleNamespace(count=1, said={0: (monotonic_s(), said)})


def test_a_worker_whose_learners_have_not_started_is_not_ready(federation: Federation) -> None:
    health = health_of(None, federation)

    assert (health.ready, health.trouble) == (False, ["not every learner process has started"])


def test_a_worker_whose_federator_has_not_joined_is_not_ready(federation: Federation) -> None:
    health = health_of(learners(), federation)

    assert (health.ready, health.trouble) == (False, ["the federator has not joined its group yet"])


def test_a_federator_waits_for_a_log_that_is_away_as_it_starts(federation: Federation) -> None:
    """The broker went at the very moment between joining the group and opening the log."""
    asyncio.run(federation.restored())
    log: Any = MemoryLog(1)
    tries, waited = 0, []

    def connect() -> Any:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise LogUnavailable("nobody answers")
        return log

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        assert health_of(learners(), federation).trouble == [
            "the federator has not reached the log yet"
        ]

    federation.cluster = replace(federation.cluster, connect=connect)
    asyncio.run(federation.open(sleep, lambda: False))

    assert federation.log is log
    assert waited == [AGAIN_S, AGAIN_S]
    assert health_of(learners(), federation).ready


def test_a_federator_that_is_told_to_end_waits_no_longer(federation: Federation) -> None:
    def connect() -> Any:
        raise LogUnavailable("nobody answers")

    over: list[float] = []

    async def sleep(seconds: float) -> None:
        over.append(seconds)

    federation.cluster = replace(federation.cluster, connect=connect)
    asyncio.run(federation.open(sleep, lambda: bool(over)))

    assert federation.log is None


def test_a_log_that_is_reached_when_all_is_over_is_closed(federation: Federation) -> None:
    log: Any = MemoryLog(1)
    over: list[bool] = []

    def connect() -> Any:
        over.append(True)
        return log

    async def never(_: float) -> None:
        raise AssertionError("it waits for nothing")

    federation.cluster = replace(federation.cluster, connect=connect)
    asyncio.run(federation.open(never, lambda: bool(over)))

    assert federation.log is None
    with pytest.raises(WrongUse, match="was closed"):
        log.end(PATTERNS.name, 0)


def test_a_worker_all_of_which_runs_is_ready(federation: Federation) -> None:
    asyncio.run(federation.restored())
    log: Any = MemoryLog(1)
    federation.log = log

    assert health_of(learners(), federation).ready
    assert health_of(learners("no room"), federation).trouble == ["no room"]
