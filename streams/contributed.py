"""What contributors have said last, read from the log once for all that are restored together.

A learner keeps its tallies on `pattern.contributions`, among those of all others. A worker that is
given twelve partitions would read that topic twelve times over; here it is read once, and on from
there whenever somebody asks.
"""

from collections.abc import Iterable, Iterator
from threading import Lock

from schemas.log import Log
from schemas.topics import PATTERN_CONTRIBUTIONS
from streams.contribution import Contributor, contributor_of

READ = 4_096
"""Records read at once."""


class Contributed:
    """The last contributions of some contributors; for any number of threads.

    What a contributor said is handed out once. It has to be asked for by the owner of its name:
    nobody else adds to it then.
    """

    def __init__(self, log: Log, contributors: Iterable[Contributor]) -> None:
        """Nothing is read before somebody asks."""
        self._log = log
        self._said: dict[str, dict[bytes | None, bytes | None]] = {
            str(contributor): {} for contributor in contributors
        }
        self._positions = [0] * log.partitions
        self._lock = Lock()

    def take(self, contributor: Contributor) -> Iterator[bytes]:
        """The last contribution of every pattern, where it is no tombstone."""
        with self._lock:
            for partition in range(self._log.partitions):
                self._read_on(partition)
            last = self._said.pop(str(contributor))
        return (value for value in last.values() if value is not None)

    def _read_on(self, partition: int) -> None:
        """Of a key the last record counts, be it a tombstone."""
        name = PATTERN_CONTRIBUTIONS.name
        while records := self._log.read(name, partition, self._positions[partition], READ):
            for record in records:
                said = self._said.get(contributor_of(record))
                if said is not None:
                    said[record.key] = record.value
            self._positions[partition] = records[-1].offset + 1
