"""What every log refuses before it touches anything."""

from typing import Final

from schemas.errors import WrongUse
from schemas.log import Headers
from schemas.topics import Topic, by_name

PARTITIONS_MAX: Final = 1024
"""More partitions than cores that could ever work on them is a typing error."""

BYTES_OR_NOTHING: Final = frozenset({bytes, type(None)})
"""What a key and a value may be; no subclass, no view: those come back as something else."""


def checked_partitions(partitions: int) -> int:
    """The number of partitions, if a log can have that many."""
    if type(partitions) is not int or not 1 <= partitions <= PARTITIONS_MAX:
        raise WrongUse(f"a log has 1 to {PARTITIONS_MAX} partitions a topic, not {partitions!r}")
    return partitions


def checked_place(topic: str, partition: int, partitions: int) -> Topic:
    """The topic, if it exists and has that partition."""
    found = by_name(topic)
    if type(partition) is not int or not 0 <= partition < partitions:
        raise WrongUse(f"topic {topic} has partitions 0 to {partitions - 1}, not {partition!r}")
    return found


def checked_range(offset: int, limit: int) -> None:
    """Refuse a negative offset or a limit that asks for nothing."""
    if offset < 0:
        raise WrongUse(f"offsets count from 0; {offset} is none")
    if limit < 1:
        raise WrongUse(f"a read asks for at least 1 record, not {limit}")


def checked_content(key: bytes | None, value: bytes | None, headers: Headers) -> None:
    """Refuse what could be written but not read back: a log cannot be corrected afterwards."""
    if type(key) not in BYTES_OR_NOTHING or type(value) not in BYTES_OR_NOTHING:
        raise wrong_content(key, value)
    for name, content in headers:
        if type(name) is not str or type(content) is not bytes:
            raise wrong_header(name, content)


def wrong_content(key: object, value: object) -> WrongUse:
    """The sentence for a key or value of the wrong type."""
    found = f"{type(key).__name__} and {type(value).__name__}"
    return WrongUse(f"key and value of a record are bytes or None, not {found}")


def wrong_header(name: object, content: object) -> WrongUse:
    """The sentence for a header of the wrong types."""
    found = f"{type(name).__name__} and {type(content).__name__}"
    return WrongUse(f"a header is a text name and bytes, not {found}")


def missing_key(topic: Topic) -> WrongUse:
    """The sentence for a record without key on a compacted topic: nothing could supersede it."""
    return WrongUse(f"topic {topic.name} keeps the latest record per key; one has no key")
