"""Whole nodes copied: real data to other numbers of partitions, and copies that are killed."""

from pathlib import Path
from random import Random

import pytest

import motif
from connectors.logs import SqliteLog, sqlite_file
from schemas.clock import monotonic_s
from schemas.errors import LogIncompatible
from streams.identity import identity_of
from tests.integration.copied import facts
from tests.integration.processes import COPY_FAILPOINTS, KILLED, Command
from tests.integration.rows import Tables, asked, assert_same, assert_settled, learned
from tests.integration.sources import import_all

TIMES = [
    *(f"{name}:{time}" for name, times in COPY_FAILPOINTS.items() for time in times),
    "log.append.before_commit:2",
    "log.append.before_commit:9",
    "log.append.after_commit:6",
]


def copying(old: Path, new: Path, *options: str) -> Command:
    return Command(None, ("copy", old, new, *options))


def assert_copied(folder: Path, expected: Tables) -> None:
    with motif.open(folder) as node:
        assert_settled(node)
        assert_same(facts(node), expected)
        assert node.identity.label == "old"
        assert node.identity.epoch[1] == 1
        assert not node.verify()
        assert not node.notices


@pytest.mark.parametrize("failpoint", TIMES)
def test_killed_between_two_steps_and_started_again_nothing_is_doubled_or_lost(
    old: Path, expected: Tables, tmp_path: Path, failpoint: str
) -> None:
    command = copying(old, tmp_path, "--partitions", "3")

    assert command.ends(failpoint=failpoint) == KILLED
    if not failpoint.startswith("copy.after_identity"):
        if failpoint.startswith("copy."):
            with pytest.raises(LogIncompatible, match="does not say who it is"):
                motif.open(tmp_path)
        assert command.ends() == 0

    assert_copied(tmp_path, expected)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_nothing_is_doubled_or_lost(
    old: Path, expected: Tables, tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    start_s = monotonic_s()
    assert copying(old, tmp_path / "clean").ends() == 0
    typical_s = monotonic_s() - start_s
    command = copying(old, tmp_path / "killed", "--partitions", "8")

    for _ in range(3):
        command.killed_after(typical_s * rng.uniform(0.3, 0.9))

    if not is_whole(tmp_path / "killed"):  # else a second copy is refused
        assert command.ends() == 0
    assert_copied(tmp_path / "killed", expected)


def is_whole(folder: Path) -> bool:
    """Whether a copy came to its end, even if its process did not."""
    if not sqlite_file.exists(folder):
        return False
    with SqliteLog.open(folder, read_only=True) as log:
        return identity_of(log) is not None


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    with motif.open(folder) as node:
        import_all(node, shared_data)
    return folder


@pytest.mark.needs_shared_data
def test_real_data_is_learned_to_the_same_rows_in_1_3_and_8_partitions_and_back(
    real: Path, tmp_path: Path
) -> None:
    with motif.open(real) as node:
        truth = learned(node)
        log_id = node.identity.log_id

    before = real
    for partitions in (1, 3, 8, 4):
        folder = tmp_path / str(partitions)
        assert copying(before, folder, "--partitions", str(partitions)).ends() == 0
        with motif.open(folder) as node:
            assert_settled(node)
            assert_same(learned(node), truth)
            assert node.log.partitions == partitions
            assert asked(node, "SELECT max(site_count) FROM patterns") == [(1,)]
            retired = f"SELECT count(*) FROM contributions WHERE log_id = '{log_id}'"
            assert asked(node, retired) == [(0,)]
        before = folder


@pytest.mark.needs_shared_data
def test_a_folder_is_copied_while_a_node_holds_it(real: Path, tmp_path: Path) -> None:
    with motif.open(real) as node:
        assert copying(real, tmp_path).ends() == 0
        with motif.open(tmp_path) as copy:
            assert_same(learned(copy), learned(node))
