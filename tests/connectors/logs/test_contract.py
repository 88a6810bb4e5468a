"""What every log promises: one suite, run on each of them.

A further log joins by one more entry in `HOSTS`.
"""

from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.logs import MemoryLog, SqliteLog
from schemas.clock import Clock
from schemas.errors import Fenced, MotifError, WrongUse
from schemas.log import Headers, Log, Outgoing, Record
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS, PATTERN_CONTRIBUTIONS, PATTERNS

RETAINED: Final = AGENT_EVENTS.name
COMPACTED: Final = PATTERNS.name
PARTITIONS: Final = 3


class Host(Protocol):
    """Makes a log; `folder` is its own."""

    def __call__(self, folder: Path, clock: Clock) -> Log: ...


def _memory(folder: Path, clock: Clock) -> Log:
    return MemoryLog(PARTITIONS, clock=clock)


def _sqlite(folder: Path, clock: Clock) -> Log:
    return SqliteLog.create(folder, partitions=PARTITIONS, clock=clock)


HOSTS: Final[dict[str, Host]] = {"memory": _memory, "sqlite": _sqlite}
DURABLE: Final[dict[str, Callable[[Path], Log]]] = {"sqlite": SqliteLog.open}


@pytest.fixture(params=HOSTS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    ticks = count(1_000)
    with HOSTS[request.param](tmp_path / "log", lambda: next(ticks)) as made:
        yield made


def out(value: bytes | None, key: bytes | None = b"k", topic: str = RETAINED) -> Outgoing:
    """A record for partition 0."""
    return Outgoing(topic, 0, key, value)


def values(log: Log, topic: str = RETAINED, partition: int = 0) -> list[bytes | None]:
    return [record.value for record in log.read(topic, partition, 0, 1_000_000)]


def test_offsets_count_from_zero_without_gaps_on_a_retained_topic(log: Log) -> None:
    first = log.append([out(b"a"), out(b"b")])
    second = log.append([out(b"c")])

    assert (first, second) == ([0, 1], [2])
    assert [record.offset for record in log.read(RETAINED, 0, 0, 10)] == [0, 1, 2]
    assert (log.start(RETAINED, 0), log.end(RETAINED, 0)) == (0, 3)


def test_a_log_knows_its_partitions(log: Log) -> None:
    assert log.partitions == PARTITIONS


def test_a_stream_nobody_wrote_to_is_empty(log: Log) -> None:
    log.append([out(b"a")])

    assert log.read(RETAINED, 1, 0, 10) == []
    assert log.read(COMPACTED, 0, 5, 10) == []
    assert log.end(RETAINED, 1) == log.end(COMPACTED, 0) == 0


def test_partitions_and_topics_are_independent(log: Log) -> None:
    offsets = log.append(
        [
            Outgoing(RETAINED, 0, b"k", b"a"),
            Outgoing(RETAINED, 2, b"k", b"b"),
            Outgoing(DEAD_LETTERS.name, 0, b"k", b"c"),
            Outgoing(RETAINED, 0, b"k", b"d"),
        ]
    )

    assert offsets == [0, 0, 0, 1]
    assert values(log) == [b"a", b"d"]
    assert values(log, RETAINED, 2) == [b"b"]
    assert values(log, DEAD_LETTERS.name) == [b"c"]


def test_an_append_that_raises_half_way_leaves_nothing(log: Log) -> None:
    log.append([out(b"before"), out(b"1", b"a", COMPACTED)])

    def records() -> Iterator[Outgoing]:
        yield from (out(bytes(1_000)) for _ in range(6_000))  # more than a log holds in memory
        yield out(b"2", b"a", COMPACTED)
        raise OSError("the source went away")

    with pytest.raises(OSError, match="went away"):
        log.append(records())

    assert values(log) == [b"before"]
    assert values(log, COMPACTED) == [b"1"]
    assert log.end(RETAINED, 0) == 1
    assert log.append([out(b"after")]) == [1]


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


def test_a_compacted_topic_keeps_the_latest_record_per_key(log: Log) -> None:
    log.append([out(b"a1", b"a", COMPACTED), out(b"b1", b"b", COMPACTED)])
    log.append([out(b"a2", b"a", COMPACTED), out(b"c1", b"c", COMPACTED)])
    log.append([out(b"c2", b"c", COMPACTED), out(b"c3", b"c", COMPACTED)])

    kept = [(record.offset, record.value) for record in log.read(COMPACTED, 0, 0, 10)]

    assert kept == [(1, b"b1"), (2, b"a2"), (5, b"c3")]
    assert log.end(COMPACTED, 0) == 6
    assert [record.offset for record in log.read(COMPACTED, 0, 2, 1)] == [2]
    assert [record.offset for record in log.read(COMPACTED, 0, 3, 1)] == [5]


def test_a_tombstone_stays_readable_and_supersedes(log: Log) -> None:
    log.append([out(b"a1", b"a", COMPACTED)])
    log.append([out(None, b"a", COMPACTED)])

    assert [tuple(record[2:5]) for record in log.read(COMPACTED, 0, 0, 10)] == [(1, b"a", None)]


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
    log: Log, key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    log.append([Outgoing(RETAINED, 1, key, value, headers)])

    assert log.read(RETAINED, 1, 0, 1) == [Record(RETAINED, 1, 0, key, value, headers, 1_000)]


@pytest.mark.parametrize("host", HOSTS)
def test_append_time_does_not_go_back_when_the_clock_does(host: str, tmp_path: Path) -> None:
    ticks = iter([50, 20, 60])
    with HOSTS[host](tmp_path / "log", lambda: next(ticks)) as log:
        for _ in range(3):
            log.append([out(b"")])

        assert [record.appended_at_us for record in log.read(RETAINED, 0, 0, 9)] == [50, 50, 60]


def test_taking_a_name_fences_who_held_it(log: Log) -> None:
    former = log.owner("learner/0")
    former.append([out(b"a")])
    latter = log.owner("learner/0")

    with pytest.raises(Fenced, match="learner/0"):
        former.append([out(b"never")])

    latter.append([out(b"b")])
    assert values(log) == [b"a", b"b"]


def test_owners_of_different_names_and_producers_do_not_disturb_each_other(log: Log) -> None:
    one, other = log.owner("one"), log.owner("other")

    offsets = [one.append([out(b"a")]), log.append([out(b"b")]), other.append([out(b"c")])]

    assert offsets == [[0], [1], [2]]


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
    log: Log, wrong: Outgoing
) -> None:
    with pytest.raises(WrongUse):
        log.append([out(b"good"), wrong])

    assert log.end(RETAINED, 0) == 0


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


def test_threads_append_and_read_at_the_same_time(log: Log) -> None:
    appends, size = 20, 10
    faults: list[BaseException] = []

    def append(worker: int) -> None:
        try:
            for number in range(appends):
                log.append([out(b"%d/%d" % (worker, number))] * size)
        except BaseException as error:  # noqa: BLE001  # carried to the test's own thread
            faults.append(error)

    def read() -> None:
        try:
            seen: list[Record] = []
            while len(seen) < 2 * appends * size:
                seen += log.read(RETAINED, 0, len(seen), 7)
            assert [record.offset for record in seen] == list(range(len(seen)))
        except BaseException as error:  # noqa: BLE001  # carried to the test's own thread
            faults.append(error)

    threads = [Thread(target=append, args=(worker,)) for worker in range(2)]
    threads += [Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not faults
    whole = values(log)
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert all(len(set(piece)) == 1 for piece in pieces), "two appends were interleaved"


@pytest.mark.parametrize("host", DURABLE)
def test_all_is_still_there_after_the_log_was_reopened(host: str, tmp_path: Path) -> None:
    with HOSTS[host](tmp_path / "log", lambda: 90) as log:
        log.append([out(b"a"), out(b"1", b"a", COMPACTED), out(b"2", b"a", COMPACTED)])
        stale = log.owner("name")
        before = log.read(RETAINED, 0, 0, 10), log.read(COMPACTED, 0, 0, 10)
        assert stale.append([]) == []

    with DURABLE[host](tmp_path / "log") as log:
        assert (log.read(RETAINED, 0, 0, 10), log.read(COMPACTED, 0, 0, 10)) == before
        assert log.partitions == PARTITIONS
        assert log.append([out(b"b"), out(b"3", b"a", COMPACTED)]) == [1, 2]
        assert values(log, COMPACTED) == [b"3"]


_RECORDS: Final = st.lists(
    st.builds(
        Outgoing,
        st.sampled_from([RETAINED, COMPACTED, PATTERN_CONTRIBUTIONS.name]),
        st.integers(0, PARTITIONS - 1),
        st.sampled_from([bytes([number]) for number in range(12)]),
        st.none() | st.binary(max_size=4),
        st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=2).map(tuple),
    ),
    max_size=25,
)


@pytest.mark.parametrize("host", HOSTS)
@given(appends=st.lists(_RECORDS, max_size=6), offset=st.integers(0, 30), limit=st.integers(1, 9))
def test_a_log_does_what_a_list_of_all_records_says(
    host: str, appends: list[list[Outgoing]], offset: int, limit: int
) -> None:
    """The model: every record ever appended in order, and the rule of compaction in two lines."""
    model: dict[tuple[str, int], list[Record]] = {}

    with TemporaryDirectory() as folder, HOSTS[host](Path(folder), lambda: 5) as log:
        for records in appends:
            offsets = log.append(iter(records))
            for one, expected in zip(records, offsets, strict=True):
                stream = model.setdefault((one.topic, one.partition), [])
                assert expected == len(stream)
                content = one.key, one.value, one.headers
                stream.append(Record(one.topic, one.partition, expected, *content, 5))

        for (topic, partition), stream in model.items():
            latest = {record.key: record.offset for record in stream}
            kept = [r for r in stream if topic == RETAINED or latest[r.key] == r.offset]
            wanted = [record for record in kept if record.offset >= offset][:limit]
            assert log.read(topic, partition, 0, 10_000) == kept
            assert log.read(topic, partition, offset, limit) == wanted
            assert log.end(topic, partition) == len(stream)


@pytest.mark.parametrize("host", HOSTS)
def test_many_keys_superseded_here_and_there_leave_exactly_the_latest(
    host: str, tmp_path: Path
) -> None:
    """More keys than one look-up takes, deleted in runs, singly and at both ends."""
    rounds = [range(2_000), range(0, 2_000, 7), range(500, 900), range(1_999, 1_500, -3), [0, 1999]]
    latest: dict[int, int] = {}

    with HOSTS[host](tmp_path / "log", lambda: 5) as log:
        for number, keys in enumerate(rounds):
            log.append(out(b"%d" % number, b"%d" % key, COMPACTED) for key in keys)
            latest |= dict.fromkeys(keys, number)
        expected = dict(zip(chain.from_iterable(rounds), count(), strict=False))
        read = log.read(COMPACTED, 0, 0, 100_000)

    assert {int(r.key or b""): r.offset for r in read} == expected
    assert {int(r.key or b""): int(r.value or b"") for r in read} == latest
    assert [r.offset for r in read] == sorted(expected.values())
