"""The Faust app: `faust -A streams.app worker`, or `motif worker`.

Here the parts of a worker are put together, so this module alone in `streams` knows which log and
which settings there are. Faust brings the command line, start and stop, timers, the table and the
web endpoint. Its own way to process exactly once is not used: learners commit by transactions of
their own, and what the federator does may be repeated.
"""

import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any, Final

import faust
from faust.types.auth import SASLMechanism

from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from connectors.logs.kafka_topics import create_compacted
from motif.workers import worker_settings
from streams.agents.cluster import Cluster
from streams.agents.federating import Federation, FederatorService
from streams.agents.health import health_of, metrics_of
from streams.agents.processes import LearnerProcesses, command_of
from streams.agents.producing import PatientProducer
from streams.identity import known_identity

LEARNERS: Final = "motif.learners"
"""What a learner process runs."""

FLUSH_S: Final = 1.0
"""How long a worker that ends waits for the changes of its table to be sent; it has 5 s in all."""

END_S: Final = 4.0
"""How long a worker may take to end; then it is gone, in whatever state."""

SLOTS: Final = 1_024
"""Workers of one machine that share a folder, at most."""


class Worker(faust.App):
    """The app, whose learners start and end with it, and not after everything else of Faust."""

    make_learners: Callable[..., LearnerProcesses]
    learners: LearnerProcesses | None = None
    federation: Federation | None = None

    def _new_producer(self) -> PatientProducer:
        return PatientProducer(self.transport, loop=self.loop, beacon=self.beacon)

    async def on_start(self) -> None:
        """Start the learners while Faust joins its group and fills its table."""
        await super().on_start()
        self.learners = self.make_learners(loop=self.loop, beacon=self.beacon)
        await self.add_runtime_dependency(self.learners)

    async def on_stop(self) -> None:
        """Tell the learners to end, and have everything sent while Faust's table is open.

        Whoever is about to join a group waits for the group. It is left without a word then, as
        if this process had been killed, which loses nothing.
        """
        leaving = Timer(END_S, os._exit, [0])
        leaving.daemon = True
        leaving.start()
        if self.learners is not None:
            self.learners.begin_to_end()
        if self.federation is not None and self.started:
            await self.federation.end(FLUSH_S)
        await super().on_stop()


def app_of(kafka: KafkaSettings, folder: Path, port: int | None, learners: int) -> Worker:
    """The app of a worker.

    Args:
        kafka: how to reach the cluster.
        folder: where workers of this machine keep their stores, each in its own place.
        port: of the web endpoint, which listens on loopback only; None for any free one.
        learners: how many learner processes it runs.
    """
    with KafkaLog.open(kafka) as log:
        partitions, replication = log.partitions, log.replication
        identity = known_identity(log)
    made = Worker(
        f"{kafka.prefix}motif",
        broker=f"kafka://{kafka.bootstrap.replace(',', ';kafka://')}",
        broker_credentials=_credentials(kafka),
        store="rocksdb://",
        datadir=str(_own_place(folder) / identity.log_id),
        # What the table lacks is found by comparing it with the log, whatever its changelog says.
        recovery_consistency_check=False,
        topic_partitions=partitions,
        topic_replication_factor=replication,
        topic_disable_leader=True,
        stream_ack_exceptions=False,
        stream_ack_cancelled_tasks=False,
        stream_wait_empty=False,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_max_poll_interval=300.0,
        broker_commit_interval=1.0,
        # Changes of the table come one by one; without these each is a request of its own.
        producer_linger=0.02,
        producer_max_batch_size=256 << 10,
        producer_max_request_size=32 << 20,
        producer_request_timeout=30.0,
        consumer_auto_offset_reset="earliest",
        web_host="127.0.0.1",
        web_bind="127.0.0.1",
        web_port=port or _free_port(),
        worker_redirect_stdouts=False,
    )
    cluster = Cluster(
        connect=lambda: KafkaLog.open(kafka),
        client_options=kafka.client_options(),
        prefix=kafka.prefix,
        name=f"motif-{os.getpid()}",
    )
    federation = made.federation = Federation(made, cluster, partitions)
    _put_together(made, federation, learners)
    # Faust makes it while its group forms: where that took too long the table had no partitions
    # until the members' knowledge of topics was renewed, five minutes later.
    changelog = federation.table.changelog_topic.get_topic_name()
    create_compacted(kafka, changelog, partitions=partitions, replication=replication)
    return made


def _put_together(made: Worker, federation: Federation, learners: int) -> None:
    made.agent(federation.contributions, name="federator", concurrency=1)(federation.federate)
    signals: Any = made  # whose types say that a receiver may be named by anything
    signals.on_partitions_assigned.connect(federation.take)
    signals.on_partitions_revoked.connect(federation.let_go)
    signals.on_rebalance_complete.connect(federation.restored)

    class Learners(LearnerProcesses):
        """The learners of this worker."""

        def __post_init__(self) -> None:
            super().__post_init__()
            self.command, self.count = command_of(LEARNERS), learners

    class Federators(FederatorService):
        """What looks after the federator of this worker."""

        def __post_init__(self) -> None:
            super().__post_init__()
            self.federation = federation

    made.make_learners = Learners
    made.service(Federators)
    _pages(made, federation)


def _pages(made: Worker, federation: Federation) -> None:
    """The web endpoint: alive, ready, how everything fares, metrics."""

    @made.page("/live/")
    async def live(page: Any, _: Any) -> Any:
        return page.json({"live": True})

    @made.page("/ready/")
    async def ready(page: Any, _: Any) -> Any:
        health = health_of(made.learners, federation)
        answer = {"ready": health.ready, "trouble": health.trouble}
        return page.json(answer, status=200 if health.ready else 503)

    @made.page("/status/")
    async def status(page: Any, _: Any) -> Any:
        health = health_of(made.learners, federation)
        return page.json(
            {
                "ready": health.ready,
                "trouble": health.trouble,
                "partitions": health.partitions,
                "federator": health.federator,
            }
        )

    @made.page("/metrics/")
    async def metrics(page: Any, _: Any) -> Any:
        health = health_of(made.learners, federation)
        return page.bytes(metrics_of(health), content_type="text/plain")


def _credentials(kafka: KafkaSettings) -> Any:
    options = kafka.client_options()
    context = options.get("ssl_context")
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
            mechanism=SASLMechanism(options["sasl_mechanism"]),
        )
    return faust.SSLCredentials(context) if context is not None else None


def _own_place(folder: Path) -> Path:
    """A folder that no other worker of this machine uses, the same again after a restart.

    The lock is held until the process ends.
    """
    for slot in range(SLOTS):
        place = folder / "workers" / str(slot)
        place.mkdir(parents=True, exist_ok=True)
        lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        return place
    raise RuntimeError(f"{folder} has {SLOTS} workers already")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


app: Final[faust.App] = app_of(*worker_settings())
