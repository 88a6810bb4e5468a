"""Current statements about things that may be amended, packed: what they changed, and when.

They are kept as long as the ids, one for each thing, so every byte counts. Names of measures are
numbers here, and a change that differs from the one before in its pattern only is its pattern.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streams.change import Change, Pattern, change_of

Statement = tuple[int, int, list[Change]]
"""Its revision, when it was appended, and what it changed."""

DELETED: Final = "deleted"
"""The pattern of a change that says of a run that it is gone."""

NAMES: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "total_tokens",
    "cost",
    "tokens",
    "duration",
    "errors",
    "retries",
    "files_created",
    "files_modified",
    "tests_passed",
    "tests_failed",
    "lines_of_code",
    "coverage",
    "time_to_resolve",
    "api_calls",
    "memory",
    "cpu",
    "files_accessed",
    "parallel_tasks",
)
"""Measures; their places are stored, so append only. Any other name stands as it is."""


class _Numbers(dict[str, Any]):
    """The number of a measure, or the name of one that has none."""

    def __missing__(self, name: str) -> str:
        return name


_NUMBERS: Final = _Numbers((name, number) for number, name in enumerate(NAMES))
_SHORT: Final = msgspec.msgpack.Encoder()
# JSON, as its integers have no limit: the sum of four counts may exceed 64 bits.
_LONG: Final = msgspec.json.Encoder()
_READ_SHORT: Final = msgspec.msgpack.Decoder()
_READ_LONG: Final = msgspec.json.Decoder()
_JSON_FIRST: Final = ord("[")


def pack(revision: int, appended_us: int, changes: Sequence[Change]) -> bytes:
    """A statement as bytes."""
    packed: list[Any] = [revision, appended_us]
    before: tuple[Any, ...] | None = None
    for change in changes:
        rest = change[1:]
        if rest == before:
            packed.append((change.pattern,))
        else:
            packed.append(_whole(change))
            before = rest
    return _encoded(packed)


def pack_alike(
    revision: int, appended_us: int, change: Change, patterns: Sequence[Pattern]
) -> bytes:
    """A statement of a change and of others that differ from it in their patterns only.

    >>> change, pattern = Change(("run",), 5), ("task", "a")
    >>> both = [change, change._replace(pattern=pattern)]
    >>> pack_alike(3, 9, change, [pattern]) == pack(3, 9, both)
    True
    """
    return _encoded([revision, appended_us, _whole(change), *zip(patterns)])


def _whole(change: Change) -> tuple[Any, ...]:
    pattern, at_us, occurrences, successes, failures, counts, measures = change
    numbers = _NUMBERS
    numbered = [(numbers[name], value) for name, value in measures]
    return pattern, at_us, occurrences, successes, failures, counts, numbered


def _encoded(packed: list[Any]) -> bytes:
    try:
        return _SHORT.encode(packed)
    except OverflowError:
        return _LONG.encode(packed)


def unpack(packed: bytes) -> Statement:
    """The statement that `pack` made these bytes of.

    >>> change = Change(("task", "a"), 5, 1, 1, 0, (), (("cost", 2**70),))
    >>> unpack(pack(3, 9, [change, change._replace(pattern=("task", "b"))]))[2][1].pattern
    ('task', 'b')
    """
    read = _READ_LONG if packed[0] == _JSON_FIRST else _READ_SHORT
    revision, appended_us, *rows = read.decode(packed)
    changes: list[Change] = []
    rest: Sequence[Any]
    for pattern, *said in rows:
        if said:
            at_us, occurrences, successes, failures, counts, numbered = said
            measures = tuple(
                [
                    (NAMES[name] if isinstance(name, int) else name, value)
                    for name, value in numbered
                ]
            )
            rest = (at_us, occurrences, successes, failures, tuple(counts), measures)
        else:
            _, *rest = changes[-1]
        changes.append(change_of((tuple(pattern), *rest)))
    return revision, appended_us, changes
