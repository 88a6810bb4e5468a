"""Records saved over a node: what the format's own storage promises, kept."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.pattern_storage import PatternStorage
from schemas.clock import from_us, now_us
from tests.connectors.sources.moai_samples import CONTEXT, TASK, record, save

NOON = datetime(2025, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[PatternStorage]:
    with PatternStorage(base_path=tmp_path / "patterns") as opened:
        yield opened


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["pattern_id"] for one in found]


def at(identity: str, moment: datetime, *tags: str, **changed: Any) -> dict[str, Any]:
    context = {**CONTEXT, "tags": list(tags)}
    return record(identity, timestamp=moment.isoformat(), context=context, **changed)


@pytest.mark.parametrize(
    ("backend", "made"), [("filesystem", "patterns"), ("sqlite", "patterns.db")]
)
def test_each_backend_makes_its_place_and_keeps_what_is_saved(
    tmp_path: Path, backend: str, made: str
) -> None:
    for _ in range(2):
        with PatternStorage(backend, tmp_path / "patterns") as storage:
            assert (tmp_path / made).exists()
            assert storage.save(record()) is True

            assert ids(storage.query()) == ["pat-1"]


def test_another_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="'redis'; it must be one of filesystem, sqlite"):
        PatternStorage("redis")


@pytest.mark.parametrize(
    "changed",
    [{"pattern_type": "x"}, {"data": {}}, {"context": None}, {"pattern_id": "x" * 600}],
)
def test_what_is_no_record_is_refused_and_not_saved(
    storage: PatternStorage, changed: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="Invalid pattern schema: "):
        storage.save(record(**changed))

    assert storage.query() == []


def test_a_record_is_loaded_as_it_was_saved(storage: PatternStorage) -> None:
    said = record(
        timestamp="2025-11-29T10:00:00.123456",
        data={**TASK, "mood": "fine"},
        context={**CONTEXT, "timestamp": "2025-11-29T09:59:59.000000Z", "host": {"a": 1}},
    )
    storage.save(said)

    assert storage.load("pat-1") == said
    assert storage.load("pat-2") is None


def test_a_moment_survives_to_the_microsecond_in_utc(storage: PatternStorage) -> None:
    storage.save(record(timestamp="2025-11-29T10:00:00.123456+09:00"))

    loaded = storage.load("pat-1")

    assert loaded is not None
    assert loaded["timestamp"] == "2025-11-29T01:00:00.123456Z"


def test_a_record_saved_again_replaces_what_was_saved(storage: PatternStorage) -> None:
    """Whatever time it states: a second file was left behind before."""
    storage.save(record())
    storage.save(record(data={**TASK, "duration_ms": 4_000}))
    storage.save(record(data={**TASK, "duration_ms": 5_000}, timestamp="2025-12-01T00:00:00"))

    [found] = storage.query()
    assert found["data"]["duration_ms"] == 5_000
    assert storage.load("pat-1") == found
    assert storage.node.patterns(kind="task")[0].occurrences == 1


def test_a_record_saved_as_it_once_was_is_that_again(storage: PatternStorage) -> None:
    """Who saves 5 after 6 means 5 now."""
    for milliseconds in (5, 6, 5, 5):
        storage.save(record(data={**TASK, "duration_ms": milliseconds}))

        loaded = storage.load("pat-1")
        assert loaded is not None
        assert loaded["data"]["duration_ms"] == milliseconds
    [measure] = storage.node.sql(
        "SELECT n, minimum, maximum FROM pattern_measures WHERE measure = 'duration'"
    ).to_pylist()
    assert (measure["n"], measure["minimum"], measure["maximum"]) == (1, 5_000, 5_000)


def test_two_records_of_one_second_and_the_same_first_letters_stay_apart(
    storage: PatternStorage,
) -> None:
    for identity in ("pat-2025-1", "pat-2025-2", "../../pat-2025"):
        storage.save(record(identity))

    assert len(storage.query()) == 3
    for identity in ("pat-2025-1", "pat-2025-2", "../../pat-2025"):
        loaded = storage.load(identity)
        assert loaded is not None
        assert loaded["pattern_id"] == identity


def test_records_are_found_by_type(storage: PatternStorage) -> None:
    for number in range(5):
        storage.save(at(f"task-{number}", NOON + timedelta(seconds=number)))
    error = {"error_type": "TypeError", "error_message": "m"}
    storage.save(record("error", pattern_type="error_occurrence", data=error))

    assert ids(storage.query(motif.PatternType.TASK_COMPLETION)) == [
        f"task-{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert ids(storage.query("error_occurrence")) == ["error"]
    assert storage.query("agent_usage") == []
    with pytest.raises(ValueError, match="nonsense"):
        storage.query("nonsense")


def test_records_are_found_between_two_times_inclusive(storage: PatternStorage) -> None:
    day = timedelta(days=1)
    for number in range(-2, 3):
        storage.save(at(str(number), NOON + number * day))
    naive = NOON.replace(tzinfo=None)
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))

    assert ids(storage.query(start_date=NOON - day, end_date=NOON + day)) == ["1", "0", "-1"]
    assert ids(storage.query(start_date=naive, end_date=naive)) == ["0"]
    assert ids(storage.query(start_date=elsewhere)) == ["2", "1", "0"]
    assert ids(storage.query(end_date=NOON - 2 * day)) == ["-2"]


def test_all_tags_must_be_there_and_are_looked_at_before_the_limit(
    storage: PatternStorage,
) -> None:
    storage.save(at("both", NOON, "backend", "auth"))
    for number in range(6):
        storage.save(at(f"one-{number}", NOON + timedelta(seconds=1 + number), "backend"))
    without = record("none")
    del without["context"]
    storage.save(without)

    assert ids(storage.query(tags=["auth", "backend"], limit=1)) == ["both"]
    assert len(storage.query(tags=["backend"])) == 7
    assert storage.query(tags=["frontend"]) == []


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_a_query_gives_as_many_as_are_asked_for(storage: PatternStorage, limit: int) -> None:
    for number in range(5):
        storage.save(record(f"pat-{number}"))

    assert len(storage.query(limit=limit)) == min(limit, 5)
    with pytest.raises(ValueError, match="limit is 0"):
        storage.query(limit=0)


def test_without_a_limit_all_are_given(storage: PatternStorage) -> None:
    for number in range(103):
        storage.save(record(f"pat-{number}"))

    assert len(storage.query()) == 100
    assert len(storage.query(limit=None)) == len(storage.query(limit=1 << 70)) == 103


def test_a_day_counts_whole(storage: PatternStorage) -> None:
    for number in range(4):
        storage.save(at(str(number), NOON + number * timedelta(hours=12)))
    day = date(2025, 11, 30)

    assert ids(storage.query(start_date=day, end_date=day)) == ["2", "1"]
    assert ids(storage.query(end_date=day)) == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"limit": "5"}, "limit is '5'; it must be 1 or more"),
        ({"limit": 2.5}, "limit is 2.5"),
        ({"start_date": "2025"}, "start_date is '2025'; it must be a datetime or a date"),
        ({"end_date": 5}, "end_date is 5"),
        ({"tags": "backend"}, "tags is 'backend'; it must be a list of texts"),
        ({"tags": [None]}, "tags is "),
    ],
)
def test_what_no_query_can_mean_is_named(
    storage: PatternStorage, asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        storage.query(**asked)


def test_no_record_has_an_id_that_is_no_text(storage: PatternStorage) -> None:
    nothing: Any = None
    storage.save(record())

    with pytest.raises(ValueError, match="pattern_id is None; it must be text"):
        storage.load(nothing)


def test_what_was_imported_is_found_and_may_be_saved_again(tmp_path: Path) -> None:
    save(tmp_path / "old", "a.json", record())
    with motif.open(tmp_path / "node") as node:
        node.import_files("moai", [tmp_path / "old"])
        with PatternStorage(node=node) as storage:
            storage.save(record(data={**TASK, "duration_ms": 9}, timestamp="2025-12-01"))

            assert [one["data"]["duration_ms"] for one in storage.query()] == [9]
        assert node.patterns(kind="task")[0].occurrences == 1, "and the node is open"


def test_every_type_and_its_durations_come_back(storage: PatternStorage) -> None:
    said: dict[str, dict[str, Any]] = {
        "task_completion": TASK,
        "error_occurrence": {"error_type": "E", "error_message": "m", "resolution_time_ms": 3},
        "agent_usage": {"agent_type": "a", "task_type": "t", "success": True, "duration_ms": 1},
        "user_correction": {
            "original_output": "x",
            "corrected_output": "y",
            "correction_type": "c",
            "agent": "a",
            "severity": "minor",
        },
    }
    for kind, data in said.items():
        storage.save(record(kind, pattern_type=kind, data=data))

    for kind, data in said.items():
        loaded = storage.load(kind)
        assert loaded is not None
        assert (loaded["pattern_type"], loaded["data"]) == (kind, data)


def days_ago(identity: str, days: float, **changed: Any) -> dict[str, Any]:
    return at(identity, from_us(now_us()) - timedelta(days=days), **changed)


def test_what_is_old_is_deleted_and_what_is_young_stays(storage: PatternStorage) -> None:
    for identity, days in (("old", 100), ("young", 10), ("today", 0)):
        storage.save(days_ago(identity, days))

    assert storage.delete_old_patterns(retention_days=90) == 1
    assert storage.load("old") is None
    assert sorted(ids(storage.query())) == ["today", "young"]
    assert storage.delete_old_patterns() == 0
    storage.retention_days = 5
    assert storage.delete_old_patterns() == 1
    assert ids(storage.query()) == ["today"]


def test_what_is_compressed_is_found_as_before(storage: PatternStorage, tmp_path: Path) -> None:
    saved = [days_ago(f"{days}", days) for days in (100, 40, 10)]
    for one in saved:
        storage.save(one)
    before = storage.query()

    assert storage.compress_old_files() == 2
    assert storage.compress_old_files() == 0
    assert storage.query() == before
    assert storage.load("100") == before[-1]
    assert len(list((tmp_path / "patterns" / "archive").rglob("*.parquet"))) == 2


def test_what_was_deleted_and_is_saved_again_counts_once(storage: PatternStorage) -> None:
    """In the same words it is there again, in others it is a correction of what was learned."""

    def learned() -> tuple[int, float | None]:
        [row] = storage.node.sql(
            "SELECT p.occurrences, m.mean FROM patterns p JOIN pattern_measures m "
            "USING (pattern_id) WHERE m.measure = 'duration'"
        ).to_pylist()
        return row["occurrences"], row["mean"]

    old = days_ago("old", 100, data={**TASK, "duration_ms": 10})
    storage.save(old)
    storage.delete_old_patterns(30)
    assert learned() == (1, 10_000)

    storage.save(old)
    assert learned() == (1, 10_000)
    loaded = storage.load("old")
    assert loaded is not None
    assert loaded["data"]["duration_ms"] == 10
    storage.save({**old, "data": {**TASK, "duration_ms": 30}})
    assert learned() == (1, 30_000)
    loaded = storage.load("old")
    assert loaded is not None
    assert loaded["data"]["duration_ms"] == 30


@pytest.mark.parametrize("days", [-1, float("nan"), "30", True])
def test_what_is_no_number_of_days_is_refused(storage: PatternStorage, days: Any) -> None:
    with pytest.raises(ValueError, match="retention_days is"):
        storage.delete_old_patterns(days)
