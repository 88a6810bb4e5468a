"""Old events on a real broker: archived into files, pruned, and what they taught is not lost."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.generate_runs import workflow_runs
from connectors.logs.archive_file import FOLDER
from connectors.logs.kafka import KafkaLog
from schemas.clock import DAY_US, new_id, now_us
from schemas.envelope import Event
from schemas.events import TaskCompleted
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, LEARNED_TOPICS, LEARNER_CHECKPOINTS
from tests.integration.processes import KEEP_ON_KAFKA_FAILPOINTS, KILLED
from tests.kafka.front import Front
from tests.kafka.workers import installation

pytestmark = pytest.mark.needs_kafka

PARTITIONS = 2
PATTERNS = "SELECT * EXCLUDE (version) FROM patterns ORDER BY pattern_id"
COUNTED = "SELECT count(*) AS n, min(happened_at) AS since FROM task_completed"


def tasks(*days_ago: int, name: str = "t") -> list[Event]:
    """A task of each of these days, by different agents, so that they are in all partitions."""
    return [
        Event(
            "test",
            f"{name}-{day}",
            TaskCompleted(agent=f"agent-{day % 7}", task_type="x", success=True, duration_us=day),
            now_us() - day * DAY_US,
        )
        for day in days_ago
    ]


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Front]:
    """A log with a worker and no projector, in which events of a hundred days are learned."""
    with installation(kafka, f"t{new_id()[:8]}.", tmp_path / "workers", PARTITIONS) as made:
        made.start_worker()
        made.publish([*workflow_runs(5, 40), *tasks(*range(100, 0, -1))])
        made.wait_for(made.is_learned)
        yield Front(made, tmp_path / "tables")


def patterns(site: Front) -> object:
    return site.rows(PATTERNS)


def starts(site: Front) -> list[int]:
    return [
        site.made.log.start(topic.name, partition)
        for topic in LEARNED_TOPICS
        for partition in range(PARTITIONS)
    ]


def test_what_is_archived_is_asked_for_as_before_and_gone_from_the_broker(site: Front) -> None:
    before, counted = patterns(site), site.rows(COUNTED)
    would = site.run("archive", "--older-than", "30d", "--dry-run")
    assert not any(starts(site))
    did = site.run("archive", "--older-than", "30d")

    assert would.code == did.code == 0, did.err
    told = " ".join(would.out.split())  # lines are broken where they are long
    assert "would be archived; nothing was." in told
    done = " ".join(did.out.split())  # up to a moment of its own
    assert done.startswith(f"Archived {told.partition(', all before')[0]}, all before ")
    assert " into " in done
    assert sum(start > 0 for start in starts(site)) >= 2
    assert list((site.folder / FOLDER).rglob("*.parquet"))
    assert (patterns(site), site.rows(COUNTED)) == (before, counted)
    assert site.run("rebuild").code == 0
    assert (patterns(site), site.rows(COUNTED)) == (before, counted)
    assert site.run("verify").code == 0
    assert site.run("archive", "--older-than", "30d").out.startswith("Nothing in the log happened")


def test_what_is_pruned_stays_learned_and_goes_on_when_a_checkpoint_is_lost(site: Front) -> None:
    projector = site.start_projector()
    site.made.wait_for(lambda: site.is_answered_by(projector))
    before = patterns(site)
    site.run("archive", "--older-than", "60d")
    pruned = site.run("prune", "--older-than", "80d")
    assert pruned.code == 0, pruned.err
    assert "what these events taught is kept" in pruned.err
    site.made.kill(projector, signal.SIGTERM)
    (left,) = site.rows(COUNTED)

    assert left["n"] == 80
    assert patterns(site) == before
    assert site.run("verify").code == 0

    for worker in [one for one in site.made.workers if one.poll() is None]:
        site.made.kill(worker)
    lose_checkpoints(site.made.log)
    site.made.publish([*tasks(*range(100, 0, -1)), *tasks(3, 95, name="later")])
    site.made.start_worker()
    site.made.wait_for(site.made.is_learned)
    assert site.rows("SELECT sum(occurrences) AS n FROM patterns WHERE kind = 'task'") == [
        {"n": 102}
    ]


def test_killed_between_two_steps_it_is_typed_again(site: Front) -> None:
    before, counted = patterns(site), site.rows(COUNTED)
    after_files, after_pruning_files, after_delete = KEEP_ON_KAFKA_FAILPOINTS
    for what, age, failpoint in (
        ("archive", "60d", f"{after_files}:2"),
        ("archive", "30d", after_delete),
        ("archive", "30d", None),
        ("prune", "80d", after_pruning_files),
        ("prune", "80d", None),
    ):
        ran = site.run(what, "--older-than", age, failpoint=failpoint)
        assert ran.code == (0 if failpoint is None else KILLED), ran.err
        assert patterns(site) == before
        if what == "archive":
            assert site.rows(COUNTED) == counted
    assert site.rows(COUNTED)[0]["n"] == 80
    assert site.run("verify").code == 0
    site.made.publish(tasks(*range(100, 0, -1)))
    site.made.wait_for(site.made.is_learned)
    assert patterns(site) == before


def lose_checkpoints(log: KafkaLog) -> None:
    """Every record of every learner's checkpoint; the snapshots stay."""
    for partition in range(PARTITIONS):
        offset, keys = 0, set()
        while records := log.read(LEARNER_CHECKPOINTS.name, partition, offset, 100):
            offset = records[-1].offset + 1
            keys |= {record.key for record in records if record.value is not None}
        names = tuple(f"{topic.name}/".encode() for topic in LEARNED_TOPICS)
        lost = [key for key in keys if key is not None and key.startswith(names)]
        assert lost
        log.append([Outgoing(LEARNER_CHECKPOINTS.name, partition, key, None) for key in lost])


def test_what_is_not_learned_is_not_deleted(kafka: str, tmp_path: Path) -> None:
    with installation(kafka, f"t{new_id()[:8]}.", tmp_path / "workers", PARTITIONS) as made:
        made.publish(tasks(100, 90, 80))
        site = Front(made, tmp_path / "tables")
        ran = site.run("prune", "--older-than", "30d")

        assert ran.out.startswith("Nothing in the log or its archive happened before")
        assert sum(made.log.start(AGENT_EVENTS.name, at) for at in range(PARTITIONS)) == 0


def test_the_archive_of_another_log_is_left_alone(site: Front, kafka: str, tmp_path: Path) -> None:
    site.run("archive", "--older-than", "30d")
    with installation(kafka, f"t{new_id()[:8]}.", tmp_path / "others", PARTITIONS) as made:
        other = Front(made, site.folder)
        ran = other.run("archive", "--older-than", "30d")

        assert ran.code != 0
        assert "is the archive of another log" in ran.sentence
