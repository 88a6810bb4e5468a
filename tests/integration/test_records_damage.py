"""The file of records destroyed in many ways: made anew or refused, never silently wrong."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import motif
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.node import Node
from projections.records import RECORDS, Record
from schemas.errors import LogUnavailable, MotifError
from tests.integration.damages import DAMAGES
from tests.integration.found import assert_found, walked

CASES, ORDINARY = 100, 16
"""Seeded cases in a campaign, and in the ordinary run."""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """A folder as a node leaves it, and what is found in it."""
    folder = tmp_path_factory.mktemp("closed") / "node"
    with motif.open(folder) as node:
        node.publish([*records(3, 150), *workflow_runs(3, 150)])
        found = list(walked(node))
    return folder, found


@pytest.fixture
def folder(closed: tuple[Path, list[Record]], tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return shutil.copytree(closed[0], tmp_path / "node")


@pytest.mark.parametrize(
    "seed",
    [
        *range(ORDINARY),
        *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(ORDINARY, CASES)),
    ],
)
def test_damaged_records_are_made_anew_or_the_damage_is_where_nobody_reads(
    closed: tuple[Path, list[Record]], folder: Path, seed: int
) -> None:
    rng = Random(f"records/{seed}")

    rng.choice(DAMAGES)(folder / RECORDS, rng)

    with motif.open(folder) as node:
        assert len(_refusals(node)) <= 1, "opened again it is new"
        if node.verify():
            node.rebuild()
        assert list(walked(node)) == closed[1]
        assert not node.verify()


def _refusals(node: Node) -> list[str]:
    """Asked several things, in what sentences it refuses.

    A bit that turned within a text that no checksum covers is found by `verify` alone.
    """
    refusals = []
    for wanted in ({"text": "demo"}, {}, {"tags": ["demo"], "since": "2020-01-01"}):
        try:
            list(walked(node, **wanted))
        except MotifError as refused:
            refusals.append(str(refused))
    return refusals


@pytest.mark.parametrize("content", [b"", b"\0" * 100_000, b"no database", None])
def test_what_is_no_file_of_records_is_replaced_and_said(
    closed: tuple[Path, list[Record]], folder: Path, content: bytes | None
) -> None:
    (folder / RECORDS).unlink()
    if content is not None:
        (folder / RECORDS).write_bytes(content)

    with motif.open(folder) as node:
        assert list(walked(node)) == closed[1]
        assert bool(node.notices) is (content is not None)
        assert all("the records are made anew: " in notice for notice in node.notices)


def test_those_of_another_projection_are_replaced(
    closed: tuple[Path, list[Record]], folder: Path, tmp_path: Path
) -> None:
    with motif.open(tmp_path / "other") as other:
        other.publish(records(4, 20))
        other.settle()
    shutil.copy(tmp_path / "other" / RECORDS, folder / RECORDS)

    with motif.open(folder) as node:
        assert list(walked(node)) == closed[1]


@pytest.mark.parametrize("statement", ["UPDATE record SET appended_us = appended_us + 1",
    "DELETE FROM record WHERE place = (SELECT max(place) FROM record)",
    "INSERT INTO entry (rowid, body, terms) VALUES (1, 'a word too many', '')"])  # fmt: skip
def test_what_was_changed_behind_its_back_is_named_and_mended(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / RECORDS)) as connection, connection:
        connection.execute(statement)

    with motif.open(folder) as node:
        (difference,) = node.verify()[:1]
        node.rebuild()

        assert difference.table in {"records", "words of records"}
        assert not node.verify()
        assert_found(node)


@pytest.fixture
def held(folder: Path) -> Iterator[Path]:
    """A folder whose records another process is writing."""
    with closing(sqlite3.connect(folder / RECORDS, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield folder


def test_a_file_that_somebody_holds_is_kept_and_the_tables_go_on(
    held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.records.file._WAIT_S", 0.05)
    before = (held / RECORDS).read_bytes()

    with motif.open(held) as node:
        node.publish(records(5, 4))
        with pytest.raises(LogUnavailable, match="database is locked"):
            node.settle()

    assert (held / RECORDS).read_bytes() == before
