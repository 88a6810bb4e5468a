"""A file that is not what was written is made anew or refused, and never answers wrongly."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from projections import Projector, Store
from projections.tables import NAMES
from projections.tables.types import rows_of
from schemas.envelope import Event
from schemas.errors import LogHeld, ProjectionDamaged
from schemas.events import TaskCompleted
from tests.projections.world import LOG_ID, NOON_US, World

Rows = dict[str, list[str]]


def everything(store: Store) -> Rows:
    """Every row of every table, in some canonical order."""
    found = {}
    for name in NAMES:
        with store.reading() as cursor:
            rows = rows_of(cursor.execute(f"SELECT * FROM {name}").to_arrow_table())
        found[name] = sorted(map(repr, rows))
    return found


class Intact(NamedTuple):
    """A whole projection: its world, its rows, and copies of its files, closed and as killed."""

    world: World
    rows: Rows
    files: dict[str, Path]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Intact:
    """A projection with everything in it; made once, as a hundred cases copy it."""
    world = World(tmp_path_factory.mktemp("world"))
    for number in range(2_000):
        data = (
            TaskCompleted(task_type=f"t{number}", agent="a" * (number % 90), success=True)
            if (number % 90)
            else TaskCompleted(task_type=f"t{number}", agent="b", success=False)
        )
        world.append(Event("src", str(number), data, NOON_US + number))
        if number % 10 == 0:
            world.pattern("task", "a", f"t{number}", days=[["2023-11-14", number, 0, 0]])
    world.learn(repeats=range(5, 2_000, 9))
    world.projector.catch_up(limit=700)
    with world.store.reading() as cursor:
        cursor.execute("CHECKPOINT")
    for number in range(100):
        world.pattern("tool", f"t{number}")
        world.contribute((1, 0, number), {"occurrences": number}, parts=[f"t{number}"])
    world.project()
    files = {}
    for state in ("killed", "closed"):
        if state == "closed":
            world.close()
        folder = tmp_path_factory.mktemp(state)
        for path in world.folder.glob("projection.duckdb*"):
            shutil.copy(path, folder)
        files[state] = folder
    with Store.open(files["closed"] / "projection.duckdb", log_id=LOG_ID) as store:
        rows = everything(store)
    return Intact(world, rows, files)


def damaged(intact: Intact, tmp_path: Path, seed: int) -> Path:
    """A copy with one seeded damage: a flipped bit, an end cut off, a hole, or a file deleted."""
    chance = random.Random(seed)
    shutil.copytree(intact.files[chance.choice(("killed", "closed"))], tmp_path, dirs_exist_ok=True)
    path = chance.choice(sorted(tmp_path.glob("projection.duckdb*")))
    content = bytearray(path.read_bytes())
    what = chance.choice(("flip", "flip", "flip in the head", "cut", "hole", "delete"))
    at = chance.randrange(min(len(content), 12_288) if "head" in what else len(content))
    if "flip" in what:
        content[at] ^= 1 << chance.randrange(8)
    elif what == "cut":
        del content[at:]
    elif what == "hole":
        content[at : at + 512] = bytes(len(content[at : at + 512]))
    path.write_bytes(content)
    if what == "delete":
        path.unlink()
    return tmp_path / "projection.duckdb"


def read_like_a_user(intact: Intact, path: Path) -> tuple[Rows, int]:
    """What a node does: open, catch up, answer; on damage say so, open again. Rows and refusals."""
    for refusals in range(2):
        store = Store.open(path, log_id=LOG_ID)
        try:
            projector = Projector(intact.world.log, store)
            projector.catch_up()
            projector.close()
            return everything(store), refusals
        except ProjectionDamaged:
            continue
        finally:
            store.close()
    raise AssertionError("refused again after it was opened anew")


@pytest.mark.parametrize("group", range(10))
def test_a_damaged_file_is_made_anew_or_refused_and_never_wrong(
    intact: Intact, tmp_path: Path, group: int
) -> None:
    """A hundred seeded cases: whatever is answered is what the intact file answers."""
    for seed in range(group * 10, group * 10 + 10):
        path = damaged(intact, tmp_path / str(seed), seed)

        rows, _ = read_like_a_user(intact, path)

        assert rows == intact.rows, f"seed {seed}"


def test_damage_that_shows_only_when_read_is_refused_then_repaired(
    intact: Intact, tmp_path: Path
) -> None:
    """The file opens well: it is the rows in its middle that are damaged."""
    whole = (intact.files["closed"] / "projection.duckdb").read_bytes()
    path = tmp_path / "projection.duckdb"
    refusals = 0

    for block in range(12_288, len(whole), 262_144):
        content = bytearray(whole)
        content[block + 100] ^= 1
        path.write_bytes(content)
        rows, refused = read_like_a_user(intact, path)
        assert rows == intact.rows
        refusals += refused

    assert refusals, "no block was read for the first time by a question"


def test_an_undamaged_file_is_left_alone(intact: Intact, tmp_path: Path) -> None:
    for state in ("killed", "closed"):
        folder = tmp_path / state
        shutil.copytree(intact.files[state], folder)
        with Store.open(folder / "projection.duckdb", log_id=LOG_ID) as store:
            assert (store.created, store.rebuilt, store.reason) == (False, False, None)
            assert everything(store) == intact.rows


def test_a_file_that_is_missing_is_made_and_leftovers_are_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "projection.duckdb"
    path.parent.mkdir()
    path.with_name(path.name + ".wal").write_bytes(b"of a file long gone")

    with Store.open(path, log_id=LOG_ID) as store:
        assert (store.created, store.rebuilt, store.reason) == (True, False, "there is none")


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000, bytes(100_000)])
def test_what_is_no_database_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "projection.duckdb"
    path.write_bytes(content)

    with Store.open(path, log_id=LOG_ID) as store:
        assert store.rebuilt
        assert store.reason


def test_another_database_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "projection.duckdb"
    with duckdb.connect(str(path)) as other:
        other.execute("CREATE TABLE mine (a INTEGER)")

    with Store.open(path, log_id=LOG_ID) as store:
        assert store.reason == "it is no projection"


def test_the_projection_of_another_log_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "projection.duckdb"
    Store.open(path, log_id="f" * 32).close()

    with Store.open(path, log_id=LOG_ID) as store:
        assert store.rebuilt
        assert store.reason == f"it belongs to the log {'f' * 32}, not to {LOG_ID}"


def test_the_projection_of_another_version_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "projection.duckdb"
    with monkeypatch.context() as patch:
        patch.setattr("projections.store.SCHEMA", "older")
        Store.open(path, log_id=LOG_ID).close()

    with Store.open(path, log_id=LOG_ID) as store:
        assert store.reason == "it was made by another version, with other tables"


def test_read_only_nothing_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "projection.duckdb"
    with pytest.raises(ProjectionDamaged, match="there is none"):
        Store.open(path, log_id=LOG_ID, read_only=True)
    path.write_bytes(b"junk" * 10_000)

    with pytest.raises(ProjectionDamaged, match="cannot be read"):
        Store.open(path, log_id=LOG_ID, read_only=True)

    assert path.read_bytes() == b"junk" * 10_000


def test_read_only_everything_can_be_asked(intact: Intact, tmp_path: Path) -> None:
    shutil.copytree(intact.files["closed"], tmp_path, dirs_exist_ok=True)

    with Store.open(tmp_path / "projection.duckdb", log_id=LOG_ID, read_only=True) as store:
        assert everything(store) == intact.rows


def test_a_file_another_process_holds_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "projection.duckdb"
    Store.open(path, log_id=LOG_ID).close()
    code = (
        "import sys, duckdb; held = duckdb.connect(sys.argv[1]);"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ.copy(),
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        with pytest.raises(LogHeld, match=f"held by process {holder.pid}"):
            Store.open(path, log_id=LOG_ID)

        holder.kill()
    with Store.open(path, log_id=LOG_ID) as store:
        assert not store.rebuilt


def test_closing_twice_and_asking_afterwards_is_plain(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "projection.duckdb", log_id=LOG_ID)
    store.close()
    store.close()

    with pytest.raises(ProjectionDamaged, match="is closed"):
        store.cursor()
