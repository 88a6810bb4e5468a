"""The configuration of a broker for tests: one node that is broker and controller, and its log."""

import socket
from collections.abc import Mapping
from itertools import islice

RECORD_BYTES_MAX = 17 * 1024 * 1024
"""The topics table asks for 16 MiB on one topic; a batch around the record is a little more."""

STARTED = "Kafka Server started"
"""What a broker logs when clients are served."""

# Beneath the ports that a system gives to outgoing connections: a client that keeps calling a dead
# broker on such a port would sooner or later be given that very port, and talk to itself.
_FIRST_PORT = 12_000
_PORTS = 18_000

_ONE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    # Time after which a broker that was killed may come back; the stock 9 s only make tests wait.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # One broker is all the replicas there are, and few partitions are made and loaded sooner.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "message.max.bytes": str(RECORD_BYTES_MAX),
    "replica.fetch.max.bytes": str(RECORD_BYTES_MAX),
    "socket.request.max.bytes": str(8 * RECORD_BYTES_MAX),
    # A test that sets a topic's segment.ms and min.cleanable.dirty.ratio sees it compacted in a
    # second or two; the stock settings look every 15 s, and for deletion every 5 min.
    "log.cleaner.backoff.ms": "200",
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
    "log.retention.check.interval.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    "log.segment.delete.delay.ms": "1000",
}

_LOG4J = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = ${sys:motif.log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


def settings(
    listeners: Mapping[str, str], advertised: Mapping[str, str], *, protocol: str = "PLAINTEXT"
) -> dict[str, str]:
    """What one node is told, by the addresses of CLIENTS, ITSELF and CONTROLLER.

    A secured broker speaks to itself in plain text, on a port of its own.
    """
    return {
        **_ONE_NODE,
        "listeners": _addresses(listeners),
        "advertised.listeners": _addresses(advertised),
        "listener.security.protocol.map": (
            f"CLIENTS:{protocol},ITSELF:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "ITSELF",
        "controller.quorum.voters": f"1@{listeners['CONTROLLER']}",
    }


def _addresses(listeners: Mapping[str, str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in listeners.items())


def log4j_properties() -> str:
    """The text of log4j2.properties: everything into the file that `-Dmotif.log` names."""
    return _LOG4J


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, and nobody is given for an outgoing connection."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        chance = int(given.getsockname()[1])
    candidates = (_FIRST_PORT + (chance + step) % _PORTS for step in range(_PORTS))
    return list(islice(filter(is_free, candidates), count))


def is_free(port: int) -> bool:
    """Whether a broker could listen on the port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
