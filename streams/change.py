"""What one event, or one thing found in a session, adds to one pattern."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from schemas.tuples import maker

Pattern = tuple[str, ...]
"""A pattern's kind and the parts of its signature: `("tool_usage", "Read", "Edit")`."""


class Change(NamedTuple):
    """An addition to one pattern's tally, or, unfolded, what is taken from it again.

    `at_us` is None for what is undated. `counts` names further counters, each raised by one;
    `measures` are names with whole numbers in the unit the kind states.
    """

    pattern: Pattern
    at_us: int | None
    occurrences: int = 1
    successes: int = 0
    failures: int = 0
    counts: tuple[str, ...] = ()
    measures: tuple[tuple[str, int], ...] = ()


change_of: Final = maker(Change)
"""A change of the values of all its fields."""


class Columns(NamedTuple):
    """What many facts add, an occurrence each: a column has a value for each of them in turn.

    Of `measures`, each with its name, None is what a fact does not state.
    """

    patterns: Sequence[Pattern]
    successes: Sequence[bool]
    measures: Sequence[tuple[str, Sequence[int | None]]]


class Bulk(NamedTuple):
    """How facts of one type become changes: one of them, or many at once, with the same result."""

    one: Callable[[Any, int | None], list[Change]]
    many: Callable[[Sequence[Any]], Columns]
