"""How fast the SQLite log appends and reads: `python tests/benchmarks/bench_log.py`."""

import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from connectors.logs.sqlite import SqliteLog
from schemas.log import Headers, Outgoing
from schemas.topics import AGENT_EVENTS, PATTERN_CONTRIBUTIONS, Topic

PARTITIONS = 4
TRANSACTION = 10_000
HEADERS: Headers = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"toolu_01ABCDEFGHJKLMNOPQ"),
    ("ce_source", b"claude-code"),
    ("ce_type", b"motif.tool.called.v1"),
    ("ce_time", b"2025-01-01T00:00:00.000000Z"),
    ("content-type", b"application/json"),
)
"""With these, an event's frame is about 400 bytes."""


def main(events: int = 500_000, keys: int = 100_000) -> None:
    """Print microseconds a record of appending, reading and superseding."""
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteLog.create(Path(folder), partitions=PARTITIONS)
        with log:
            report("append", events, timed_append(log, _events(events)))
            report("read", events, timed_read(log, AGENT_EVENTS))
            report("one record a transaction", 500, timed_append(log, _events(500), 1))
            report("new keys", keys, timed_append(log, _keyed(keys, 1)))
            report("superseding all", keys, timed_append(log, _keyed(keys, 1)))
            tenth = keys // 10
            report("superseding every tenth", tenth, timed_append(log, _keyed(tenth, 10)))
            report("read compacted", keys, timed_read(log, PATTERN_CONTRIBUTIONS))
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{size / 1e6:.0f} MB on disk, {peak} MB resident at most")


def report(name: str, records: int, seconds: float) -> None:
    """One line of the result."""
    print(f"{name:<26} {seconds / records * 1e6:8.2f} us a record")


def timed_append(log: SqliteLog, source: Iterator[Outgoing], size: int = TRANSACTION) -> float:
    """Seconds to append everything, `size` records a transaction, without making them."""
    seconds = 0.0
    while records := list(islice(source, size)):
        started = time.perf_counter()
        log.append(records)
        seconds += time.perf_counter() - started
    return seconds


def timed_read(log: SqliteLog, topic: Topic) -> float:
    """Seconds to read the topic in pieces of 5,000 records."""
    started = time.perf_counter()
    for partition in range(PARTITIONS):
        offset = 0
        while records := log.read(topic.name, partition, offset, 5_000):
            offset = records[-1].offset + 1
    return time.perf_counter() - started


def _events(count: int) -> Iterator[Outgoing]:
    value = b'{"session_id":"0123456789abcdef0123456789abcdef","tool":"Bash"}'.ljust(170)
    for number in range(count):
        # A multiplication scatters them over partitions as hashed keys would.
        partition = number * 2_654_435_761 % 2**32 % PARTITIONS
        yield Outgoing(AGENT_EVENTS.name, partition, b"0123456789abcdef" * 2, value, HEADERS)


def _keyed(count: int, step: int) -> Iterator[Outgoing]:
    for number in range(0, count * step, step):
        name = (number * 2_654_435_761 % 2**32).to_bytes(4, "big").hex().encode() * 4
        key = b"%s/%s/%s/0" % (name, b"site" * 8, b"log." * 8)
        yield Outgoing(PATTERN_CONTRIBUTIONS.name, number % PARTITIONS, key, name.ljust(380), ())


if __name__ == "__main__":
    main()
