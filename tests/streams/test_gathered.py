"""Folding many changes together gives what folding them one by one gives, to the last bit."""

from collections.abc import Sequence
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.events import TaskCompleted
from streams import gathered
from streams.apply import TASKS
from streams.change import Change, Pattern
from streams.days import DAY_US, KEPT_DAYS
from streams.gathered import FEW, PIECE, Gathered, put
from streams.histogram import bucket_of, buckets_of
from streams.measure import SIZE_MAX
from streams.tally import Tally
from tests.strategies import payloads

Tallies = dict[Pattern, Tally]

EDGES = [
    *(0, 1, 127, 128, 129, 2**21 - 1, 2**21, SIZE_MAX, SIZE_MAX + 1),
    *(2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**70),
]
values = st.one_of(
    st.integers(-200, 200),
    st.integers(-(2**45), 2**45),
    st.integers(-(2**70), 2**70),
    st.sampled_from([*EDGES, *(-edge for edge in EDGES)]),
)
times = st.one_of(
    st.none(),
    st.builds(
        lambda day, us: day * DAY_US + us,
        st.integers(-KEPT_DAYS, 2 * KEPT_DAYS),
        st.integers(0, 2) | st.just(DAY_US - 1),
    ),
    st.sampled_from([0, -1, -62_135_596_800_000_000, 253_402_300_799_999_999]),
)
small = st.integers(0, 2) | st.just(1)
names = st.sampled_from(["a", "b", "é"])
patterns: st.SearchStrategy[Pattern] = st.sampled_from([("k", "x"), ("k", "y"), ("l", "x", "y")])
changes = st.builds(
    Change,
    patterns,
    times,
    small,
    small,
    small,
    st.lists(names, max_size=2).map(tuple),
    st.lists(st.tuples(names, values), max_size=4).map(tuple),
)


def singly(facts: Sequence[Change]) -> Tallies:
    """The tallies of changes that are folded one by one."""
    found: Tallies = {}
    for change in facts:
        put(found.setdefault(change.pattern, Tally()), change)
    return found


def together(facts: Sequence[Change], cuts: Sequence[int]) -> Tallies:
    """The tallies of changes that are gathered, and folded at each cut."""
    found: Tallies = {}

    def tally_of(pattern: Pattern, _: int) -> Tally:
        return found.setdefault(pattern, Tally())

    waiting = Gathered()
    for start, end in pairwise([0, *sorted(cuts), len(facts)]):
        for offset in range(start, end):
            waiting.add([facts[offset]], offset)
        waiting.fold_into(tally_of)
    return found


def encoded(found: Tallies) -> dict[Pattern, bytes]:
    """Tallies as their bytes, which are equal exactly where the integers are."""
    return {pattern: tally.encode() for pattern, tally in found.items()}


@pytest.mark.parametrize(("few", "piece", "few_each"), [(0, 3, 0), (0, PIECE, 2), (FEW, 2, 0)])
@given(st.lists(changes, max_size=30), st.lists(st.integers(0, 30), max_size=3), st.randoms())
def test_any_split_and_any_order_give_what_one_by_one_gives(
    few: int,
    piece: int,
    few_each: int,
    facts: list[Change],
    cuts: list[int],
    chance: object,
) -> None:
    expected = encoded(singly(facts))
    chance.shuffle(facts)  # type: ignore[attr-defined]  # hypothesis' own kind of Random
    cuts = [min(cut, len(facts)) for cut in cuts]

    with patch.multiple(gathered, FEW=few, PIECE=piece, _FEW_EACH=few_each):
        found = together(facts, cuts)

    assert encoded(found) == expected
    assert all(Tally.decode(tally.encode()) == tally for tally in found.values())


@pytest.mark.parametrize(("few", "piece"), [(0, 3), (0, PIECE), (FEW, PIECE)])
@given(
    st.lists(st.tuples(payloads(TaskCompleted), times), max_size=12),
    st.integers(0, 12),
)
def test_facts_recognised_together_give_what_one_by_one_gives(
    few: int, piece: int, facts: list[tuple[TaskCompleted, int | None]], cut: int
) -> None:
    found: Tallies = {}
    lasts: dict[Pattern, int] = {}

    def tally_of(pattern: Pattern, offset: int) -> Tally:
        lasts[pattern] = offset
        return found.setdefault(pattern, Tally())

    with patch.multiple(gathered, FEW=few, PIECE=piece, _FEW_EACH=0):
        waiting = Gathered()
        for offset, (task, at_us) in enumerate(facts):
            waiting.put_off(TASKS, task, at_us, offset)
            if offset == cut:
                waiting.fold_into(tally_of)
        waiting.fold_into(tally_of)

    made = [change for task, at_us in facts for change in TASKS.one(task, at_us)]
    assert encoded(found) == encoded(singly(made))
    assert lasts == {change.pattern: offset for offset, change in enumerate(made)}


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1) | values.filter(lambda v: abs(v) < 2**63)))
@example([sign * (2**bit + more) for sign in (1, -1) for bit in range(62) for more in (-1, 0, 1)])
def test_buckets_found_together_are_those_found_one_by_one(numbers: list[int]) -> None:
    found = buckets_of(np.array(numbers, np.int64)).tolist()

    assert found == [bucket_of(number) for number in numbers]


def test_as_many_of_the_greatest_values_as_are_ever_folded_together_are_exact() -> None:
    most = gathered._ROWS_MAX + PIECE
    change = Change(("k",), 5, 1, 0, 1, (), (("m", SIZE_MAX), ("n", -SIZE_MAX)))
    waiting, tally = Gathered(), Tally()
    rows = 0
    while not waiting.is_full:
        waiting.add([change] * PIECE, 0)
        rows += PIECE
    waiting.fold_into(lambda *_: tally)

    assert 2 * rows <= most
    assert (tally.occurrences, tally.failures, tally.days.to_json()) == (
        rows,
        rows,
        [[0, rows, 0, rows]],
    )
    for name, sign in (("m", 1), ("n", -1)):
        measure = tally.measures[name]
        assert (measure.n, measure.total) == (rows, sign * rows * SIZE_MAX)
        assert measure.squares == rows * SIZE_MAX**2
        assert measure.histogram.to_json() == [[bucket_of(sign * SIZE_MAX)], [rows]]


def test_a_tally_is_asked_for_with_the_last_offset_that_changed_it() -> None:
    asked: dict[Pattern, int] = {}

    def tally_of(pattern: Pattern, offset: int) -> Tally:
        asked[pattern] = offset
        return Tally()

    for number in (FEW // 2, 3 * FEW):
        waiting = Gathered()
        for offset in range(number):
            waiting.add([Change(("k", str(offset % 3)), 0)], offset)
        waiting.fold_into(tally_of)
        assert sorted(asked.values()) == [number - 3, number - 2, number - 1]
        waiting.fold_into(lambda *_: pytest.fail("nothing is kept"))


@pytest.mark.parametrize("count", [1, FEW + 1])
def test_negative_counts_are_refused(count: int) -> None:
    waiting = Gathered()
    waiting.add([Change(("k",), 0, 1, -1)] * count, 0)

    with pytest.raises(ValueError, match="negative"):
        waiting.fold_into(lambda *_: Tally())


@pytest.mark.parametrize(("few", "piece"), [(0, 3), (0, PIECE), (FEW, PIECE)])
@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.lists(changes, max_size=2)), max_size=12),
    st.integers(0, 12),
)
def test_what_is_taken_back_was_never_added_and_touches_its_patterns(
    few: int, piece: int, said: list[tuple[bytes, list[Change]]], cut: int
) -> None:
    found: Tallies = {}
    lasts: dict[Pattern, int] = {}

    def tally_of(pattern: Pattern, offset: int) -> Tally:
        lasts[pattern] = offset
        return found.setdefault(pattern, Tally())

    waiting, expected = Gathered(), dict[Pattern, int]()
    current: dict[bytes, list[Change]] = {}
    kept: list[Change] = []
    with patch.multiple(gathered, FEW=few, PIECE=piece, _FEW_EACH=0):
        for offset, (thing, now) in enumerate(said):
            before = current.get(thing, [])
            if waiting.take_back(thing, before, offset):
                expected |= {change.pattern: offset for change in before}
            else:
                kept += before
            waiting.add(now, offset, thing)
            expected |= {change.pattern: offset for change in now}
            current[thing] = now
            if offset == cut:
                waiting.fold_into(tally_of)
        waiting.fold_into(tally_of)

    kept += [change for now in current.values() for change in now]
    folded = {pattern: tally for pattern, tally in found.items() if tally}
    assert encoded(folded) == {
        pattern: tally.encode() for pattern, tally in singly(kept).items() if tally
    }
    assert lasts == expected
