"""Names that sites which never met agree on: signatures, pattern ids, hashes, partitions."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from urllib.parse import quote, unquote

SIGNATURE_SAFE = "*@+"
"""Characters left readable in a part of a signature, beside letters, digits and `_.-~`."""


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
    return blake2b(f"{source}\0{identity}".encode(), digest_size=16).digest()


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
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    h = 0x9747B28C ^ length
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
