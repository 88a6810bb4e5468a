"""On a real broker: learners alone, the whole job, a stock Faust agent, and bare reading.

    make bench-kafka

A million generated events of each mix (`MOTIF_BENCH_EVENTS` for another number) stand in a log of
twelve partitions before any clock starts; which pattern a task belongs to is skewed. Learners:
two processes, until every partition is learned. Whole job: a worker with two learners and a
projector, until every event has its row. Both include starting the processes. A stock agent folds
the same four measures into a dict, event by event, and is measured once it runs, so learners are
measured like that as well: from the first commit that is seen to the last. Bare reading is
`getmany` that decodes nothing.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Signal

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.generate import task_completions, tool_events
from schemas.envelope import Event
from schemas.log import Log
from schemas.topics import AGENT_EVENTS, LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS
from tests.benchmarks.processor_time import since, spent
from tests.kafka.broker import Broker
from tests.kafka.workers import Installation, installation, projected

EVENTS = int(os.environ.get("MOTIF_BENCH_EVENTS", "1000000"))
PARTITIONS = 12
LEARNERS = 2
LIMIT_S = 1_800.0
ROOT = Path(__file__).resolve().parents[2]

MIXES: dict[str, Callable[[], Iterator[Event]]] = {
    "task completions": lambda: task_completions(7, EVENTS, skew=3.0),
    "tool events": lambda: tool_events(7, EVENTS // 2),
}

STOCK = """
import sys, faust, json
app = faust.App("stock", broker="kafka://{bootstrap}", topic_disable_leader=True,
                web_enabled=False,
                topic_partitions={partitions}, datadir="{folder}")
source = app.topic("{topic}", value_type=bytes, value_serializer="raw")
sums, seen = {{}}, [0]
@app.agent(source)
async def fold(stream):
    async for value in stream:
        data = json.loads(value)
        key = data.get("agent"), data.get("task_type") or data.get("tool")
        mine = sums.setdefault(key, [0] * 8)
        for at, name in enumerate(("duration_us", "input_tokens", "output_tokens", "seq")):
            number = data.get(name) or 0
            mine[2 * at] += number
            mine[2 * at + 1] += number * number
        seen[0] += 1
        if seen[0] == {first}: print("first", file=sys.__stdout__, flush=True)
        if seen[0] == {last}: print("last", file=sys.__stdout__, flush=True)
"""


def main() -> None:
    """Measure both mixes on a broker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker")
        broker.start()
        try:
            for number, (mix, events) in enumerate(MIXES.items()):
                _measure(
                    broker.bootstrap, f"b{number}.", Path(folder) / f"mix{number}", mix, events
                )
        finally:
            broker.stop()


def _measure(
    bootstrap: str, prefix: str, folder: Path, mix: str, events: Callable[[], Iterator[Event]]
) -> None:
    with installation(bootstrap, prefix, folder, PARTITIONS) as made:
        count = made.publish(events())
        print(f"{mix}: {count:,} events in {PARTITIONS} partitions")
        rates = {
            "bare getmany": count / asyncio.run(_read(bootstrap, prefix + AGENT_EVENTS.name)),
            "stock Faust agent": _stock(made, folder, count),
        }
        rates |= _learned(made, count)
        print(f"  {_bytes(made.log, PATTERN_CONTRIBUTIONS.name) / count:,.0f} B of contributions")
        print(
            f"  {_bytes(made.log, LEARNER_CHECKPOINTS.name) / count:,.0f} B of checkpoints an event"
        )
    with installation(bootstrap, f"w{prefix}", folder / "whole", PARTITIONS) as made:
        made.publish(events())
        rates["whole job"] = count / _whole(made, folder, count)
    stock = rates["stock Faust agent"]
    for what, rate in rates.items():
        print(f"  {what}: {rate:,.0f} events/s, {rate / stock:.1f} x the stock agent")


@contextmanager
def _learners(made: Installation) -> Iterator[None]:
    environment = os.environ | {
        "MOTIF_KAFKA": made.settings.bootstrap,
        "MOTIF_KAFKA_PREFIX": made.settings.prefix,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-P", "-m", "motif.learners"]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
        for _ in range(LEARNERS)
    ]
    try:
        yield
    finally:
        for one in running:
            one.terminate()
            one.wait(30)
            assert one.stdin is not None, "it is a pipe"
            one.stdin.close()


def _learned(made: Installation, count: int) -> dict[str, float]:
    """Events a second of learners from their start, and from the first commit that is seen."""
    first: tuple[float, int] | None = None

    def is_learned() -> bool:
        nonlocal first
        learned = sum(reached.position for reached in made.reached().values())
        if learned and first is None:
            first = time.perf_counter(), learned
        # Asking what is left of every partition takes the processors that learn.
        return learned >= count and made.is_learned()

    began_s = time.perf_counter()
    with _learners(made):
        made.wait_for(is_learned, LIMIT_S)
        ended_s = time.perf_counter()
    assert first is not None, "something was learned"
    seen_s, learned = first
    name = f"learners alone, {LEARNERS} processes"
    return {
        name: count / (ended_s - began_s),
        f"{name}, once they run": (count - learned) / (ended_s - seen_s),
    }


def _whole(made: Installation, folder: Path, count: int) -> float:
    """Seconds until every event is learned and has its row, the worker's start included."""
    before, began_s = spent(), time.perf_counter()
    made.start_worker(MOTIF_LEARNERS=str(LEARNERS))
    with projected(made, folder / "tables") as tables:
        rows = 0
        while rows < count and time.perf_counter() - began_s < LIMIT_S:
            rows = tables.rows()
            Signal().wait(0.2)
        took_s = time.perf_counter() - began_s
        print(f"  processor time of the whole job, projected in this process: {since(before)}")
    return took_s


def _stock(made: Installation, folder: Path, count: int) -> float:
    """Events a second of the stock agent between its first thousand and 200,000 at most."""
    first, last = 1_000, min(count * 9 // 10, 200_000)
    program = STOCK.format(
        bootstrap=made.settings.bootstrap,
        partitions=PARTITIONS,
        folder=folder / "stock",
        topic=made.settings.prefix + AGENT_EVENTS.name,
        first=first,
        last=last,
    )
    path = folder / "stock.py"
    path.write_text(program + "\napp.main()\n", "utf-8")
    running = subprocess.Popen(
        [sys.executable, str(path), "worker", "-l", "error"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    times: dict[str, float] = {}
    assert running.stdout is not None, "it is a pipe"
    for line in running.stdout:
        if line.strip() in {"first", "last"}:
            times[line.strip()] = time.perf_counter()
        if "last" in times:
            break
    running.kill()
    running.wait()
    running.stdout.close()
    return (last - first) / (times["last"] - times["first"])


async def _read(bootstrap: str, topic: str) -> float:
    """Seconds to read a topic to its end and decode nothing."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer.assign(places)
    ends = await consumer.end_offsets(places)
    began_s = time.perf_counter()
    while any([await consumer.position(place) < ends[place] for place in places]):
        await consumer.getmany(timeout_ms=200, max_records=5_000)
    took_s = time.perf_counter() - began_s
    await consumer.stop()
    return took_s


def _bytes(log: Log, topic: str) -> int:
    """Bytes of all values of a derived topic, superseded ones included."""
    size = 0
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(topic, partition, offset, 1_000):
            offset = records[-1].offset + 1
            size += sum(len(record.value or b"") for record in records)
    return size


if __name__ == "__main__":
    main()
