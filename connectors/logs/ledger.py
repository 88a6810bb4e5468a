"""What a log file knows about itself, rewritten with every transaction."""

from typing import Final
from zlib import crc32

import msgspec


class Ledger(msgspec.Struct):
    """Where every stream starts and ends, who owns which name, and the time of the last append.

    It is small (a few bytes a partition), so it stands in one row under one CRC: a reader that has
    checked it knows how many records must be there, and a record that vanished is noticed.
    """

    partitions: int
    appended_at_us: int = 0
    ends: dict[str, list[int]] = {}
    owners: dict[str, int] = {}
    starts: dict[str, list[int]] = {}
    pruned: dict[str, list[tuple[int, int]]] = {}
    archived: dict[str, list[int]] = {}
    files: int = 0

    def start(self, topic: str, partition: int) -> int:
        """The first offset of that stream that has a row."""
        starts = self.starts.get(topic)
        return starts[partition] if starts else 0

    def begin_at(self, topic: str, partition: int, offset: int) -> None:
        """Have that stream start there."""
        self.starts.setdefault(topic, [0] * self.partitions)[partition] = offset

    def pruned_of(self, topic: str, partition: int) -> tuple[int, int]:
        """Below which offset records of that stream were pruned, and how many."""
        pruned = self.pruned.get(topic)
        return pruned[partition] if pruned else (0, 0)

    def prune(self, topic: str, partition: int, below: int, records: int) -> None:
        """Note that some more were pruned, all below that offset."""
        before, number = self.pruned_of(topic, partition)
        of = self.pruned.setdefault(topic, [(0, 0)] * self.partitions)
        of[partition] = (max(before, below), number + records)

    def file(self) -> int:
        """The number of another file; none is given twice."""
        self.files += 1
        return self.files - 1

    def archive(self, topic: str, partition: int, below: int) -> None:
        """Note that some more were archived, all below that offset."""
        of = self.archived.setdefault(topic, [0] * self.partitions)
        of[partition] = max(of[partition], below)

    def stubs_below(self, topic: str, partition: int) -> int:
        """Below which offset something else may stand in the place of a record."""
        archived = self.archived.get(topic)
        return max(archived[partition] if archived else 0, self.pruned_of(topic, partition)[0])

    def end(self, topic: str, partition: int) -> int:
        """The offset the next record of that stream will get."""
        ends = self.ends.get(topic)
        return ends[partition] if ends else 0

    def to_row(self) -> tuple[int, bytes]:
        """Its CRC and its bytes."""
        body = msgspec.msgpack.encode(self)
        return crc32(body), body

    @staticmethod
    def from_row(crc: object, body: object) -> "Ledger | None":
        """The ledger, or None when the bytes are not those that were written."""
        if not isinstance(body, bytes) or crc32(body) != crc:
            return None
        return _DECODER.decode(body)


_DECODER: Final = msgspec.msgpack.Decoder(Ledger)
