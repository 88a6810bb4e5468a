"""The whole way on a real broker: the same rows as embedded, whoever learns and whatever dies."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

import motif
from connectors.generate import sessions, task_completions
from connectors.generate_probes import probes
from connectors.generate_runs import workflow_runs
from connectors.logs import kafka_topics
from connectors.logs.kafka_settings import KafkaSettings
from motif.erasing import forget_on_kafka
from motif.exporting import into_file
from motif.forgetting import Forgetting
from motif.places import Place, source_at
from schemas.clock import monotonic_s
from schemas.envelope import Event, from_structured
from schemas.events import ToolCalled
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, LEARNER_CHECKPOINTS, PATTERNS, TOPICS
from streams.identity import change_settings
from tests.integration.rows import Tables, assert_same, fingerprint, learned
from tests.integration.sources import events_of, import_all
from tests.kafka.workers import Installation, installation, projected

pytestmark = pytest.mark.needs_kafka

ROWS_S = 90.0
"""How long rows may take to be those of all contributions; the issue is what they are then."""


def generated() -> list[Event]:
    tasks = task_completions(11, 2_000, patterns=200)
    return [*sessions(11, 30), *tasks, *workflow_runs(11, 800), *probes(11, 400)]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    with motif.open(tmp_path_factory.mktemp("embedded")) as node:
        node.publish(generated())
        return learned(node)


@pytest.fixture
def kafka3(kafka: str, kafka_prefix: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(kafka, kafka_prefix, tmp_path / "workers", 3) as made:
        yield made


def check_rows(made: Installation, folder: Path, expected: Tables) -> None:
    """All is learned, and the rows become those that are expected."""
    made.wait_for(made.is_learned)
    with projected(made, folder) as tables:
        wanted = fingerprint(expected)
        with suppress(AssertionError):  # that it took too long; what differs is said below
            made.wait_for(lambda: fingerprint(learned(tables)) == wanted, ROWS_S)
        assert_same(learned(tables), expected)


@pytest.mark.needs_shared_data
@pytest.mark.parametrize(("partitions", "workers"), [(1, 1), (3, 2), (8, 3)])
def test_real_sources_give_the_rows_they_give_embedded(
    partitions: int, workers: int, kafka: str, kafka_prefix: str, tmp_path: Path, shared_data: Path
) -> None:
    with motif.open(tmp_path / "embedded") as node:
        import_all(node, shared_data)
        expected = learned(node)

    with installation(kafka, kafka_prefix, tmp_path / "workers", partitions) as made:
        for _ in range(workers):
            made.start_worker()
        made.publish(events_of(shared_data))

        check_rows(made, tmp_path / "tables", expected)


def test_workers_killed_at_any_moment_lose_and_double_nothing(
    kafka3: Installation, tmp_path: Path, embedded: Tables
) -> None:
    rng = Random(5)
    events = generated()
    rng.shuffle(events)
    parts = [events[start : start + 600] for start in range(0, len(events), 600)]

    for number, part in enumerate(parts):
        kafka3.publish(part + rng.sample(part, 60))
        if number < 6:
            worker = kafka3.start_worker()
            kafka3.wait_for(lambda: len(kafka3.reached()) > rng.randrange(4), 30)
            kafka3.kill(worker)
    kafka3.start_worker()

    check_rows(kafka3, tmp_path / "tables", embedded)


def test_a_worker_that_was_asleep_is_fenced_and_changes_nothing(
    kafka3: Installation, tmp_path: Path, embedded: Tables
) -> None:
    events = generated()
    sleeper = kafka3.start_worker()
    kafka3.publish(events[: len(events) // 2])
    kafka3.wait_for(kafka3.is_learned)
    kafka3.kill_softly(sleeper, signal.SIGSTOP)
    kafka3.publish(events[len(events) // 2 :])
    kafka3.start_worker()
    kafka3.wait_for(kafka3.is_learned)
    kafka3.kill_softly(sleeper, signal.SIGCONT)

    check_rows(kafka3, tmp_path / "tables", embedded)


def test_a_row_that_is_not_true_is_overwritten(
    kafka3: Installation, tmp_path: Path, embedded: Tables
) -> None:
    kafka3.start_worker()
    kafka3.publish(generated())
    check_rows(kafka3, tmp_path / "tables", embedded)
    false = [
        Outgoing(record.topic, record.partition, record.key, record.value and b'{"version":"x"}')
        for record in kafka3.log.read(PATTERNS.name, 0, 0, 20)
    ]
    kafka3.log.append(false)

    def corrected() -> bool:
        last = {one.key: one.value for one in kafka3.log.read(PATTERNS.name, 0, 0, 1_000_000)}
        return all(last[one.key] != one.value for one in false)

    kafka3.wait_for(corrected, 60)


def test_lost_checkpoints_are_learned_again_and_said_aloud(
    kafka3: Installation, tmp_path: Path, embedded: Tables
) -> None:
    worker = kafka3.start_worker()
    kafka3.publish(generated())
    kafka3.wait_for(kafka3.is_learned)
    kafka3.kill(worker)
    keys = {
        (one.partition, one.key)
        for partition in range(3)
        for one in kafka3.log.read(LEARNER_CHECKPOINTS.name, partition, 0, 1_000_000)
    }
    kafka3.log.append(Outgoing(LEARNER_CHECKPOINTS.name, at, key, None) for at, key in sorted(keys))

    kafka3.start_worker()

    kafka3.wait_for(lambda: "learned again from its beginning" in kafka3.said(), 60)
    check_rows(kafka3, tmp_path / "tables", embedded)


def test_poison_stops_nobody_and_is_one_letter_each(
    kafka3: Installation, tmp_path: Path, embedded: Tables
) -> None:
    kafka3.start_worker()
    poison = [Outgoing(AGENT_EVENTS.name, at % 3, b"k", b"no event %d" % at) for at in range(9)]
    kafka3.log.append([*poison, *poison])
    kafka3.publish(generated())

    check_rows(kafka3, tmp_path / "tables", embedded)
    with projected(kafka3, tmp_path / "again") as tables:
        letters = tables.sql("SELECT bytes FROM dead_letters").column(0).to_pylist()
    assert sorted(letters) == [b"no event %d" % at for at in range(9)]


def test_a_worker_ends_within_five_seconds_and_in_order(kafka3: Installation) -> None:
    worker = kafka3.start_worker()
    kafka3.publish(generated())
    kafka3.wait_for(lambda: len(kafka3.reached()) > 0)

    began_s = monotonic_s()
    worker.send_signal(signal.SIGTERM)
    worker.wait(20)

    assert monotonic_s() - began_s < 5
    assert worker.returncode == 0, kafka3.said()
    assert "Traceback" not in kafka3.said()


def test_the_federator_s_table_has_its_topic_before_anybody_joins_a_group(
    kafka3: Installation,
) -> None:
    """Made later it may be unknown to the members of the group, whose table is none then."""
    assert kafka3.start("app", [sys.executable, "-P", "-c", "import streams.app"]).wait(60) == 0

    found = asyncio.run(_described(kafka3.settings, "motif-federated-changelog"))

    assert [len(one["partitions"]) for one in found] == [3]


async def _described(settings: KafkaSettings, name: str) -> list[dict[str, Any]]:
    admin = AIOKafkaAdminClient(**settings.client_options())
    try:
        await admin.start()
        described: list[dict[str, Any]] = await admin.describe_topics([settings.prefix + name])
        return described
    finally:
        await admin.close()


def test_changed_rules_take_the_old_patterns_from_the_topics(
    kafka3: Installation, tmp_path: Path
) -> None:
    events = list(workflow_runs(4, 300, amended=0.2))
    with motif.open(tmp_path / "new", operation_rules=RULES) as node:
        node.publish(events)
        expected = learned(node)
    kafka3.start_worker()
    kafka3.publish(events)
    kafka3.wait_for(lambda: BUILT_IN in signatures_on(kafka3))

    change_settings(kafka3.log, kafka3.identity, operation_rules=RULES)

    kafka3.wait_for(lambda: signatures_on(kafka3) == OWN)
    check_rows(kafka3, tmp_path / "tables", expected)


def test_events_move_from_a_folder_to_kafka_and_back(kafka3: Installation, tmp_path: Path) -> None:
    exported, moved, back = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    with motif.open(tmp_path / "a") as node:
        node.publish(generated())
        expected = learned(node)
        into_file(node.log, exported)

    kafka3.publish(from_structured(line) for line in exported.read_bytes().splitlines())
    into_file(kafka3.log, moved)
    with motif.open(tmp_path / "c") as node:
        node.import_files("jsonl", [moved])
        into_file(node.log, back)
        assert_same(learned(node), expected)

    assert exported.read_bytes() == moved.read_bytes() == back.read_bytes()


def test_a_session_is_forgotten_by_a_copy_that_takes_the_place_of_the_log(
    kafka3: Installation, tmp_path: Path
) -> None:
    events = generated()
    session = next(one.data.session_id for one in events if isinstance(one.data, ToolCalled))
    stay = [one for one in events if getattr(one.data, "session_id", None) != session]
    with motif.open(tmp_path / "never") as node:
        node.publish(stay)
        expected = learned(node)
    kafka3.publish(events)
    old, prefix = kafka3.settings, f"{kafka3.settings.prefix}after."
    place = Place(bootstrap=old.bootstrap, prefix=old.prefix)

    receipt = forget_on_kafka(place, prefix, Forgetting(session_id=session))

    assert receipt.events == len(events) - len(stay)
    assert len(kafka_topics.missing(old)) == len(TOPICS), "the old topics are gone"
    with source_at(Place(bootstrap=old.bootstrap, prefix=prefix)) as log:
        into_file(log, tmp_path / "after.jsonl")
    kafka_topics.delete(replace(old, prefix=prefix))
    assert session.encode() not in (tmp_path / "after.jsonl").read_bytes()
    with motif.open(tmp_path / "after") as node:
        node.import_files("jsonl", [tmp_path / "after.jsonl"])
        assert_same(learned(node), expected)


RULES = """
version = "1"
builtin = false
[[rule]]
id = "auth"
signature = "sdlc:auth:all"
any = ["jwt", "login"]
"""
BUILT_IN, OWN = "test:pytest:backend", {"sdlc:auth:all", "review:code:all"}


def signatures_on(made: Installation) -> set[str]:
    """The signatures of all rows that stand on the topic `patterns` now."""
    rows: dict[bytes | None, bytes | None] = {}
    for partition in range(made.partitions):
        offset = 0
        while records := made.log.read(PATTERNS.name, partition, offset, 4_096):
            offset = records[-1].offset + 1
            rows |= {record.key: record.value for record in records}
    return {json.loads(row)["signature"] for row in rows.values() if row is not None}
