"""The one fixture of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty log of one partition and its projection."""
    made = World(tmp_path)
    yield made
    made.close()
