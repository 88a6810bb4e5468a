"""What the parts of a worker share: the log on Kafka, and how to reach the same cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.log import Log

Place = tuple[str, int]
"""A topic and a partition."""


class WaitingLog(Log, Protocol):
    """A log that can say when there is something new."""

    def wait(self, positions: Mapping[Place, int], limit_s: float) -> set[Place]:
        """The partitions that have something at or behind the positions; none when time is up."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster as a worker sees it.

    `connect` opens the log; `client_options` is what the library's clients take; `prefix` stands
    before the names of topics, groups and transactional ids; `name` is shown as the group's member.
    """

    connect: Callable[[], WaitingLog]
    client_options: Mapping[str, Any]
    prefix: str
    name: str
