"""The contract of every log, against a model and under threads."""

from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.log import Log, Outgoing, Record
from schemas.topics import PATTERN_CONTRIBUTIONS
from tests.connectors.logs.hosts import (
    COMPACTED,
    PARTITIONS,
    RETAINED,
    Host,
    appended,
    out,
    undated,
    values,
)


def test_threads_append_and_read_at_the_same_time(host: Host, log: Log) -> None:
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
                seen += log.read(RETAINED, 0, seen[-1].offset + 1 if seen else 0, 7)
            host.check_offsets([record.offset for record in seen], range(2 * appends * size))
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


def test_a_log_does_what_a_list_of_all_records_says(host: Host) -> None:
    """The model: every record ever appended in order, and the rule of compaction in two lines."""

    @(settings(max_examples=host.examples) if host.examples else settings())
    @given(
        appends=st.lists(_RECORDS, max_size=6), offset=st.integers(0, 30), limit=st.integers(1, 9)
    )
    def check_appends(appends: list[list[Outgoing]], offset: int, limit: int) -> None:
        with TemporaryDirectory() as folder, host.make(Path(folder), lambda: 5) as log:
            streams: dict[tuple[str, int], list[Record]] = {}
            for records in appends:
                for record in appended(log, records):
                    streams.setdefault((record.topic, record.partition), []).append(record)
            for stream in streams.values():
                _check_stream(host, log, stream, offset, limit)

    check_appends()


def _check_stream(host: Host, log: Log, stream: list[Record], offset: int, limit: int) -> None:
    topic, partition = stream[0].topic, stream[0].partition
    host.check_offsets([record.offset for record in stream], range(len(stream)))
    host.check_end(log, topic, len(stream), partition=partition)
    if topic == RETAINED:
        assert undated(log.read(topic, partition, 0, 10_000)) == stream
    else:
        host.check_compacted(log, stream)
    kept = log.read(topic, partition, 0, 10_000)
    wanted = [record for record in kept if record.offset >= offset][:limit]
    assert log.read(topic, partition, offset, limit) == wanted
    if host.handed_clock:
        assert {record.appended_at_us for record in kept} <= {5}


def test_many_keys_superseded_here_and_there_leave_exactly_the_latest(host: Host, log: Log) -> None:
    """More keys than one look-up takes, deleted in runs, singly and at both ends."""
    rounds = [range(2_000), range(0, 2_000, 7), range(500, 900), range(1_999, 1_500, -3), [0, 1999]]
    stream: list[Record] = []

    for number, keys in enumerate(rounds):
        stream += appended(log, [out(b"%d" % number, b"%d" % key, COMPACTED) for key in keys])

    numbered = dict(zip(chain.from_iterable(rounds), count(), strict=False))
    host.check_offsets([record.offset for record in stream], range(len(stream)))
    host.check_compacted(log, stream)
    latest = {record.key: record.offset for record in log.read(COMPACTED, 0, 0, 100_000)}
    assert latest == {b"%d" % key: stream[at].offset for key, at in numbered.items()}
