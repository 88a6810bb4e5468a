"""What every log promises: one suite, run on each of them.

A further log joins by one more entry in `HOSTS`, with the traits in which it differs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from schemas.errors import Fenced, MotifError, WrongUse
from schemas.log import Headers, Log, Outgoing, Record, left
from schemas.topics import DEAD_LETTERS
from tests.connectors.logs.hosts import (
    COMPACTED,
    HOSTS,
    PARAMS,
    PARTITIONS,
    RETAINED,
    Host,
    appended,
    out,
    undated,
    values,
)

DURABLE: Final = [PARAMS[name] for name, host in HOSTS.items() if host.reopen is not None]


def test_offsets_count_from_zero_without_gaps_where_nothing_takes_one(host: Host, log: Log) -> None:
    first = log.append([out(b"a"), out(b"b")])
    second = log.append([out(b"c")])

    host.check_offsets([*first, *second], [0, 1, 2])
    assert [record.offset for record in log.read(RETAINED, 0, 0, 10)] == [*first, *second]
    assert log.start(RETAINED, 0) == 0
    host.check_end(log, RETAINED, 3)


def test_the_end_is_the_offset_of_the_next_record_or_below_it(host: Host, log: Log) -> None:
    for number in range(4):
        end = log.end(RETAINED, 0)
        (offset,) = log.append([out(b"%d" % number)])
        assert offset == end if host.dense else offset >= end


def test_nothing_is_left_exactly_where_nothing_is_read(log: Log) -> None:
    log.append([out(b"a"), out(b"b")])
    log.append([out(b"c")])
    offsets = [record.offset for record in log.read(RETAINED, 0, 0, 10)]

    assert left(log, RETAINED, 1, 0) == 0
    for number, offset in enumerate(offsets):
        assert left(log, RETAINED, 0, offset) >= len(offsets) - number
    for behind in range(offsets[-1] + 1, log.end(RETAINED, 0) + 3):
        assert left(log, RETAINED, 0, behind) == 0


def test_a_read_between_two_records_begins_with_the_second(log: Log) -> None:
    for number in range(3):
        log.append([out(b"%d" % number, b"%d" % number, COMPACTED)])
        log.append([out(b"again", b"0", COMPACTED)])
    read = log.read(COMPACTED, 0, 0, 100)

    for offset in range(log.end(COMPACTED, 0)):
        wanted = [record for record in read if record.offset >= offset]
        assert log.read(COMPACTED, 0, offset, 100) == wanted


def test_a_log_knows_its_partitions(log: Log) -> None:
    assert log.partitions == PARTITIONS


def test_a_stream_nobody_wrote_to_is_empty(log: Log) -> None:
    log.append([out(b"a")])

    assert log.read(RETAINED, 1, 0, 10) == []
    assert log.read(COMPACTED, 0, 5, 10) == []
    assert log.end(RETAINED, 1) == log.end(COMPACTED, 0) == 0


def test_partitions_and_topics_are_independent(host: Host, log: Log) -> None:
    offsets = log.append(
        [
            Outgoing(RETAINED, 0, b"k", b"a"),
            Outgoing(RETAINED, 2, b"k", b"b"),
            Outgoing(DEAD_LETTERS.name, 0, b"k", b"c"),
            Outgoing(RETAINED, 0, b"k", b"d"),
        ]
    )

    assert offsets[:3] == [0, 0, 0]
    host.check_offsets([offsets[0], offsets[3]], [0, 1])
    assert values(log) == [b"a", b"d"]
    assert values(log, RETAINED, 2) == [b"b"]
    assert values(log, DEAD_LETTERS.name) == [b"c"]


def test_an_append_that_raises_half_way_leaves_nothing(host: Host, log: Log) -> None:
    log.append([out(b"before"), out(b"1", b"a", COMPACTED)])

    def records() -> Iterator[Outgoing]:
        yield from (out(bytes(1_000)) for _ in range(6_000))  # more than a log holds in memory
        yield out(b"2", b"a", COMPACTED)
        raise OSError("the source went away")

    with pytest.raises(OSError, match="went away"):
        log.append(records())

    assert values(log) == [b"before"]
    assert values(log, COMPACTED) == [b"1"]
    host.check_end(log, RETAINED, 1)
    host.check_offsets([0, *log.append([out(b"after")])], [0, 1])
    assert values(log) == [b"before", b"after"]


def test_an_append_of_nothing_changes_nothing(log: Log) -> None:
    assert log.append([]) == []
    assert log.end(RETAINED, 0) == 0


def test_reading_resumes_after_the_last_record_read(log: Log) -> None:
    log.append([out(b"%d" % number) for number in range(10)])

    read: list[Record] = []
    while piece := log.read(RETAINED, 0, read[-1].offset + 1 if read else 0, 3):
        read += piece

    assert [record.value for record in read] == [b"%d" % number for number in range(10)]


def test_reading_beyond_the_end_gives_nothing(log: Log) -> None:
    log.append([out(b"a")])

    assert log.read(RETAINED, 0, 1, 10) == []
    assert log.read(RETAINED, 0, 10**12, 10) == []


def test_a_compacted_topic_keeps_the_latest_record_per_key(host: Host, log: Log) -> None:
    stream = appended(log, [out(b"a1", b"a", COMPACTED), out(b"b1", b"b", COMPACTED)])
    stream += appended(log, [out(b"a2", b"a", COMPACTED), out(b"c1", b"c", COMPACTED)])
    stream += appended(log, [out(b"c2", b"c", COMPACTED), out(b"c3", b"c", COMPACTED)])

    host.check_offsets([record.offset for record in stream], range(6))
    host.check_compacted(log, stream)
    host.check_end(log, COMPACTED, 6)
    read = log.read(COMPACTED, 0, 0, 10)
    if host.compact or host.at_once:
        assert [record.value for record in read] == [b"b1", b"a2", b"c3"]
    assert log.read(COMPACTED, 0, read[-2].offset, 1) == [read[-2]]
    assert log.read(COMPACTED, 0, read[-2].offset + 1, 1) == [read[-1]]


def test_a_tombstone_supersedes_and_stays_readable_for_a_while(host: Host, log: Log) -> None:
    stream = appended(log, [out(b"a1", b"a", COMPACTED)])
    stream += appended(log, [out(None, b"a", COMPACTED)])

    assert undated(log.read(COMPACTED, 0, 0, 10))[-1] == stream[-1]
    host.check_compacted(log, stream)


def test_a_tombstone_that_is_gone_took_what_it_superseded_with_it(host: Host, log: Log) -> None:
    log.append([out(b"a1", b"a", COMPACTED), out(b"b1", b"b", COMPACTED)])
    log.append([out(None, b"a", COMPACTED)])
    if host.compact:
        host.compact(log)
        host.compact(log)

    last = {record.key: record.value for record in log.read(COMPACTED, 0, 0, 10)}
    assert last.get(b"a") is None
    assert last[b"b"] == b"b1"


def test_keys_of_a_compacted_topic_are_those_of_one_partition(log: Log) -> None:
    """Where a key belongs is decided elsewhere; a log does not compact across partitions."""
    log.append([Outgoing(COMPACTED, 0, b"a", b"0"), Outgoing(COMPACTED, 1, b"a", b"1")])

    assert values(log, COMPACTED) == [b"0"]
    assert values(log, COMPACTED, 1) == [b"1"]


HEADERS: Final[Headers] = (("name", b"\x00\xff"), ("name", b""), ("größe", b"2"))


@pytest.mark.parametrize("key", [None, b"", b"\x00\xff"])
@pytest.mark.parametrize("value", [None, b"", b"\xff" * 300_000])
@pytest.mark.parametrize("headers", [(), HEADERS])
def test_content_comes_back_byte_for_byte(
    host: Host, log: Log, key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    log.append([Outgoing(RETAINED, 1, key, value, headers)])

    read = log.read(RETAINED, 1, 0, 1)
    assert undated(read) == [Record(RETAINED, 1, 0, key, value, headers, 0)]
    assert read[0].appended_at_us == 1_000 if host.handed_clock else read[0].appended_at_us > 0


def test_append_time_does_not_go_back_when_the_clock_does(host: Host, tmp_path: Path) -> None:
    ticks = iter([50, 20, 60])
    with host.make(tmp_path / "log", lambda: next(ticks)) as log:
        for _ in range(3):
            log.append([out(b"")])

        times = [record.appended_at_us for record in log.read(RETAINED, 0, 0, 9)]
        assert times == [50, 50, 60] if host.handed_clock else times == sorted(times)


def test_taking_a_name_fences_who_held_it(log: Log) -> None:
    former = log.owner("learner/0")
    former.append([out(b"a")])
    latter = log.owner("learner/0")

    with pytest.raises(Fenced, match="learner/0"):
        former.append([out(b"never")])

    latter.append([out(b"b")])
    assert values(log) == [b"a", b"b"]


def test_a_fenced_owner_stays_fenced(log: Log) -> None:
    former, latter = log.owner("learner/0"), log.owner("learner/0")

    for _ in range(2):
        with pytest.raises(Fenced):
            former.append([out(b"never")])
    former.close()
    latter.append([out(b"b")])

    assert values(log) == [b"b"]


def test_owners_of_different_names_and_producers_do_not_disturb_each_other(
    host: Host, log: Log
) -> None:
    one, other = log.owner("one"), log.owner("other")

    offsets = [one.append([out(b"a")]), log.append([out(b"b")]), other.append([out(b"c")])]

    host.check_offsets([offset for single in offsets for offset in single], [0, 1, 2])
    assert values(log) == [b"a", b"b", b"c"]


@pytest.mark.parametrize(
    "wrong",
    [
        Outgoing("no.such.topic", 0, b"k", b"v"),
        Outgoing(RETAINED, PARTITIONS, b"k", b"v"),
        Outgoing(RETAINED, -1, b"k", b"v"),
        Outgoing(COMPACTED, 0, None, b"v"),
        Outgoing(RETAINED, 0, "text", b"v"),  # type: ignore[arg-type]  # what is wrong here
        Outgoing(RETAINED, 0, b"k", bytearray(b"v")),  # type: ignore[arg-type]  # ditto
        Outgoing(RETAINED, 0, b"k", b"v", (("name", "text"),)),  # type: ignore[arg-type]  # ditto
        Outgoing(RETAINED, 0, b"k", b"v", ((b"name", b""),)),  # type: ignore[arg-type]  # ditto
    ],
)
def test_a_record_that_could_not_be_read_back_is_refused_with_its_whole_append(
    host: Host, log: Log, wrong: Outgoing
) -> None:
    with pytest.raises(WrongUse):
        log.append([out(b"good"), wrong])

    assert values(log) == []
    host.check_end(log, RETAINED, 0)


def test_a_read_outside_the_log_is_refused(log: Log) -> None:
    for topic, partition, offset, limit in [
        ("no.such.topic", 0, 0, 1),
        (RETAINED, PARTITIONS, 0, 1),
        (RETAINED, 0, -1, 1),
        (RETAINED, 0, 0, 0),
    ]:
        with pytest.raises(WrongUse):
            log.read(topic, partition, offset, limit)
    with pytest.raises(WrongUse):
        log.end(RETAINED, PARTITIONS)
    with pytest.raises(WrongUse):
        log.start("no.such.topic", 0)


def test_a_closed_log_refuses_everything_but_being_closed_again(log: Log) -> None:
    owner = log.owner("a")
    log.close()
    log.close()

    with pytest.raises(MotifError):
        log.append([out(b"a")])
    with pytest.raises(MotifError):
        owner.append([out(b"a")])
    with pytest.raises(MotifError):
        log.read(RETAINED, 0, 0, 1)


def test_records_may_be_drawn_from_the_log_they_are_appended_to(log: Log) -> None:
    """A retried dead letter is read while its event is appended; it sees the log as it was."""
    log.append([out(b"a"), out(b"b")])

    log.append(out(record.value) for record in log.read(RETAINED, 0, 0, 10))

    assert values(log) == [b"a", b"b", b"a", b"b"]


@pytest.mark.parametrize("host", DURABLE, indirect=True)
def test_all_is_still_there_after_the_log_was_reopened(host: Host, tmp_path: Path) -> None:
    assert host.reopen is not None
    with host.make(tmp_path / "log", lambda: 90) as log:
        log.append([out(b"a"), out(b"1", b"a", COMPACTED), out(b"2", b"a", COMPACTED)])
        stale = log.owner("name")
        before = log.read(RETAINED, 0, 0, 10), log.read(COMPACTED, 0, 0, 10)
        assert stale.append([]) == []

    with host.reopen(tmp_path / "log") as log:
        assert (log.read(RETAINED, 0, 0, 10), log.read(COMPACTED, 0, 0, 10)) == before
        assert log.partitions == PARTITIONS
        retained, compacted = log.append([out(b"b"), out(b"3", b"a", COMPACTED)])
        host.check_offsets([0, retained], [0, 1])
        host.check_offsets([0, 1, compacted], [0, 1, 2])
        assert values(log, COMPACTED)[-1] == b"3"
