"""An import so large that a helper projects meanwhile: killed, shadowed, and still right."""

from pathlib import Path
from random import Random

import pytest

import motif
from connectors.generate import task_completions
from motif import engine
from projections.projector import Projector
from schemas.envelope import to_structured
from tests.integration.processes import KILLED, Command
from tests.integration.rows import Tables, assert_same, assert_settled, stored
from tests.integration.samples import events

COUNT = engine.BESIDE_FROM + 2_000

FAILPOINTS = ("learner.after_commit:2", "projector.before_commit:2")
"""The importing process dies; the helper does, and then who takes over from it."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "tasks.jsonl"
    with path.open("wb") as file:
        for event in task_completions(seed=9, count=COUNT, patterns=500):
            file.write(to_structured(event) + b"\n")
    return path


@pytest.fixture(scope="module")
def clean(large: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The rows of an import that nobody disturbed."""
    with motif.open(tmp_path_factory.mktemp("clean")) as node:
        node.import_files("jsonl", [large])
        return stored(node)


@pytest.mark.campaign
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_beside_its_helper_nothing_is_lost_or_counted_twice(
    large: Path, clean: Tables, tmp_path: Path, failpoint: str
) -> None:
    command = Command(tmp_path, ("import", "jsonl", large))

    killed = command.ends(failpoint=failpoint)
    finished = command.ends()

    assert (killed, finished) == (KILLED, 0)
    _assert_clean(tmp_path, clean)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_moment_of_a_large_import(
    large: Path, clean: Tables, tmp_path: Path, seed: int
) -> None:
    command = Command(tmp_path, ("import", "jsonl", large))
    rng = Random(seed)

    for _ in range(2):
        command.killed_after(rng.uniform(1.0, 12.0))

    assert command.ends() == 0
    _assert_clean(tmp_path, clean)


def test_a_folder_that_holds_packages_of_our_names_disturbs_no_helper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names like `schemas` are common: where somebody stands must not decide what is run."""
    somewhere = tmp_path / "somewhere"
    for package in ("motif", "schemas", "connectors", "streams", "projections"):
        (somewhere / package).mkdir(parents=True)
        (somewhere / package / "__init__.py").write_text("raise SystemExit('not yours')")
    monkeypatch.chdir(somewhere)
    monkeypatch.setattr(engine, "BESIDE_FROM", 1)
    left_over: list[int] = []
    step = Projector.step

    def counted(projector: Projector) -> int:
        left_over.append(step(projector))
        return left_over[-1]

    with motif.open(tmp_path / "node") as node:
        node.publish(events(1, 2))
        monkeypatch.setattr(Projector, "step", counted)
        node.settle()

        assert left_over == [0], "the helper did not do it"


def _assert_clean(folder: Path, clean: Tables) -> None:
    with motif.open(folder) as node:
        assert_settled(node)
        assert_same(stored(node), clean)
