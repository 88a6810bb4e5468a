"""Records out of what a broker sends, and into the batches it takes.

Reading keeps to committed records: of what a fetch returns, batches of aborted transactions and the
markers that end transactions are passed over, as the Kafka protocol says (KIP-98).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords

from connectors.logs.checks import checked_content, checked_place, missing_key
from schemas.errors import LogDamaged
from schemas.log import Outgoing, Record

Place = tuple[str, int]
"""A topic, by its name in the topics table, and a partition."""

PIECE_BYTES: Final = 4_000_000
"""An append of any size holds about this much of it in memory."""

RECORD_OVERHEAD: Final = 200
"""What a record takes beside its bytes, so that small records count too."""


class Fetched:
    """The committed records of one answer to a fetch, decoded as they are drawn.

    `position` is where reading goes on behind what was drawn, `end` up to where all is committed.
    """

    def __init__(
        self, place: Place, position: int, end: int, data: bytes, aborted: Sequence[tuple[int, int]]
    ) -> None:
        """Take over the bytes of one partition, fetched from `position` on."""
        self.position = position
        self.end = end
        self.exhausted = not data
        self._place = place
        self._records: Iterator[Record] = self._unpack(
            data, sorted(aborted or (), key=lambda one: one[1])
        )

    def draw(self, limit: int) -> list[Record]:
        """At most `limit` further records; fewer only where there are no more."""
        drawn = list(islice(self._records, limit))
        if len(drawn) < limit:
            self.exhausted = True
        else:
            self.position = drawn[-1].offset + 1
        return drawn

    def is_empty(self) -> bool:
        """Whether no record is left, only markers perhaps; `position` stands behind them then."""
        before = self.position
        first = self.draw(1)
        if first:
            self._records = chain(first, self._records)
            self.position = before
        return not first

    def _unpack(self, data: bytes, aborted: list[tuple[int, int]]) -> Iterator[Record]:
        topic, partition = self._place
        memory = MemoryRecords(data)
        failed: set[int] = set()
        while memory.has_next():
            batch = memory.next_batch()
            if not batch.validate_crc():
                raise LogDamaged(
                    f"topic {topic}, partition {partition}, offset {batch.base_offset}: the batch "
                    "is not what was written; restore the broker's data from a replica or a backup"
                )
            while aborted and aborted[0][1] <= batch.base_offset:
                failed.add(aborted.pop(0)[0])
            if batch.is_control_batch:
                if _is_abort(batch):
                    failed.discard(batch.producer_id)
            elif not (batch.is_transactional and batch.producer_id in failed):
                first = self.position
                for one in batch:
                    if one.offset >= first:
                        yield _record(topic, partition, one)
            self.position = max(self.position, batch.next_offset)


def _is_abort(batch: Any) -> bool:
    marker = next(iter(batch), None)
    return marker is not None and ControlRecord.parse(marker.key) == ABORT_MARKER


def _record(topic: str, partition: int, one: Any) -> Record:
    headers = one.headers
    if headers:
        headers = tuple([(name, content or b"") for name, content in headers])
    return Record(
        topic, partition, one.offset, one.key, one.value, headers or (), one.timestamp * 1_000
    )


def pieces_of(records: Iterable[Outgoing], partitions: int) -> Iterator[list[Outgoing]]:
    """The records, each checked, in pieces of some megabytes.

    Raises:
        WrongUse: one of them could not be read back as it is.
    """
    piece: list[Outgoing] = []
    size = 0
    for record in records:
        topic, partition, key, value, headers = record
        place = checked_place(topic, partition, partitions)
        checked_content(key, value, headers)
        if key is None and place.compacted:
            raise missing_key(place)
        piece.append(record)
        size += len(value or b"") + len(key or b"") + RECORD_OVERHEAD
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def batches_of(piece: Sequence[Outgoing], producer: Any) -> dict[Place, list[Any]]:
    """The library's batches for every place, in the order of the records."""
    batches: dict[Place, list[Any]] = {}
    for topic, partition, key, value, headers in piece:
        mine = batches.get((topic, partition))
        if mine is None:
            mine = batches[topic, partition] = [producer.create_batch()]
        if mine[-1].append(timestamp=None, key=key, value=value, headers=[*headers]) is None:
            mine.append(producer.create_batch())
            added = mine[-1].append(timestamp=None, key=key, value=value, headers=[*headers])
            assert added is not None, "a batch takes its first record, however large"
    return batches
