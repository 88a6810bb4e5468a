"""Whole nodes copied to a real broker, on it and back, and copies to it that are killed."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

import pytest

import motif
from connectors.logs import kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from motif import places
from motif.erasing import forget_on_kafka
from motif.following import FollowingNode
from motif.forgetting import Forgetting
from schemas.clock import monotonic_s
from schemas.events import TaskCompleted
from schemas.topics import (
    AGENT_EVENTS,
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
)
from streams.contribution import RETIRED, contributor_of, decode
from streams.identity import identity_of
from tests.integration.copied import facts
from tests.integration.processes import COPY_FAILPOINTS, KILLED, MOTIF, Command
from tests.integration.rows import Tables, asked, assert_same, fingerprint, learned
from tests.integration.sources import import_all
from tests.kafka.workers import ROOT, installation, projected
from tests.motif.workers import Worker
from tests.streams.worlds import records

pytestmark = pytest.mark.needs_kafka

LIMIT_S = 120.0

TIMES = [
    *(
        pytest.param(f"{name}:{time}", marks=pytest.mark.campaign if time > 4 else ())
        for name, times in COPY_FAILPOINTS.items()
        for time in times
    ),
    "kafka.before_commit:2",
    "kafka.before_commit:9",
]

ROUND = (1, 8, 3)
"""Numbers of partitions of a log that is copied on Kafka again and again."""

Place = Callable[[], KafkaSettings]


@pytest.fixture
def place(kafka: str, kafka_prefix: str) -> Place:
    """Gives places on the broker for one log each, one after another; all are gone afterwards."""
    numbers = count()
    return lambda: KafkaSettings(kafka, prefix=f"{kafka_prefix}{next(numbers)}.")


def typed(place: KafkaSettings | Path) -> str:
    """A place as it is typed."""
    if isinstance(place, Path):
        return str(place)
    return f"kafka://{place.bootstrap}/{place.prefix}"


def copying(source: KafkaSettings | Path, target: KafkaSettings | Path, *options: str) -> Command:
    return Command(None, ("copy", typed(source), typed(target), *options))


def learn(settings: KafkaSettings) -> str:
    """Learn and federate all that stands in a log; its id."""
    with KafkaLog.open(settings) as log:
        identity = identity_of(log)
        assert identity is not None
        worker = Worker(log, identity)
        while worker.step():
            continue
        return identity.log_id


def node_of(settings: KafkaSettings, folder: Path) -> FollowingNode:
    log = KafkaLog.open(settings)
    identity = identity_of(log)
    assert identity is not None
    node = FollowingNode(folder, log, identity)
    node.settle()
    return node


def check_copied(settings: KafkaSettings, folder: Path, expected: Tables) -> None:
    """The copy is whole, says who it is, and the same is learned from it."""
    learn(settings)
    with node_of(settings, folder) as node:
        assert_same(facts(node), expected)
        assert node.identity.label == "old"
        assert node.identity.epoch[1] == 1
        assert not node.verify()
        notes = [one for one in records(node.log, LEARNER_CHECKPOINTS) if one.value is not None]
        assert not [one for one in notes if (one.key or b"").startswith(b"copy/")]


def check_retired(settings: KafkaSettings, log_id: str, patterns: int) -> None:
    """The last word about every pattern of the old log is empty, with a version above all."""
    with KafkaLog.open(settings) as log:
        last = [one for one in records(log, PATTERN_CONTRIBUTIONS) if log_id in contributor_of(one)]
    retired = [decode(one.value or b"") for one in last]
    assert len({one.pattern_id for one in retired}) == patterns > 0
    assert all(one.is_empty and one.epoch == RETIRED for one in retired)


def check_round(old: Path, place: Place, folder: Path, numbers: Sequence[int]) -> None:
    """The rows stay the same to Kafka, on it in other numbers of partitions, and back."""
    with motif.open(old) as node:
        truth = learned(node)
        log_id = node.identity.log_id
    before: KafkaSettings | Path = old
    for partitions in numbers:
        settings = place()
        assert copying(before, settings, "--partitions", str(partitions)).ends() == 0
        check_retired(settings, log_id, len(truth["patterns"]))
        log_id = learn(settings)
        with node_of(settings, folder / str(partitions)) as node:
            assert_same(learned(node), truth)
            assert node.log.partitions == partitions
            assert asked(node, "SELECT max(site_count) FROM patterns") == [(1,)]
        before = settings
    assert copying(before, folder / "back", "--partitions", "4").ends() == 0
    with motif.open(folder / "back") as back:
        assert_same(learned(back), truth)
        assert asked(back, "SELECT DISTINCT log_id FROM contributions") == [(back.identity.log_id,)]


def test_the_same_rows_come_of_it_on_kafka_in_any_number_of_partitions_and_back(
    old: Path, place: Place, tmp_path: Path
) -> None:
    check_round(old, place, tmp_path, ROUND)


@pytest.mark.needs_shared_data
@pytest.mark.parametrize("numbers", [(3,), pytest.param(ROUND, marks=pytest.mark.campaign)])
def test_the_same_rows_come_of_real_data(
    shared_data: Path, place: Place, tmp_path: Path, numbers: Sequence[int]
) -> None:
    with motif.open(tmp_path / "real") as node:
        import_all(node, shared_data)

    check_round(tmp_path / "real", place, tmp_path, numbers)


def test_workers_learn_a_copy_to_the_rows_of_the_old_log(
    old: Path, place: Place, tmp_path: Path
) -> None:
    with motif.open(old) as node:
        truth, identity = learned(node), node.identity
    settings = place()
    assert copying(old, settings, "--partitions", "3").ends() == 0

    with installation(settings.bootstrap, settings.prefix, tmp_path / "workers", 3) as made:
        assert made.identity.site_id == identity.site_id
        assert made.identity.log_id != identity.log_id
        made.start_worker()
        made.wait_for(made.is_learned)
        (tmp_path / "tables").mkdir()
        with projected(made, tmp_path / "tables") as tables:
            with suppress(AssertionError):  # that it took too long; what differs is said below
                made.wait_for(lambda: fingerprint(learned(tables)) == fingerprint(truth), LIMIT_S)
            assert_same(learned(tables), truth)


@pytest.mark.parametrize("failpoint", TIMES)
def test_killed_between_two_steps_and_typed_again_nothing_is_doubled_or_lost(
    old: Path, expected: Tables, place: Place, tmp_path: Path, failpoint: str
) -> None:
    settings = place()
    command = copying(old, settings, "--partitions", "3")

    assert command.ends(failpoint=failpoint) == KILLED
    if not failpoint.startswith("copy.after_identity"):
        assert not is_whole(settings)
        assert command.ends() == 0

    check_copied(settings, tmp_path, expected)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_nothing_is_doubled_or_lost(
    old: Path, expected: Tables, place: Place, tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    began_s = monotonic_s()
    assert copying(old, place(), "--partitions", "3").ends() == 0
    typical_s = monotonic_s() - began_s
    settings = place()
    kafka_topics.create(settings, partitions=8)
    command = copying(old, settings)

    for _ in range(4):
        command.killed_after(typical_s * rng.uniform(0.3, 0.9))

    if not is_whole(settings):  # else a second copy is refused
        assert command.ends() == 0
    check_copied(settings, tmp_path, expected)


def is_whole(settings: KafkaSettings) -> bool:
    """Whether a copy came to its end, even if its process did not."""
    with KafkaLog.open(settings) as log:
        return identity_of(log) is not None


def test_a_copy_that_is_not_whole_is_learned_by_no_worker(
    old: Path, expected: Tables, place: Place, tmp_path: Path
) -> None:
    settings = place()
    command = copying(old, settings)
    assert command.ends(failpoint="copy.before_identity:1") == KILLED

    started = [str(MOTIF), "worker"]
    by_faust = [sys.executable, "-P", "-m", "faust", "-A", "streams.app", "worker", "-l", "warn"]
    for words, code in ((started, 1), (by_faust, 1)):
        ran = run(settings, tmp_path, *words)
        assert ran.returncode == code, ran.stderr
        assert "the log has no identity yet and is not learned" in ran.stderr
    refused = run(settings, tmp_path, str(MOTIF), "topics", "create")
    with KafkaLog.open(settings) as log:
        assert not records(log, EVENT_DUPLICATES)
        assert records(log, AGENT_EVENTS)

    assert refused.returncode == 1
    assert "run the same 'motif copy' again" in refused.stderr
    assert command.ends() == 0
    check_copied(settings, tmp_path / "tables", expected)


def run(settings: KafkaSettings, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of an installation to its end."""
    mine = {name: os.environ[name] for name in os.environ if name[:6] != "MOTIF_"}
    mine |= {
        "MOTIF_KAFKA": settings.bootstrap,
        "MOTIF_KAFKA_PREFIX": settings.prefix,
        "MOTIF_DATA": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=mine,
        timeout=LIMIT_S,
        check=False,
    )


def test_a_forgetting_that_was_interrupted_is_begun_anew_for_somebody_else(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its topics are made again: some of them hold what must go now."""
    with motif.open(tmp_path / "node", partitions=2) as node:
        for user in ("ann", "bob", "cyd"):
            done = TaskCompleted(agent="a", task_type="x", success=True, user_id=user)
            node.publish(motif.Event("test", user, done))
    old, new = place(), place()
    assert copying(tmp_path / "node", old).ends() == 0
    where = places.Place(bootstrap=old.bootstrap, prefix=old.prefix)

    def cut(name: str) -> None:
        if name == "copy.before_identity":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("motif.copying.reach", cut)
        with pytest.raises(KeyboardInterrupt):
            forget_on_kafka(where, new.prefix, Forgetting(user_id="ann"))

    assert forget_on_kafka(where, new.prefix, Forgetting(user_id="bob")).events == 1
    with KafkaLog.open(new) as log:
        written = b"".join(one.value or b"" for one in records(log, AGENT_EVENTS))
    assert [user in written for user in (b"ann", b"bob", b"cyd")] == [True, False, True]
