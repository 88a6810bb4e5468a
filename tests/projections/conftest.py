"""The fixtures of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.world import World


@pytest.fixture
def lazy() -> bool:
    """Whether the log has gaps and keeps what was superseded; some modules try both."""
    return False


@pytest.fixture
def world(tmp_path: Path, lazy: bool) -> Iterator[World]:
    """An empty log of one partition and its projection."""
    made = World(tmp_path, lazy=lazy)
    yield made
    made.close()
