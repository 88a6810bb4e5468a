"""Killed as hard as by a power cut, at any moment, and continued by typing the same command.

What is left must be what a run that was never killed leaves: the same rows in every table, but for
when and where records came to stand in the log.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import motif
from connectors.logs.sqlite import SqliteLog
from motif.beside import PROJECTION
from motif.node import Node
from projections import queries
from projections.projector import CHUNK
from projections.records import RECORDS
from projections.store import Store
from schemas.clock import monotonic_s
from schemas.log import Record
from schemas.topics import AGENT_EVENTS, EVENT_DUPLICATES
from streams.contribution import Contributor
from streams.identity import found
from streams.learner import BATCH, Learner
from streams.rules import Rules
from tests.campaign.table import PROJECTOR_STEPS, WORKER_STEPS
from tests.integration.found import assert_found
from tests.integration.processes import (
    COPY_FAILPOINTS,
    FORGET_FAILPOINTS,
    KEEP_FAILPOINTS,
    KEEP_ON_KAFKA_FAILPOINTS,
    KILLED,
    Command,
)
from tests.integration.rows import Tables, assert_same, assert_settled, stored
from tests.integration.samples import write_sample

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("motif", "schemas", "connectors", "streams", "projections")

FAILPOINTS = {
    "log.append.begin": (1, 10),
    "log.append.before_commit": (2, 18),
    "log.append.after_commit": (1, 11),
    "learner.after_claim": (1,),
    "learner.before_commit": (3,),
    "learner.after_commit": (1,),
    "federator.before_position": (3,),
    "federator.after_commit": (1,),
    "projector.before_commit": (2,),
    "projector.after_commit": (1,),
    "records.before_commit": (1,),
    "records.after_commit": (1,),
}
"""Between which two steps a process is killed, and the how manieth time it gets there."""

MORE_TIMES = {"log": (3, 4, 5, 8, 12, 14, 16), "learner": (2, 4), "federator": (2, 4)}
"""Other times at the failpoints of a group, tried in a campaign."""

TIMES = [
    *(f"{name}:{time}" for name, times in FAILPOINTS.items() for time in times),
    *(
        pytest.param(f"{name}:{time}", marks=pytest.mark.campaign)
        for name in FAILPOINTS
        for time in MORE_TIMES.get(name.partition(".")[0], (3,))
    ),
]

KILLS_MOST = 3
"""In a row, before the command may run to its end."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "events.jsonl")


@pytest.fixture(scope="module")
def clean(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The rows of an import that nobody disturbed."""
    with motif.open(tmp_path_factory.mktemp("clean")) as node:
        node.import_files("jsonl", [sample])
        return stored(node)


@pytest.fixture(scope="module")
def typical_s(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the command takes when it is left alone."""
    return _duration_s(Command(tmp_path_factory.mktemp("timed"), ("import", "jsonl", sample)))


def test_every_failpoint_of_the_source_is_tried() -> None:
    named = {
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r'(?<![.\w])reach\("([^"]+)"\)', path.read_text("utf-8"))
    }

    on_kafka = {name for name in named if name in (*WORKER_STEPS, *PROJECTOR_STEPS)}
    tried_elsewhere = {*COPY_FAILPOINTS, *FORGET_FAILPOINTS, *KEEP_FAILPOINTS, *on_kafka}
    tried_elsewhere |= {*KEEP_ON_KAFKA_FAILPOINTS}
    assert named == FAILPOINTS.keys() | tried_elsewhere


@pytest.mark.parametrize("failpoint", TIMES)
def test_killed_between_two_steps_nothing_is_lost_or_counted_twice(
    sample: Path, clean: Tables, tmp_path: Path, failpoint: str
) -> None:
    command = Command(tmp_path, ("import", "jsonl", sample))

    killed = command.ends(failpoint=failpoint)
    finished = command.ends()

    assert (killed, finished) == (KILLED, 0)
    _assert_clean(tmp_path, clean)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_nothing_is_lost_or_counted_twice(
    sample: Path, clean: Tables, typical_s: float, tmp_path: Path, seed: int
) -> None:
    command, rng = Command(tmp_path, ("import", "jsonl", sample)), Random(seed)

    for _ in range(rng.randint(1, KILLS_MOST)):
        command.killed_after(typical_s * rng.uniform(0.1, 1.0))

    assert command.ends() == 0
    _assert_clean(tmp_path, clean)


@pytest.mark.campaign
@pytest.mark.needs_shared_data
def test_fifty_kills_of_a_real_import(shared_data: Path, tmp_path: Path) -> None:
    """The 50 sessions, killed once at each of 50 random moments, and continued."""
    words = ("import", "claude-code", shared_data / "claude-code-sessions")
    whole_s = _duration_s(Command(tmp_path / "clean", words))
    with motif.open(tmp_path / "clean") as node:
        expected = stored(node)

    killed = 0
    for moment in range(50):
        folder = tmp_path / f"killed-{moment}"
        rng = Random(f"moment/{moment}")
        command = Command(folder, words)
        killed += command.killed_after(whole_s * rng.random())
        assert command.ends() == 0
        _assert_clean(folder, expected)

    assert killed >= 40, "hardly any kill came before the end"


@pytest.mark.parametrize("failpoint", ["learner.after_commit:2", "projector.after_commit:2"])
def test_what_was_committed_is_not_read_again(
    sample: Path, clean: Tables, tmp_path: Path, failpoint: str
) -> None:
    """So at most the one batch that was being worked on, and it alone, is worked on twice."""
    assert Command(tmp_path, ("import", "jsonl", sample)).ends(failpoint=failpoint) == KILLED
    log = Watched.open(tmp_path)
    identity = found(log, "")
    learned, projected = dict(_learned(log)), _projected(tmp_path, identity.log_id)
    kept = _kept(tmp_path)
    assert learned, "it was killed before anything was committed"

    for partition in range(log.partitions):
        contributor = Contributor(identity.site_id, identity.log_id, AGENT_EVENTS.name, partition)
        Learner(log, contributor, Rules(identity.epoch)).step()
    learner_read = log.noted()
    with Node(tmp_path, log, identity) as node:
        node.settle()
        projector_read = log.noted()

        for partition in range(log.partitions):
            end = log.end(AGENT_EVENTS.name, partition)
            unlearned = range(learned.get(partition, 0), end)
            assert _offsets(learner_read, partition) == list(unlearned)
            assert len(unlearned) <= BATCH
            unprojected = range(projected.get(partition, 0), end)
            # The records are kept a transaction later: killed before it, they read it once more.
            behind = range(min(unprojected.start, kept.get(partition, 0)), unprojected.start)
            assert {*_offsets(projector_read, partition)} == {*behind, *unprojected}
            assert len(behind) <= CHUNK
        assert_same(stored(node), clean)


class Watched(SqliteLog):
    """A log that notes which records of the input were read."""

    def noted(self) -> list[Record]:
        """The records that were read since somebody asked."""
        noted: list[Record] = self.__dict__.pop("read_records", [])
        return noted

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Read, and note."""
        records = super().read(topic, partition, offset, limit)
        if topic == AGENT_EVENTS.name:
            self.__dict__.setdefault("read_records", []).extend(records)
        return records


def _duration_s(command: Command) -> float:
    start_s = monotonic_s()
    assert command.ends() == 0
    return monotonic_s() - start_s


def _assert_clean(folder: Path, clean: Tables) -> None:
    with motif.open(folder) as node:
        assert_settled(node)
        assert_same(stored(node), clean)
        assert_found(node)
        assert not node.notices


def _projected(folder: Path, log_id: str) -> dict[int, int]:
    """Up to where each partition of the input was projected, as the file says."""
    with Store.open(folder / PROJECTION, log_id=log_id) as store:
        positions = queries.status(store).positions
    return {one.partition: one.position for one in positions if one.topic == AGENT_EVENTS.name}


def _kept(folder: Path) -> dict[int, int]:
    """Up to where the records of each partition of the input are kept, as their file says."""
    with closing(sqlite3.connect(folder / RECORDS)) as file:
        query = 'SELECT "partition", position FROM lane WHERE topic = ?'
        return dict(file.execute(query, (AGENT_EVENTS.name,)).fetchall())


def _learned(log: SqliteLog) -> Iterator[tuple[int, int]]:
    """Up to where each partition was learned, as the log says."""
    for partition in range(log.partitions):
        end = log.end(EVENT_DUPLICATES.name, partition)
        for record in log.read(EVENT_DUPLICATES.name, partition, 0, max(1, end)):
            if record.value and (record.key or b"").endswith(b"/position"):
                yield partition, json.loads(record.value)["position"]


def _offsets(records: list[Record], partition: int) -> list[int]:
    return [record.offset for record in records if record.partition == partition]
