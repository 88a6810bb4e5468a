"""Reading many partitions of a log without asking for what is known not to be there.

A projector follows some sixty partitions, and mostly few have something new. A log behind a network
can say all their ends in one answer; asking each for records would cost a round trip each time.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from schemas.log import Log, Record

Place = tuple[str, int]
"""A topic and a partition."""


@runtime_checkable
class TellsEnds(Protocol):
    """A log that says the ends of many partitions at once."""

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The end of each."""


class Reading:
    """Reads a log, passing over partitions that have not moved since they were read to the end."""

    def __init__(self, log: Log) -> None:
        """Bind to a log; nothing is asked before the first `look`."""
        self._log = log
        self._ends: dict[Place, int] = {}
        self._read_out: dict[Place, tuple[int, int]] = {}

    def look(self, places: Iterable[Place]) -> None:
        """Learn how far these partitions go, where the log can say it at once."""
        if isinstance(self._log, TellsEnds):
            self._ends = self._log.ends(places)

    def read(self, place: Place, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from `offset` on, as of the last look or later."""
        end = self._ends.get(place)
        if end is not None and self._read_out.get(place) == (offset, end):
            return []  # Behind the last record there may be a marker: only reading tells.
        records = self._log.read(*place, offset, limit)
        # A read may give less than there is; only one that gives nothing says that nothing is left.
        if end is not None and not records:
            self._read_out[place] = (offset, end)
        return records
