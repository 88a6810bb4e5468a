"""Both kinds of log."""

from collections.abc import Iterator

import pytest

from tests.streams.worlds import LAZY


@pytest.fixture(params=[False, True], ids=["at-once", "lazy"])
def either_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Logs that compact at once, and logs with gaps that keep what was superseded."""
    before = LAZY.set(request.param)
    yield
    LAZY.reset(before)
