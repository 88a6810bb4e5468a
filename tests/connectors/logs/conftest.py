"""Every host of the contract in turn, and an empty log of it."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from schemas.log import Log
from tests.connectors.logs.hosts import HOSTS, KAFKA_VARIABLE, PARAMS, Host


@pytest.fixture(params=PARAMS.values())
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Host:
    if request.param == "kafka":
        monkeypatch.setenv(KAFKA_VARIABLE, request.getfixturevalue("kafka"))
    return HOSTS[request.param]


@pytest.fixture
def log(host: Host, tmp_path: Path) -> Iterator[Log]:
    ticks = count(1_000)
    with host.make(tmp_path / "log", lambda: next(ticks)) as made:
        yield made
    if host.forget is not None:
        host.forget(tmp_path / "log")
