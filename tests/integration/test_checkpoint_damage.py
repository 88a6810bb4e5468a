"""What a learner had committed, altered or lost behind its back: learned again, and said.

The log's own CRC finds bytes that changed on the disk. Here the records are replaced by others
that are sound as records, so that only the checkpoint itself can tell.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

import motif
from connectors.logs import frame
from connectors.logs.sqlite import SqliteLog
from connectors.logs.sqlite_file import FILE_NAME
from schemas.errors import LogDamaged
from schemas.log import Outgoing, Record
from schemas.topics import (
    AGENT_EVENTS,
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    Topic,
)
from tests.integration.rows import Tables, assert_same, assert_settled, stored
from tests.integration.samples import events

CASES = 100
ORDINARY = 6
"""Seeded cases in the ordinary run; all of them in a campaign."""

SEED, SESSIONS = 7, 3


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The rows of everything, learned without a break."""
    with motif.open(tmp_path_factory.mktemp("clean")) as node:
        node.publish(events(SEED, SESSIONS))
        return stored(node)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one half is learned, in several commits."""
    folder = tmp_path_factory.mktemp("halfway") / "node"
    first = list(events(SEED, SESSIONS))[::2]
    with motif.open(folder) as node:
        for part in range(4):
            node.publish(first[part::4])
            node.settle()
    return folder


@pytest.fixture
def folder(halfway: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(halfway, tmp_path / "node"))


@pytest.mark.parametrize(
    "seed",
    [
        *range(ORDINARY),
        *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(ORDINARY, CASES)),
    ],
)
def test_an_altered_checkpoint_is_thrown_away_and_said(
    folder: Path, clean: Tables, seed: int
) -> None:
    """One bit of one record of a learner's checkpoint, its CRC computed anew."""
    rng = Random(seed)
    record = rng.choice(_records(folder, LEARNER_CHECKPOINTS, _of_a_learner))
    assert record.value
    place = rng.randrange(8 * len(record.value))
    altered = bytearray(record.value)
    altered[place // 8] ^= 1 << place % 8

    _replace(folder, record, bytes(altered))

    notices = _continued(folder, clean)
    assert any("learned again" in notice and "damaged" in notice for notice in notices)


@pytest.mark.parametrize("seed", range(3))
def test_an_altered_position_of_a_federator_makes_it_write_all_rows_again(
    folder: Path, clean: Tables, seed: int
) -> None:
    rng = Random(seed)
    record = rng.choice(_records(folder, LEARNER_CHECKPOINTS, lambda one: not _of_a_learner(one)))
    assert record.value
    altered = bytearray(record.value)
    altered[rng.randrange(len(altered))] ^= 1 << rng.randrange(8)

    _replace(folder, record, bytes(altered))

    assert not _continued(folder, clean)


@pytest.mark.parametrize("what", ["a head", "a segment", "every record"])
def test_a_lost_checkpoint_is_learned_again_and_said(
    folder: Path, clean: Tables, what: str
) -> None:
    lost = _records(folder, LEARNER_CHECKPOINTS, _of_a_learner)
    if what != "every record":
        is_head = what == "a head"
        lost = [one for one in lost if (one.key or b"").endswith(b"/head") == is_head][:1]

    _append(folder, [Outgoing(one.topic, one.partition, one.key, None) for one in lost])

    assert any("learned again" in notice for notice in _continued(folder, clean))


@pytest.mark.parametrize("damage", ["lost", "altered", "older"])
def test_contributions_that_are_not_what_was_committed_are_learned_again(
    folder: Path, clean: Tables, damage: str
) -> None:
    """The tallies stand on a topic of their own; the checkpoint has the sum of their digests."""
    contributions = _records(folder, PATTERN_CONTRIBUTIONS, lambda one: one.value is not None)
    one = Random(damage).choice(contributions)
    value = one.value or b""
    changed = {
        "lost": None,
        "altered": value.replace(b'"occurrences":', b'"occurrences":1'),
        "older": value.replace(b'"offset":', b'"offset":0'),
    }[damage]
    if damage == "older":
        changed = value[: value.index(b'"offset":')] + b'"offset":0' + _after_number(value)

    _append(folder, [Outgoing(one.topic, one.partition, one.key, changed, one.headers)])

    assert any("learned again" in notice for notice in _continued(folder, clean))


@pytest.mark.parametrize("topic", [PATTERNS, EVENT_DUPLICATES], ids=lambda topic: topic.name)
def test_a_projection_made_anew_does_not_need_the_checkpoint(
    folder: Path, clean: Tables, topic: Topic
) -> None:
    """All the derived topics say is said again when everything is learned again."""
    lost = _records(folder, LEARNER_CHECKPOINTS, lambda _: True)
    lost += _records(folder, topic, lambda one: one.value is not None)
    (folder / "projection.duckdb").unlink()

    _append(folder, [Outgoing(one.topic, one.partition, one.key, None) for one in lost])

    assert any("learned again" in notice for notice in _continued(folder, clean))


@pytest.mark.parametrize(
    "topic",
    [LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS, AGENT_EVENTS],
    ids=lambda topic: topic.name,
)
@pytest.mark.parametrize("damage", ["a bit", "a missing row"])
def test_damage_on_the_disk_is_refused_with_a_sentence(
    folder: Path, topic: Topic, damage: str
) -> None:
    """Without a new CRC it is no checkpoint of ours: the log says so, and what to do."""
    with sqlite3.connect(folder / FILE_NAME) as connection:
        table = f"{topic.name}/{_records(folder, topic, lambda _: True)[0].partition}"
        if damage == "a bit":
            change = f'UPDATE "{table}" SET crc = crc + 1'
        else:
            change = f'DELETE FROM "{table}" WHERE offset = (SELECT min(offset) FROM "{table}")'
        connection.execute(change)
    connection.close()

    with motif.open(folder) as node:
        node.publish(events(SEED, SESSIONS))
        with pytest.raises(LogDamaged, match="backup"):
            node.rebuild()


def _continued(folder: Path, clean: Tables) -> list[str]:
    """Open it, bring everything once more, and compare; what was said on the way."""
    with motif.open(folder) as node:
        node.publish(events(SEED, SESSIONS))
        assert_same(stored(node), clean)
        assert_settled(node)
        notices = list(node.notices)
    with motif.open(folder) as node:
        assert_same(stored(node), clean)
        assert not node.notices
    return notices


def _of_a_learner(record: Record) -> bool:
    return (record.key or b"").startswith(AGENT_EVENTS.name.encode()) and bool(record.value)


def _records(folder: Path, topic: Topic, wanted: Callable[[Record], bool]) -> list[Record]:
    with SqliteLog.open(folder, read_only=True) as log:
        return [one for one in _all(log, topic) if wanted(one)]


def _all(log: SqliteLog, topic: Topic) -> Iterator[Record]:
    for partition in range(log.partitions):
        end = log.end(topic.name, partition)
        yield from log.read(topic.name, partition, 0, max(1, end))


def _append(folder: Path, records: list[Outgoing]) -> None:
    with SqliteLog.open(folder) as log:
        log.append(records)


def _replace(folder: Path, record: Record, value: bytes) -> None:
    """Put another value in the record's place on the disk, with a right CRC."""
    encoded = frame.encode(record._replace(value=value))
    crc = crc32(encoded, frame.seed_of(record.topic, record.partition))
    with sqlite3.connect(folder / FILE_NAME) as connection:
        changed = connection.execute(
            f'UPDATE "{record.topic}/{record.partition}" SET crc = ?, frame = ? WHERE offset = ?',
            (crc, encoded, record.offset),
        )
        assert changed.rowcount == 1
    connection.close()


def _after_number(value: bytes) -> bytes:
    """What follows the number behind `"offset":`."""
    rest = value[value.index(b'"offset":') + len(b'"offset":') :]
    return rest.lstrip(b"0123456789")
