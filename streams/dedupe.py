"""Which events were folded: 16 bytes of id hash and 8 of content hash each, packed and sorted.

Arrays are kept in runs whose sizes fall by at least half, so that there are at most about log2(n)
of them and an id is moved about log2(n) times. At rest an id costs 24 bytes; while two runs are
merged both exist, which at worst doubles it for a moment.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""One column of 64-bit words."""

WIDTH = 24
"""Bytes of an entry: id hash (16), content hash (8)."""

_WORDS = 3


class Seen:
    """A growing set of id hashes, each with the hash of its content."""

    def __init__(self, packed: bytes = b"") -> None:
        """Start with the entries packed back to back, in any order."""
        self._runs: list[NDArray[np.uint64]] = []
        self._size = 0
        if packed:
            self._push(_rows(packed))

    def __len__(self) -> int:
        """How many ids are in the set."""
        return self._size

    def lookup(self, ids: Sequence[bytes]) -> list[bytes | None]:
        """The content hash of every id that is in the set, None for the others; in order."""
        found: list[bytes | None] = [None] * len(ids)
        if not self._runs or not ids:
            return found
        wanted = np.frombuffer(b"".join(ids), dtype="<u8").reshape(-1, 2)
        for run in self._runs:
            _look(run, wanted, found)
        return found

    def extend(self, packed: bytes) -> None:
        """Add entries packed back to back; the caller has looked that they are new."""
        if packed:
            self._push(_rows(packed))

    def _push(self, rows: NDArray[np.uint64]) -> None:
        self._size += len(rows)
        while self._runs and len(self._runs[-1]) < 2 * len(rows):
            rows = np.concatenate((self._runs.pop(), rows))
        self._runs.append(rows[np.argsort(rows[:, 0], kind="stable")])


def _rows(packed: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(packed, dtype="<u8").reshape(-1, _WORDS)


def _look(run: NDArray[np.uint64], wanted: NDArray[np.uint64], found: list[bytes | None]) -> None:
    first: Words = run[:, 0]
    low = np.searchsorted(first, wanted[:, 0], side="left")
    high = np.searchsorted(first, wanted[:, 0], side="right")
    for index in np.flatnonzero(low < high).tolist():
        for row in range(int(low[index]), int(high[index])):
            if run[row, 1] == wanted[index, 1]:
                found[index] = run[row, 2].tobytes()
