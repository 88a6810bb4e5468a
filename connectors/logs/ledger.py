"""What a log file knows about itself, rewritten with every transaction."""

from typing import Final
from zlib import crc32

import msgspec


class Ledger(msgspec.Struct):
    """Where every stream ends, who owns which name, and the time of the last append.

    It is small (a few bytes a partition), so it stands in one row under one CRC: a reader that has
    checked it knows how many records must be there, and a record that vanished is noticed.
    """

    partitions: int
    appended_at_us: int = 0
    ends: dict[str, list[int]] = {}
    owners: dict[str, int] = {}

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
