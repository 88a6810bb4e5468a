"""A worker is ready when all of it runs, and says what is missing until then."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.clock import monotonic_s
from streams.agents.cluster import Cluster
from streams.agents.federating import Federation
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


def test_a_worker_all_of_which_runs_is_ready(federation: Federation) -> None:
    asyncio.run(federation.restored())

    assert health_of(learners(), federation).ready
    assert health_of(learners("no room"), federation).trouble == ["no room"]
