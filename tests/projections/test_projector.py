"""Rows and positions move together, and follow exactly what the learner said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from projections import Projector, rebuild, verify
from projections.store import FILLING, Store
from schemas.clock import from_us
from schemas.envelope import Event
from schemas.errors import LogDamaged
from schemas.events import TaskCompleted, UserPrompted
from schemas.log import Record
from schemas.topics import AGENT_EVENTS
from tests.projections.world import LOG_ID, NOON_US, World


@pytest.fixture(params=[False, True], ids=["at-once", "lazy"])
def lazy(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def prompt(name: str, session: str = "s") -> Event:
    return Event("src", name, UserPrompted(session_id=session, agent="a"), NOON_US)


def names(world: World) -> list[str]:
    return [row["event_id"] for row in world.rows("user_prompts", order="event_id")]


def test_nothing_is_shown_before_it_was_learned(world: World) -> None:
    world.append(prompt("1"), prompt("2"), prompt("3"))
    world.project()
    assert names(world) == []

    world.learn(upto=2)
    world.project()

    assert names(world) == ["1", "2"]


def test_repeats_and_refused_records_make_no_rows(world: World) -> None:
    world.append(*(prompt(str(number)) for number in range(6)))
    world.learn(repeats=[1, 4], refused=[2])
    world.project()

    assert names(world) == ["0", "3", "5"]
    said = [(row["offset"], row["refused"]) for row in world.rows("duplicates")]
    assert said == [(1, False), (2, True), (4, False)]


def test_positions_repeat_what_the_learner_said(world: World) -> None:
    world.append(prompt("1"), prompt("2"))
    world.learn(upto=1, epoch=(3, 4))
    world.project()

    row = next(row for row in world.rows("positions") if row["topic"] == AGENT_EVENTS.name)

    assert (row["position"], row["learned"], row["epoch"]) == (1, 1, "3.4")
    counts = [row[name] for name in ("waiting", "late", "repeats", "conflicting", "refused")]
    assert counts == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_the_size_of_a_step_changes_nothing(tmp_path: Path, limit: int) -> None:
    world = World(tmp_path, partitions=3)
    for number in range(20):
        world.append(prompt(f"{number:02}", session=f"s{number % 5}"))
    for partition in range(3):
        repeats = [1] if world.log.end(AGENT_EVENTS.name, partition) > 1 else []
        world.learn(partition=partition, repeats=repeats)
    world.pattern("tool", "Bash")

    world.projector.catch_up(limit)

    held = sum(world.log.end(AGENT_EVENTS.name, partition) for partition in range(3))
    assert len(names(world)) == held - len(world.rows("duplicates")) > 10
    assert len(world.rows("patterns")) == 1
    assert world.projector.step() == 0
    assert verify(world.log, world.store) == []
    world.close()


def test_patterns_get_a_turn_while_events_are_waiting(world: World) -> None:
    world.append(*(prompt(str(number)) for number in range(100)))
    world.learn()
    world.projector.step(1)
    world.pattern("tool", "Bash")

    for _ in range(20):
        world.projector.step(1)

    assert len(world.rows("patterns")) == 1
    assert len(names(world)) < 100


def test_a_process_that_only_projects_has_memory_for_large_tallies(world: World) -> None:
    """As many as a step may hold records, 90 MB of them, do not go in at once."""
    world.close()
    many, large = 1_500, "x" * 60_000
    for number in range(many):
        world.contribute((1, 0, number), {"occurrences": 1, "more": large}, parts=(str(number),))

    with Store.open(world.path, log_id=LOG_ID, budget=FILLING) as store:
        projector = Projector(world.log, store)
        projector.catch_up()
        projector.close()

    world.reopen()
    assert world.ask("SELECT count(*) AS n FROM contributed") == [{"n": many}]


def test_rows_of_patterns_wait_for_a_step_that_takes_them(world: World) -> None:
    world.append(prompt("1"))
    world.learn()
    world.pattern("tool", "Bash")

    while world.projector.step(rows=False):
        continue
    before = world.rows("patterns")
    taken = world.projector.step()

    assert names(world) == ["1"]
    assert (before, taken, len(world.rows("patterns"))) == ([], 1, 1)


def test_a_new_epoch_projects_its_partition_again(tmp_path: Path) -> None:
    """What was refused under the old rules may be an event under the new ones, and conversely."""
    world = World(tmp_path, partitions=2)
    world.append(*(prompt(str(number), session=f"s{number}") for number in range(8)))
    world.learn(partition=0, refused=[1])
    world.learn(partition=1)
    world.project()
    before = names(world)

    world.learn(partition=0, epoch=(2, 0), withdrawn=[1], refused=[0])
    world.project()

    after = names(world)
    of_zero = {record.offset: record for record in world.log.read(AGENT_EVENTS.name, 0, 0, 9)}
    appeared, gone = (dict(of_zero[offset].headers)["ce_id"].decode() for offset in (1, 0))
    assert sorted({*before, appeared} - {gone}) == after
    assert [(row["offset"], row["refused"]) for row in world.rows("duplicates")] == [(0, True)]
    assert verify(world.log, world.store) == []
    world.close()


def test_a_fact_withdrawn_behind_our_back_projects_the_partition_again(world: World) -> None:
    world.append(prompt("0"), prompt("1"), prompt("2"))
    world.learn(repeats=[1])
    world.project()

    world.learn(withdrawn=[1])
    world.project()

    assert names(world) == ["0", "1", "2"]


def test_facts_said_again_change_nothing(world: World) -> None:
    world.append(prompt("0"), prompt("1"))
    world.learn(repeats=[1])
    world.project()

    world.learn(repeats=[1])
    world.project()

    assert names(world) == ["0"]
    assert len(world.rows("duplicates")) == 1


def test_a_projection_goes_on_where_it_was_closed(world: World) -> None:
    world.state(prompt("1"))
    world.close()

    world.reopen()
    assert world.projector.step() == 0
    world.state(prompt("2"))

    assert names(world) == ["1", "2"]
    assert world.projector.notices == []


def test_a_log_that_ends_before_the_position_means_a_new_projection(world: World) -> None:
    """The log was put back from an older copy: what was projected beyond its end is not true."""
    world.state(prompt("1"), prompt("2"))
    world.close()
    older = World(world.folder.parent / f"{world.folder.name}-older")
    older.append(prompt("1"))
    older.learn()

    store = Store.open(world.path, log_id=LOG_ID)
    projector = Projector(older.log, store)
    projector.catch_up()

    assert store.rebuilt
    assert "up to 2, and the log holds it from 0 to 1" in projector.notices[0]
    with store.reading() as cursor:
        assert cursor.execute("SELECT event_id FROM user_prompts").fetchall() == [("1",)]
    store.close()
    older.close()


def test_a_rebuilt_projection_equals_the_live_one(world: World) -> None:
    for number in range(4):
        world.pattern("tool", "Bash", occurrences=number)
        world.contribute((1, 0, number), {"occurrences": number})
        world.letter(str(number % 2) * 32, b"x", reason=b"not_json")
        data = TaskCompleted(task_type="t", agent="a", success=True, duration_us=number)
        world.state(prompt(str(number)), Event("src", f"t{number}", data, NOON_US))
    before = {name: world.rows(name) for name in ("patterns", "contributions", "positions")}
    assert verify(world.log, world.store) == []

    world.projector.close()
    rebuild(world.log, world.store)

    assert world.store.rebuilt
    assert {name: world.rows(name) for name in before} == before
    assert names(world) == ["0", "1", "2", "3"]


def test_a_rebuild_clears_what_a_killed_one_left(world: World) -> None:
    """The query engine puts what does not fit into memory in a folder beside its file."""
    world.state(prompt("1"))
    world.project()
    world.projector.close()
    left = world.store.path.with_name(f"{world.store.path.name}.rebuilt.tmp")
    left.mkdir()
    (left / "duckdb_temp_block-1.block").write_bytes(b"x")

    rebuild(world.log, world.store)

    assert names(world) == ["1"]
    assert not list(world.folder.glob("*rebuilt*"))


def test_a_rebuild_that_cannot_read_the_log_leaves_what_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.state(prompt("1"), prompt("2"))
    world.project()
    world.projector.close()
    read = world.log.read

    def damaged(topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        if topic == AGENT_EVENTS.name:
            raise LogDamaged("a record is not what was written")
        return read(topic, partition, offset, limit)

    monkeypatch.setattr(world.log, "read", damaged)
    with pytest.raises(LogDamaged):
        rebuild(world.log, world.store)

    assert names(world) == ["1", "2"]
    assert not list(world.folder.glob("*rebuilt*"))


def test_verify_names_the_table_that_differs(world: World) -> None:
    world.state(prompt("1"), prompt("2"))
    with world.store.reading() as cursor:
        cursor.execute("UPDATE user_prompted SET agent = 'b' WHERE event_id = '1'")
        cursor.execute("INSERT INTO user_prompted FROM user_prompted WHERE event_id = '2'")

    (difference,) = verify(world.log, world.store)

    assert (difference.table, difference.live_only, difference.rebuilt_only) == (
        "user_prompted",
        2,
        1,
    )
    assert "user_prompted: 2 rows" in str(difference)
    assert sorted(path.name for path in world.folder.iterdir() if "verify" in path.name) == []


def test_after_an_error_the_next_step_starts_from_the_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.append(prompt("1"), prompt("2"))
    world.learn()

    def broken(name: str) -> None:
        raise OSError(name)

    with monkeypatch.context() as patch:
        patch.setattr("projections.projector.reach", broken)
        with pytest.raises(OSError, match=r"before_commit"):
            world.projector.step()
    assert names(world) == []

    world.project()

    assert names(world) == ["1", "2"]


def test_a_record_taken_from_another_log_keeps_its_first_append_time(world: World) -> None:
    copied = Event("src", "1", prompt("1").data, NOON_US, recorded_us=NOON_US - 1)
    world.state(copied)

    assert [row["appended_at"] for row in world.rows("user_prompts")] == [from_us(NOON_US - 1)]


KILLED = """
import sys
from pathlib import Path
from tests.projections.test_projector import fill
from tests.projections.world import World
world = World(Path(sys.argv[1]), fill=fill)
world.projector.catch_up(limit=5)
world.close()
"""


def fill(world: World) -> None:
    """Fill a log in the same way in every process, as a memory log is not shared."""
    for number in range(30):
        world.append(prompt(f"{number:02}"), prompt(f"{number:02}"))
    world.learn(repeats=range(1, 60, 2))
    for number in range(5):
        world.pattern("tool", f"t{number}", days=[["2023-11-14", number, 0, 0]])
        world.contribute((1, 0, number), {"occurrences": number})
        world.letter(str(number) * 32, b"x", reason=b"not_json")


@pytest.mark.parametrize("place", ["before_commit", "after_commit"])
@pytest.mark.parametrize("nth", [1, 2, 9])
def test_killed_between_rows_and_commit_it_goes_on_without_loss(
    tmp_path: Path, place: str, nth: int
) -> None:
    environment = os.environ | {"MOTIF_FAILPOINT": f"projector.{place}:{nth}"}
    root = Path(__file__).parents[2]

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        check=False,
        capture_output=True,
        cwd=root,
        env=environment,
    )
    assert killed.returncode == -9, killed.stderr

    world = World(tmp_path, fill=fill)
    assert not world.store.rebuilt
    world.projector.catch_up(limit=5)
    assert names(world) == [f"{number:02}" for number in range(30)]
    assert verify(world.log, world.store) == []
    world.close()
