"""A learner process: the learners of some partitions, without Faust.

    python -m motif.learners

runs until it gets SIGTERM or its standard input closes, which it does when whoever started it is
dead. Every second it says in a line of JSON how its partitions fare.
"""

import asyncio
import os
import signal
import sys

import msgspec

from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_topics import GROUP
from motif.workers import worker_settings
from streams.agents.cluster import Cluster
from streams.agents.learning import LearnerService
from streams.agents.report import report_of

SAY_S = 1.0
"""How often to say how everything fares."""

SWITCH_S = 0.001
"""How long one thread may keep the interpreter: the group's heartbeat waits behind two of them."""


def main() -> None:
    """Learn until told to end."""
    sys.setswitchinterval(SWITCH_S)
    asyncio.run(_learn())


async def _learn() -> None:
    kafka = worker_settings().kafka
    name = f"motif-{os.getppid()}-{os.environ.get('MOTIF_LEARNER', '0')}"
    cluster = Cluster(lambda: KafkaLog.open(kafka), kafka.client_options(), kafka.prefix, name)

    class Learners(LearnerService):
        """The learners of this process."""

        def __post_init__(self) -> None:
            super().__post_init__()
            self.cluster, self.group = cluster, GROUP

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_reader(sys.stdin, ended.set)
    learners = Learners(loop=loop)
    await learners.start()
    try:
        while not ended.is_set() and not learners.crashed:
            sys.stdout.write(msgspec.json.encode(report_of(learners)).decode() + "\n")
            sys.stdout.flush()
            try:
                await asyncio.wait_for(ended.wait(), SAY_S)
            except TimeoutError:
                continue
    finally:
        await learners.stop()
    if learners.crashed and learners.crash_reason is not None:
        raise learners.crash_reason


if __name__ == "__main__":
    main()
