"""What tests of several files of this folder start from."""

from pathlib import Path

import pytest

import motif
from tests.integration.copied import facts, learn_sample
from tests.integration.rows import Tables


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node to be copied."""
    return learn_sample(tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def expected(old: Path) -> Tables:
    """Everything about it that a copy must keep."""
    with motif.open(old) as node:
        return facts(node)
