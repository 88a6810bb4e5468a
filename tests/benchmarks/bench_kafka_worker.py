"""A worker on a real broker: its memory, its restart, and how soon an event is answered.

    make bench-kafka

A million generated task completions of 10,000 skewed patterns (`MOTIF_BENCH_EVENTS` for another
number) are learned in twelve partitions by a worker with two learner processes. Memory is what all
its processes hold, pages that they share counted once. Then it is ended and started again, with
news in every partition: the time until that is learned. Then 5,000 events a second come for half a
minute, ten of them each second of a pattern that is new: how long until a projector in a process of
its own, asked all the time, gives the raw row of such an event, and the total of its pattern.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Event as Signal
from threading import Thread

from connectors.generate import task_completions
from connectors.publisher import Publisher
from projections.remote import NobodyAnswers, RemoteStore
from schemas.envelope import Event
from schemas.events import TaskCompleted
from tests.benchmarks.processor_time import since, spent
from tests.kafka.broker import Broker
from tests.kafka.workers import Installation, installation

EVENTS = int(os.environ.get("MOTIF_BENCH_EVENTS", "1000000"))
PARTITIONS = 12
LEARNERS = "2"
LIMIT_S = 1_800.0
RATE = 5_000
"""Events a second while latency is measured."""

LOAD_S = 30
SLICE_S = 0.1
"""How often a part of them is appended, with one event of a new pattern."""

MARK = "marked"
"""The agent of the events that are waited for."""


def main() -> None:
    """Measure all three on a broker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker")
        broker.start()
        try:
            with installation(broker.bootstrap, "w.", Path(folder) / "w", PARTITIONS) as made:
                _measure(made)
        finally:
            broker.stop()


def _measure(made: Installation) -> None:
    count = made.publish(task_completions(7, EVENTS, skew=3.0))
    worker = made.start_worker(MOTIF_LEARNERS=LEARNERS)
    with _sampled(worker.pid) as peak:
        made.wait_for(made.is_learned, LIMIT_S)
    print(f"{count:,} events learned: a worker and {LEARNERS} learners held {peak[0]:,} MB at most")
    worker.send_signal(signal.SIGTERM)
    worker.wait(30)
    made.publish(task_completions(8, 10_000))
    began_s = time.perf_counter()
    made.start_worker(MOTIF_LEARNERS=LEARNERS)
    made.wait_for(made.is_learned, LIMIT_S)
    took_s = time.perf_counter() - began_s
    print(f"started again, and learned news in every partition after {took_s:.1f} s")
    folder = made.folder / "tables"
    motif = str(Path(sys.executable).with_name("motif"))
    made.start("projector", [motif, "projector", "--data", str(folder)])
    _latency(made, RemoteStore(folder))


def _latency(made: Installation, tables: RemoteStore) -> None:
    made.wait_for(lambda: _answers(tables) and _rows(tables) >= EVENTS + 10_000, LIMIT_S)
    made.wait_for(lambda: _is_federated(tables), LIMIT_S)
    marks = [f"mark-{number}" for number in range(int(LOAD_S / SLICE_S))]
    sent: dict[str, float] = {}
    shown: dict[str, dict[str, float]] = {"raw row": {}, "total of its pattern": {}}
    done = Signal()
    asking = Thread(target=_ask, args=(tables, sent, shown, done))
    asking.start()
    before = spent()
    _append(made, marks, sent)
    print(f"processor time of {LOAD_S} s at {RATE:,} events/s: {since(before)}")
    until_s = time.perf_counter() + 60
    while min(map(len, shown.values())) < len(marks) and time.perf_counter() < until_s:
        Signal().wait(0.1)
    done.set()
    asking.join()
    for what, times in shown.items():
        waits = sorted(times[mark] - sent[mark] for mark in times)
        missing = len(marks) - len(waits)
        middle, most = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        print(
            f"{what} at {RATE:,} events/s: median {middle:.2f} s, p99 {most:.2f} s,"
            f" longest {waits[-1]:.2f} s, {missing} of {len(marks)} not within a minute"
        )


def _append(made: Installation, marks: list[str], sent: dict[str, float]) -> None:
    events = task_completions(9, int(RATE * (LOAD_S + 1)), skew=3.0)
    publisher = Publisher(made.log)
    began_s = time.perf_counter()
    for number, mark in enumerate(marks):
        Signal().wait(max(0.0, began_s + number * SLICE_S - time.perf_counter()))
        marked = Event("bench", mark, TaskCompleted(task_type=mark, agent=MARK, success=True))
        part = [*islice(events, int(RATE * SLICE_S) - 1), marked]
        publisher.publish(part, origin="bench")
        sent[mark] = time.perf_counter()


def _ask(
    tables: RemoteStore,
    sent: dict[str, float],
    shown: dict[str, dict[str, float]],
    done: Signal,
) -> None:
    questions = {
        "raw row": f"SELECT task_type FROM task_completions WHERE agent = '{MARK}'",
        "total of its pattern": "SELECT split_part(signature, ':', 2) FROM contributions"
        f" WHERE kind = 'task' AND starts_with(signature, '{MARK}:') AND occurrences = 1",
    }
    while not done.is_set():
        Signal().wait(0.1)
        for what, question in questions.items():
            found = tables.sql(question).column(0).to_pylist()
            now_s = time.perf_counter()
            for mark in found:
                if mark in sent:
                    shown[what].setdefault(mark, now_s)


def _answers(tables: RemoteStore) -> bool:
    try:
        tables.about()
    except NobodyAnswers:
        return False
    return True


def _rows(tables: RemoteStore) -> int:
    return int(tables.sql("SELECT count(*) FROM task_completions").column(0)[0].as_py())


def _is_federated(tables: RemoteStore) -> bool:
    """Whether every pattern that was contributed to has its row."""
    question = (
        "SELECT (SELECT count(*) FROM patterns)"
        " = (SELECT count(DISTINCT pattern_id) FROM contributions)"
    )
    return bool(tables.sql(question).column(0)[0].as_py())


@contextmanager
def _sampled(group: int) -> Iterator[list[int]]:
    """The greatest sum of megabytes that the processes of a group hold, while inside."""
    peak, done = [0], Signal()

    def sample() -> None:
        while not done.wait(0.5):
            peak[0] = max(peak[0], _megabytes(group))

    sampling = Thread(target=sample)
    sampling.start()
    try:
        yield peak
    finally:
        done.set()
        sampling.join()


def _megabytes(group: int) -> int:
    total_kb = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if os.getpgid(int(folder.name)) != group:
                continue
            lines = (folder / "smaps_rollup").read_text("utf-8").splitlines()
        except (ProcessLookupError, FileNotFoundError):
            continue
        total_kb += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kb >> 10


if __name__ == "__main__":
    main()
