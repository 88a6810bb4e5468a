"""The projection's file destroyed in a hundred ways: made anew or refused, never silently wrong."""

import shutil
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

import motif
from motif.beside import PROJECTION
from schemas.errors import MotifError
from tests.integration.damages import DAMAGES
from tests.integration.rows import Tables, assert_same, assert_settled, stored
from tests.integration.samples import write_sample

CASES = 100
ORDINARY = 16
"""Seeded cases in the ordinary run; all of them in a campaign."""

WAL = f"{PROJECTION}.wal"


class Place(NamedTuple):
    """A node's folder to be copied, and the rows it must show."""

    folder: Path
    clean: Tables


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder as it is left by a node that was closed."""
    folder = tmp_path_factory.mktemp("closed")
    sample = write_sample(folder / "events.jsonl", count=3)
    with motif.open(folder / "node") as node:
        node.import_files("jsonl", [sample])
        clean = stored(node)
    return Place(folder / "node", clean)


@pytest.fixture(scope="module")
def running(closed: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder as it is left by a process that ended while its last rows stood in the side file."""
    folder = tmp_path_factory.mktemp("running")
    sample = closed.folder.with_name("events.jsonl")
    with motif.open(folder / "node") as node:
        node.import_files("jsonl", [sample])
        node.settle()
        shutil.copytree(folder / "node", folder / "left")
    assert (folder / "left" / WAL).stat().st_size > 0
    return Place(folder / "left", closed.clean)


@pytest.mark.parametrize(
    "seed",
    [
        *range(ORDINARY),
        *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(ORDINARY, CASES)),
    ],
)
def test_a_damaged_projection_is_made_anew_or_refused(
    closed: Place, running: Place, tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    place = rng.choice([closed, running])
    folder = tmp_path / "node"
    shutil.copytree(place.folder, folder)
    name = rng.choice([PROJECTION, WAL]) if place is running else PROJECTION

    rng.choice(DAMAGES)(folder / name, rng)

    assert_right_or_refused(folder, place.clean)


def test_an_undamaged_projection_is_kept(closed: Place, running: Place, tmp_path: Path) -> None:
    for place in (closed, running):
        folder = tmp_path / place.folder.name
        shutil.copytree(place.folder, folder)
        with motif.open(folder) as node:
            assert_same(stored(node), place.clean)
            assert not node.notices


@pytest.mark.parametrize("content", [b"", b"\0" * 100_000, b"no database"])
def test_what_is_no_projection_is_replaced_and_said(
    closed: Place, tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "node"
    shutil.copytree(closed.folder, folder)
    (folder / PROJECTION).write_bytes(content)

    with motif.open(folder) as node:
        assert_same(stored(node), closed.clean)
        assert any("made anew" in notice for notice in node.notices)


def assert_right_or_refused(folder: Path, clean: Tables) -> None:
    """Open it, twice if it is refused; then everything is as it was, and stays so."""
    refusal = _refusal(folder, clean)
    assert refusal is None or len(refusal) > 20, "a refusal is a sentence"
    with motif.open(folder) as node:
        assert_same(stored(node), clean)
        assert_settled(node)


def _refusal(folder: Path, clean: Tables) -> str | None:
    try:
        with motif.open(folder) as node:
            assert_same(stored(node), clean)
    except MotifError as refused:
        return str(refused)
    return None
