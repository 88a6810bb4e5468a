"""Reading many partitions of a log without asking for what is known not to be there.

A projector follows some sixty partitions, and mostly few have something new. A log behind a network
can say all their ends in one answer; asking each for records would cost a round trip each time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, takewhile
from typing import Final, Protocol, runtime_checkable

from schemas.clock import monotonic_s
from schemas.log import Log, Record

Place = tuple[str, int]
"""A topic and a partition."""


@runtime_checkable
class TellsEnds(Protocol):
    """A log that says the ends of many partitions at once."""

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The end of each."""


@runtime_checkable
class ReadsEach(Protocol):
    """A log that reads many partitions at once."""

    def read_each(self, positions: Mapping[Place, int], limit: int) -> dict[Place, list[Record]]:
        """Records of each, or nothing where there is none; one left out must be read alone."""


AGAIN_S: Final = 5.0
"""After how long a partition that gave nothing is read again, though its end has not moved.

A cluster that has just come back may give nothing once where there is something.
"""


class Reading:
    """Reads a log, passing over partitions that have not moved since they were read to the end."""

    def __init__(self, log: Log, clock: Callable[[], float] = monotonic_s) -> None:
        """Bind to a log; nothing is asked before the first `look`."""
        self._log = log
        self._clock = clock
        self._ends: dict[Place, int] = {}
        self._read_out: dict[Place, tuple[int, int, float]] = {}
        self._ahead: dict[Place, tuple[int, list[Record]]] = {}

    def look(self, places: Iterable[Place]) -> None:
        """Learn how far these partitions go, where the log can say it at once."""
        self._ahead = {place: ahead for place, ahead in self._ahead.items() if ahead[1]}
        if isinstance(self._log, TellsEnds):
            self._ends = self._log.ends(places)

    def drop(self, place: Place) -> None:
        """Let go of what was read ahead of a partition: some of it may have been pruned."""
        self._ahead.pop(place, None)

    def fetch(self, positions: Mapping[Place, int], limit: int) -> None:
        """Read these partitions ahead where the log can do so at once: what may have something.

        Of none more than `limit` records; those that are not read now stay for the next time.
        """
        if not isinstance(self._log, ReadsEach):
            return
        wanted = {
            place: at
            for place, at in positions.items()
            if not self._is_read_out(place, at) and self._ahead.get(place, (-1,))[0] != at
        }
        if wanted and limit > 0:
            found = self._log.read_each(wanted, limit)
            self._ahead |= {place: (wanted[place], records) for place, records in found.items()}

    def read(self, place: Place, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from `offset` on, as of the last look or later."""
        return self._read(place, offset, limit, None)

    def in_turn(
        self, positions: Mapping[Place, int], limit: int, bytes_max: int
    ) -> tuple[dict[Place, list[Record]], bool]:
        """What these partitions have, one after the other, and whether that was all that fits.

        Behind `limit` records, or where `bytes_max` bytes of values are reached, no other follows.
        """
        found: dict[Place, list[Record]] = {}
        for place, offset in positions.items():
            records = self._read(place, offset, limit, bytes_max)
            if records:
                found[place] = records
                limit -= len(records)
                bytes_max -= sum(map(_size, records))
            if limit <= 0 or bytes_max <= 0:
                return found, True
        return found, False

    def _read(self, place: Place, offset: int, limit: int, bytes_max: int | None) -> list[Record]:
        if self._is_read_out(place, offset):
            return []  # Behind the last record there may be a marker: only reading tells.
        at, ahead = self._ahead.pop(place, (-1, []))
        read = ahead if at == offset else self._log.read(*place, offset, limit)
        records = read[: _fitting(read, limit, bytes_max)]
        if len(records) < len(read):
            self._ahead[place] = (records[-1].offset + 1, read[len(records) :])
        # A read may give less than there is; only one that gives nothing says that nothing is left.
        end = self._ends.get(place)
        if end is not None and not records:
            self._read_out[place] = (offset, end, self._clock())
        return records

    def _is_read_out(self, place: Place, offset: int) -> bool:
        """Whether nothing came since it was read to its end, a moment ago."""
        end, read_out = self._ends.get(place), self._read_out.get(place)
        if end is None or read_out is None or read_out[:2] != (offset, end):
            return False
        return self._clock() - read_out[2] < AGAIN_S


def _fitting(records: Sequence[Record], limit: int, bytes_max: int | None) -> int:
    """How many of the records are at most so many and end where so many bytes are reached."""
    if bytes_max is not None:
        sizes = accumulate(map(_size, records))
        limit = min(limit, 1 + sum(1 for _ in takewhile(lambda size: size < bytes_max, sizes)))
    return limit


def _size(record: Record) -> int:
    return len(record.value or b"")
