"""How a record stands on disk: msgpack, with a CRC over everything that says what and where it is.

The CRC starts from the topic and partition the record stands in, and the frame holds the offset,
so a record that turns up in another place than the one it was written to is as damaged as one with
a changed bit.
"""

from typing import Final
from zlib import crc32

import msgspec

from schemas.errors import LogDamaged
from schemas.log import Record

encode: Final = msgspec.msgpack.Encoder().encode
"""A frame from the fields of a record, in their order; a plain tuple is encoded fastest."""

decode: Final = msgspec.msgpack.Decoder(Record).decode
"""A record from a frame whose CRC was right."""


def seed_of(topic: str, partition: int) -> int:
    """What the CRC of every record in that place starts from."""
    return crc32(f"{topic}/{partition}".encode())


def damaged(topic: str, partition: int, offset: int, what: str) -> LogDamaged:
    """The sentence for a record that is not what was appended."""
    return LogDamaged(
        f"topic {topic}, partition {partition}, offset {offset}: {what}. "
        "Stop writing, and put back the log's folder from a backup"
    )
