"""An event as the oracle is told of it, and the two rules that need its append time."""

from typing import Any, NamedTuple

DAY = 86_400_000_000


class Told(NamedTuple):
    """An event as it stands in a partition: where, and since when."""

    event: Any
    offset: int
    appended: int

    def near(self, other: "Told") -> bool:
        """Whether the two may be joined."""
        return abs(self.appended - other.appended) <= 35 * DAY

    def at(self) -> int | None:
        """When it happened; a time that is more than a day ahead of the append time is none."""
        at: int | None = self.event.time_us
        return None if at is None or at > self.appended + DAY else at
