"""Every host of the contract in turn, and an empty log of it."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from schemas.log import Log
from tests.connectors.logs.hosts import HOSTS, Host


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> Host:
    return HOSTS[request.param]


@pytest.fixture
def log(host: Host, tmp_path: Path) -> Iterator[Log]:
    ticks = count(1_000)
    with host.make(tmp_path / "log", lambda: next(ticks)) as made:
        yield made
