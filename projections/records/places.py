"""Where a thing was first spoken of: one whole number for its row, and a text for a cursor.

The number orders the things of a partition as the log does, so it serves as their key, and the
pages of a partition go down it. Pages as a whole go by the time of appending, then by the number.
"""

import re
from typing import Final, NamedTuple

from schemas.errors import WrongUse
from schemas.topics import LEARNED_TOPICS

_TOPICS: Final = tuple(topic.name for topic in LEARNED_TOPICS)
_PARTITION_BITS: Final = 10
LANE_BITS: Final = 51
"""Bits of a place that count within a partition; those above say which."""

_LANE: Final = 1 << LANE_BITS
_CURSOR: Final = re.compile(r"([0-9]{1,18}):([a-z.]{1,40}):([0-9]{1,4}):([0-9]{1,15})", re.ASCII)


def place_of(topic: str, partition: int, offset: int) -> int:
    """The number of a position in an input topic.

    >>> lane_of(place_of(_TOPICS[1], 3, 17)) == (_TOPICS[1], 3)
    True
    """
    assert offset < _LANE, "an offset of sixteen digits"
    return (_TOPICS.index(topic) << _PARTITION_BITS | partition) << LANE_BITS | offset


def lane_of(place: int) -> tuple[str, int]:
    """The topic and the partition of a place."""
    lane = place >> LANE_BITS
    return _TOPICS[lane >> _PARTITION_BITS], lane & (1 << _PARTITION_BITS) - 1


def span_of(topic: str, partition: int) -> tuple[int, int]:
    """The first and the last place that a partition can have."""
    first = place_of(topic, partition, 0)
    return first, first + _LANE - 1


class Cursor(NamedTuple):
    """Behind which record a page begins: when and where its thing was first spoken of."""

    appended_us: int
    place: int

    def __str__(self) -> str:
        topic, partition = lane_of(self.place)
        return f"{self.appended_us}:{topic}:{partition}:{self.place & _LANE - 1}"


def cursor_of(text: str) -> Cursor:
    """The cursor that a page ended with.

    >>> str(cursor_of(str(Cursor(5, place_of(_TOPICS[0], 1, 2))))).split(":")[::2]
    ['5', '1']

    Raises:
        WrongUse: it is none.
    """
    found = _CURSOR.fullmatch(text)
    if found is None or found[2] not in _TOPICS or int(found[3]) >> _PARTITION_BITS:
        message = f"{text[:80]!r} is no cursor; it must be the `next` that a page ended with"
        raise WrongUse(message)
    return Cursor(int(found[1]), place_of(found[2], int(found[3]), int(found[4])))
