"""Records on their way into a stored log: framed, numbered and sorted by stream, piece by piece."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from connectors.logs.checks import (
    BYTES_OR_NOTHING,
    checked_place,
    missing_key,
    wrong_content,
    wrong_header,
)
from connectors.logs.frame import encode, seed_of
from connectors.logs.ledger import Ledger
from schemas.log import Outgoing
from schemas.topics import Topic

PIECE_BYTES: Final = 4_000_000
"""An append of any size holds about this much of it in memory."""

FRAME_OVERHEAD: Final = 200
"""What a frame's Python objects take beside its bytes, so that small records count too."""

Row = tuple[int, int, bytes]
"""Offset, CRC and frame."""


@dataclass(slots=True)
class Batch:
    """The records of one piece that go to one stream.

    Of a compacted topic only the last record per key is kept here: its forerunners would be
    superseded in the same transaction and are never written.
    """

    topic: Topic
    name: str
    partition: int
    compacted: bool
    seed: int
    first: int
    end: int
    rows: list[Row] = field(default_factory=list)
    latest: dict[bytes, Row] = field(default_factory=dict)


def batches_of(
    records: Iterable[Outgoing], ledger: Ledger, offsets: list[int]
) -> Iterator[list[Batch]]:
    """The records in pieces; advances the ledger's ends and lists every record's offset.

    The loop below is the hot path of every append, hence its local names.
    """
    now, size = ledger.appended_at_us, 0
    piece: dict[tuple[str, int], Batch] = {}
    for topic, partition, key, value, headers in records:
        batch = piece.get((topic, partition))
        if batch is None:
            batch = piece[topic, partition] = _begun(topic, partition, ledger)
        if type(key) not in BYTES_OR_NOTHING or type(value) not in BYTES_OR_NOTHING:
            raise wrong_content(key, value)
        for name, content in headers:
            if type(name) is not str or type(content) is not bytes:
                raise wrong_header(name, content)
        offset = batch.end
        # The batch's own topic and partition: an equal True or numpy integer must not get in.
        frame = encode((batch.name, batch.partition, offset, key, value, headers, now))
        row = (offset, crc32(frame, batch.seed), frame)
        if batch.compacted:
            if key is None:
                raise missing_key(batch.topic)
            batch.latest.pop(key, None)  # so that the dict's order stays that of the offsets
            batch.latest[key] = row
        else:
            batch.rows.append(row)
        batch.end = offset + 1
        offsets.append(offset)
        size += len(frame) + FRAME_OVERHEAD
        if size > PIECE_BYTES:
            yield _ended(piece, ledger)
            piece, size = {}, 0
    yield _ended(piece, ledger)


def _begun(topic: str, partition: int, ledger: Ledger) -> Batch:
    place = checked_place(topic, partition, ledger.partitions)
    end = ledger.end(topic, partition)
    seed = seed_of(topic, partition)
    return Batch(place, topic, partition, place.compacted, seed, first=end, end=end)


def _ended(piece: dict[tuple[str, int], Batch], ledger: Ledger) -> list[Batch]:
    batches = list(piece.values())
    for batch in batches:
        empty = [0] * ledger.partitions
        ledger.ends.setdefault(batch.name, empty)[batch.partition] = batch.end
        if batch.compacted:
            batch.rows = list(batch.latest.values())
    return batches
