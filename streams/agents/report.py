"""What a learner process says of itself, to be told on by the worker."""

from typing import Any, Final

from schemas.clock import monotonic_s
from streams.agents.learning import LearnerService

SILENT_S: Final = 15.0
"""Not having reached the group for this long is trouble."""

STALLED_S: Final = 60.0
"""A partition that is due and was not stepped for this long has stalled."""


def report_of(learners: LearnerService) -> dict[str, Any]:
    """How the partitions fare, and what keeps them from faring well."""
    if learners.pool is None:
        return {"trouble": ["the learner has not started yet"], "partitions": []}
    now_s = monotonic_s()
    trouble = [learners.trouble] if learners.trouble else []
    if now_s - learners.polled_s > SILENT_S:
        trouble.append(f"the group was not reached for {now_s - learners.polled_s:.0f} s")
    partitions = []
    for one in sorted(learners.pool.tended, key=lambda one: one.place):
        topic, partition = one.place
        partitions.append(
            {
                "topic": topic,
                "partition": partition,
                "position": one.position,
                "learned": one.learned,
                "idle": one.idle,
                "committed_s_ago": None if one.committed_s is None else now_s - one.committed_s,
            }
        )
        if one.trouble:
            trouble.append(one.trouble)
        elif not one.idle and now_s - one.due_s > STALLED_S:
            trouble.append(f"{topic}/{partition} was not stepped for {now_s - one.due_s:.0f} s")
    return {"trouble": trouble, "partitions": partitions}
