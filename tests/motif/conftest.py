"""A clean environment for the front door, a runner, and a folder that something was learned in."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import motif
from connectors.generate import sessions
from motif.cli import app


class Ran:
    """What a command line did: its exit code, what it wrote, and the sentence on stderr."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def sentence(self) -> str:
        """The one error on stderr, which begins with the program's name."""
        lines = [line for line in self.err.splitlines() if line.startswith("motif: ")]
        assert len(lines) == 1, f"one sentence and no more: {self.err!r}"
        return lines[0].removeprefix("motif: ")


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests, and nobody's own transcripts."""
    for name in os.environ:
        if (name.startswith("MOTIF_") and not name.startswith("MOTIF_TEST_")) or name == "COLUMNS":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))


@pytest.fixture
def run() -> Run:
    """Runs a command line in this process."""

    def run(*words: object) -> Ran:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which four generated sessions were learned; only to be read."""
    folder = tmp_path_factory.mktemp("learned")
    with motif.open(folder, label="the build farm") as node:
        node.publish(sessions(1, 4))
        node.settle()
    return folder
