"""What a worker says of itself: whether it is ready, in sentences, and its metrics."""

from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from schemas.clock import monotonic_s
from streams.agents.federating import Federation
from streams.agents.processes import LearnerProcesses

SILENT_S: Final = 15.0
"""A learner process that said nothing for this long is in trouble."""


@dataclass(slots=True)
class Health:
    """Whether the worker does what it should, and what keeps it from that."""

    ready: bool
    trouble: list[str] = field(default_factory=list)
    partitions: list[dict[str, Any]] = field(default_factory=list)
    federator: dict[str, Any] = field(default_factory=dict)


def health_of(learners: LearnerProcesses | None, federation: Federation) -> Health:
    """How the worker fares right now."""
    if learners is None or len(learners.said) < learners.count:
        return Health(ready=False, trouble=["not every learner process has started"])
    if not federation.joined:
        return Health(ready=False, trouble=["the federator has not joined its group yet"])
    if federation.log is None:
        return Health(ready=False, trouble=["the federator has not reached the log yet"])
    now_s = monotonic_s()
    trouble = list(federation.trouble.values())
    partitions: list[dict[str, Any]] = []
    for number, (said_s, said) in sorted(learners.said.items()):
        trouble += said.trouble
        partitions += said.partitions
        if now_s - said_s > SILENT_S:
            trouble.append(f"learner process {number} said nothing for {now_s - said_s:.0f} s")
    lag = {
        partition: max(0, federation.ends[partition] - position)
        for partition, position in federation.positions.items()
        if partition in federation.ends
    }
    federator = {
        "lag": sum(lag.values()),
        "patterns": sum(map(len, federation.held.values())),
        "due": sum(len(held.due) for held in federation.held.values()),
        "written": federation.written,
    }
    return Health(not trouble, trouble, partitions, federator)


def metrics_of(health: Health) -> bytes:
    """The same as OpenMetrics text."""
    registry = CollectorRegistry()

    def gauge(name: str, means: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"motif_{name}", means, labels, registry=registry)

    gauge("worker_ready", "1 while the worker does what it should").set(health.ready)
    place = ("topic", "partition")
    position = gauge("learner_position", "Everything below is learned", place)
    learned = gauge("learner_records", "Records learned since the worker started", place)
    age = gauge("learner_commit_age_seconds", "Seconds since the last commit", place)
    for one in health.partitions:
        labels = (one["topic"], one["partition"])
        position.labels(*labels).set(one["position"])
        learned.labels(*labels).set(one["learned"])
        if one["committed_s_ago"] is not None:
            age.labels(*labels).set(one["committed_s_ago"])
    for name, value in health.federator.items():
        gauge(f"federator_{name}", f"Of the federator: {name}").set(value)
    return generate_latest(registry)
