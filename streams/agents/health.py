"""What a worker says of itself: whether it is ready, in sentences, and its metrics."""

from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from schemas.clock import monotonic_s
from streams.agents.federating import Federation
from streams.agents.learning import LearnerService

STALLED_S: Final = 60.0
"""A partition that has something to learn and committed nothing for this long has stalled."""

SILENT_S: Final = 15.0
"""Not having reached the group for this long is trouble."""


@dataclass(slots=True)
class Health:
    """Whether the worker does what it should, and what keeps it from that."""

    ready: bool
    trouble: list[str] = field(default_factory=list)
    partitions: list[dict[str, Any]] = field(default_factory=list)
    federator: dict[str, Any] = field(default_factory=dict)


def health_of(learners: LearnerService | None, federation: Federation) -> Health:
    """How the worker fares right now."""
    if learners is None or learners.pool is None:
        return Health(ready=False, trouble=["the learner has not started yet"])
    now_s = monotonic_s()
    trouble = [learners.trouble] if learners.trouble else []
    if now_s - learners.polled_s > SILENT_S:
        trouble.append(f"the group was not reached for {now_s - learners.polled_s:.0f} s")
    partitions = []
    for one in sorted(learners.pool.tended, key=lambda one: one.place):
        topic, partition = one.place
        age_s = None if one.committed_s is None else now_s - one.committed_s
        partitions.append(
            {
                "topic": topic,
                "partition": partition,
                "position": one.position,
                "learned": one.learned,
                "idle": one.idle,
                "committed_s_ago": age_s,
                "trouble": one.trouble,
            }
        )
        if one.trouble:
            trouble.append(one.trouble)
        elif not one.idle and now_s - one.due_s > STALLED_S:
            trouble.append(f"{topic}/{partition} was not stepped for {now_s - one.due_s:.0f} s")
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
