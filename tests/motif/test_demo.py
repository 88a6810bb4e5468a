"""The demo: its story is true, it leaves nothing behind, and it mixes with nobody's data."""

import os
import tempfile
from pathlib import Path

import pytest

import motif
from connectors.generate import sessions
from motif import demo, demo_plant
from tests.motif.conftest import Run


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer sessions than a person sees."""
    monkeypatch.setattr(demo, "SESSIONS", 3)


def test_the_story_is_told_in_full(run: Run) -> None:
    ran = run("demo", "--once")

    assert ran.code == 0, ran.err
    for words in (
        "generated",
        "Tools: how often they fail",
        "Transitions: which tool follows which",
        "After an error",
        "Models: tokens and cost",
        "Tasks: how they end",
        "Operations: what runs did",
        "Discovered twice, over real sockets",
        "Fed three times",
        "Not one number moved",
        "motif import claude-code",
    ):
        assert words in ran.out
    assert "\x1b" not in ran.out


def test_a_plant_whose_sorts_are_known_is_asked_less() -> None:
    first, again = demo_plant.discover_twice()

    assert (first.devices, first.slow, first.fast) == (again.devices, again.devices, 0)
    assert again.fast > again.slow
    assert again.requests < first.requests / 2
    assert again.connections == first.connections


def test_feeding_again_in_another_order_gives_repeats_only(tmp_path: Path) -> None:
    events = list(sessions(1, 2))

    with motif.open(tmp_path) as node:
        first, second, third = demo.feed_thrice(node, events, None)

    assert (first.repeats, second.repeats, third.repeats) == (0, len(events), len(events))
    assert first.digest == second.digest == third.digest
    assert first.patterns == second.patterns > 0


def test_a_number_that_moved_would_be_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = iter("abc")
    monkeypatch.setattr(demo, "fingerprint", lambda _: next(digests))

    ran = run("demo")

    assert ran.code == 1
    assert "a number moved" in ran.sentence


def test_nothing_is_left_behind(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("MOTIF_DATA", str(tmp_path / "own"))

    assert run("demo").code == 0

    assert list(place.iterdir()) == []
    assert not (tmp_path / "own").exists()


def test_a_named_folder_is_kept_and_can_be_asked(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    ran = run("demo", "--data", folder)

    assert f"--data {folder}" in ran.out
    assert "tool_usage" in run("patterns", "--kind", "tool_usage", "--json", "--data", folder).out


def test_generated_sessions_never_get_into_a_folder_with_others(run: Run, learned: Path) -> None:
    ran = run("demo", "--data", learned)

    assert ran.code == 2
    assert str(learned) in ran.sentence


def test_ones_own_transcripts_are_noticed(run: Run) -> None:
    project = Path(os.environ["HOME"]) / ".claude" / "projects" / "p"
    project.mkdir(parents=True)
    for name in ("a.jsonl", "b.jsonl"):
        (project / name).write_text("not even read\n")

    assert "This machine has 2 transcripts" in run("demo").out
