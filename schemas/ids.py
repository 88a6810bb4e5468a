"""Names that sites which never met agree on: signatures, pattern ids, hashes, partitions."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Final
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

SIGNATURE_SAFE = "*@+"
"""Characters left readable in a part of a signature, beside letters, digits and `_.-~`."""

_begun: Final = blake2b(digest_size=16).copy
"""A digest to begin with, copied: sooner there than one that is made."""

_FEW: Final = 32
"""Fewer keys than this are hashed one by one, which is quicker then."""

_LONG: Final = 128
"""Keys of more bytes are hashed one by one, as those beside them would be filled up to them."""

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995


def signature(*parts: str) -> str:
    """The readable, canonical name of a pattern within its kind.

    >>> signature("claude-code", "o3:mini")
    'claude-code:o3%3Amini'
    """
    return ":".join(quote(part, safe=SIGNATURE_SAFE) for part in parts)


def signature_parts(text: str) -> tuple[str, ...]:
    """The parts a signature was made of.

    >>> signature_parts("claude-code:o3%3Amini")
    ('claude-code', 'o3:mini')
    """
    return tuple(unquote(part) for part in text.split(":"))


def pattern_id(kind: str, text: str) -> str:
    """The id of the pattern of this kind and signature: 32 hexadecimal digits.

    >>> pattern_id("tool", "Bash")
    '36925efaf7e3c2c9559e6785b3ec1cd5'
    """
    return blake2b(f"{kind}\0{text}".encode(), digest_size=16).hexdigest()


def id_hash(source: str, identity: str) -> bytes:
    """16 bytes that stand for the event `(source, id)`."""
    digest = _begun()
    digest.update(f"{source}\0{identity}".encode())
    return digest.digest()


def letter_id(origin: str, value: bytes, headers: Iterable[tuple[str, bytes]] = ()) -> str:
    """The id of the dead letter for these bytes on this topic: 32 hexadecimal digits.

    In CloudEvents' binary mode the attributes are part of what was refused, and stand in headers.
    When it was recorded is none: the same refused again in a copy of the log is the same letter.
    """
    digest = blake2b(value, digest_size=16, key=origin.encode()[:64])
    for name, content in sorted(headers):
        if name.startswith("ce_") and name != "ce_recordedtime":
            digest.update(b"\0%s\0%s" % (name.encode(), content))
    return digest.hexdigest()


def murmur2(data: bytes) -> int:
    """MurmurHash2 of Kafka's Java client (`org.apache.kafka.common.utils.Utils.murmur2`), 32 bits.

    >>> murmur2(b"21") - 2**32
    -973932308
    """
    mask, m = 0xFFFFFFFF, _FACTOR
    length = len(data)
    h = _SEED ^ length
    for word in _words(length >> 2)(data):
        k = word * m & mask
        h = (h * m ^ (k ^ k >> 24) * m) & mask
    if length & 3:
        h = (h ^ int.from_bytes(data[length & ~3 :], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


@lru_cache(maxsize=1 << 8)
def _words(count: int) -> Callable[[bytes], tuple[int, ...]]:
    """Reads so many words of 32 bits."""
    return Struct(f"<{count}I").unpack_from


def key_hash(key: bytes) -> int:
    """What of a key names its partition: 31 bits."""
    return murmur2(key) & 0x7FFFFFFF


@lru_cache(maxsize=1 << 13)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's Java client chooses it.

    >>> partition_of(b"21", 4)
    0
    """
    return key_hash(key) % partitions


def partitions_of(keys: Sequence[bytes], partitions: int) -> list[int]:
    """The partitions of many keys, in their order: the same, and a tenth of the work.

    >>> partitions_of([b"21", b"foobar"], 4)
    [0, 2]
    """
    if len(keys) < _FEW or max(map(len, keys)) > _LONG:
        return [partition_of(key, partitions) for key in keys]
    hashes = _murmur2_of(keys) & np.uint32(0x7FFFFFFF)
    found: list[int] = (hashes % np.uint32(partitions)).tolist()
    return found


def _murmur2_of(keys: Sequence[bytes]) -> NDArray[np.uint32]:
    """`murmur2` of each: the same steps on columns of words, numbers of 32 bits that wrap."""
    m, shift = np.uint32(_FACTOR), np.uint32(24)
    lengths = np.fromiter(map(len, keys), np.uint32, len(keys))
    whole = lengths >> np.uint32(2)
    columns = (int(lengths.max()) >> 2) + 1  # one more: what is left of the longest
    words = np.array(keys, dtype=f"S{4 * columns}").view("<u4").reshape(len(keys), columns)
    h = np.uint32(_SEED) ^ lengths
    for at in range(columns - 1):
        k = words[:, at] * m
        h = np.where(whole > at, h * m ^ (k ^ k >> shift) * m, h)
    left = words[np.arange(len(keys)), whole]  # filled up with zeros
    h = np.where(lengths & np.uint32(3), (h ^ left) * m, h)
    h = (h ^ h >> np.uint32(13)) * m
    return h ^ h >> np.uint32(15)
