"""Every reducer of `streams` keeps the laws of `streams.reducer`, found by inspection."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streams
from streams.days import DAY_US, KEPT_DAYS, Days
from streams.histogram import Histogram
from streams.measure import Measure
from streams.reducer import Reducer
from streams.tally import Tally


class Facts(NamedTuple):
    """How the law tests speak to one class of reducer."""

    facts: st.SearchStrategy[Any]
    fold: Callable[[Any, Any], object]
    undo: Callable[[Any, Any], object]
    """Takes a fact out again; False says that it cannot, anything else that it did."""


def found_reducers() -> Iterator[type[Reducer]]:
    """Yield every concrete reducer that a module of `streams` defines."""
    root = Path(streams.__path__[0])
    for path in sorted(root.rglob("*.py")):
        # Only modules that speak of reducers, so that a fault elsewhere fails its own tests only.
        if "Reducer" not in path.read_text(encoding="utf-8"):
            continue
        parts = path.relative_to(root.parent).with_suffix("").parts
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        for _, member in inspect.getmembers(module, inspect.isclass):
            ours = member.__module__ == module.__name__
            if ours and issubclass(member, Reducer) and not inspect.isabstract(member):
                yield member


REDUCERS = sorted(found_reducers(), key=lambda reducer: reducer.__qualname__)

values = st.one_of(
    st.integers(-200, 200),
    st.integers(-(2**64), 2**64),
    st.integers(-(2**200), 2**200),
    st.sampled_from([0, 127, 128, -127, -128, 2**63, 2**64, -(2**64), 2**64 + 1]),
)
small = st.integers(0, 3)
days = st.integers(-KEPT_DAYS, 2 * KEPT_DAYS)
times = st.one_of(
    st.none(),
    st.builds(lambda day, us: day * DAY_US + us, days, st.integers(0, 2)),
    st.integers(-100 * DAY_US, 100 * DAY_US),
)
names = st.sampled_from(["a", "b", "é", "\U0001f600"])


def fold_tally(tally: Tally, fact: tuple[str, tuple[Any, ...]]) -> None:
    """Call the folding method that a fact names."""
    method, arguments = fact
    getattr(tally, method)(*arguments)


def undo_tally(tally: Tally, fact: tuple[str, tuple[Any, ...]]) -> object:
    """Call the inverse of the folding method that a fact names."""
    method, arguments = fact
    return getattr(tally, f"un{method}")(*arguments)


LAWFUL: dict[type[Reducer], Facts] = {
    Histogram: Facts(
        st.tuples(values, st.integers(0, 3)),
        lambda state, fact: state.add(*fact),
        lambda state, fact: state.remove(*fact),
    ),
    Days: Facts(
        st.tuples(days, small, small, small),
        lambda state, fact: state.add(*fact),
        lambda state, fact: state.remove(*fact),
    ),
    Measure: Facts(
        values,
        lambda state, fact: state.add(fact),
        lambda state, fact: state.remove(fact),
    ),
    Tally: Facts(
        st.one_of(
            st.tuples(st.just("fold"), st.tuples(times, small, small, small)),
            st.tuples(st.just("measure"), st.tuples(names, values)),
            st.tuples(st.just("count"), st.tuples(names, small)),
        ),
        fold_tally,
        undo_tally,
    ),
}

every_reducer = pytest.mark.parametrize("reducer", REDUCERS, ids=lambda r: r.__qualname__)
lawful = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def folded(reducer: type[Reducer], facts: list[Any]) -> Reducer:
    """Return the state after some facts."""
    state = reducer()
    for fact in facts:
        LAWFUL[reducer].fold(state, fact)
    return state


def drawn(data: st.DataObject, reducer: type[Reducer]) -> list[Any]:
    """Draw a list of facts for a reducer."""
    return data.draw(st.lists(LAWFUL[reducer].facts, max_size=12))


def test_every_reducer_is_held_to_the_laws() -> None:
    assert set(REDUCERS) == set(LAWFUL)


@every_reducer
@lawful
@given(data=st.data())
def test_merging_with_nothing_changes_nothing(reducer: type[Reducer], data: st.DataObject) -> None:
    """Two silent sites are an ordinary day."""
    state = folded(reducer, drawn(data, reducer))

    assert state + reducer() == state
    assert reducer() + state == state
    assert reducer() + reducer() == reducer()


@every_reducer
@lawful
@given(data=st.data())
def test_merging_is_associative_and_commutative(
    reducer: type[Reducer], data: st.DataObject
) -> None:
    one, two, three = (folded(reducer, drawn(data, reducer)) for _ in range(3))

    assert (one + two) + three == one + (two + three)
    assert one + two == two + one


@every_reducer
@lawful
@given(data=st.data())
def test_parts_merged_equal_the_whole_in_any_order(
    reducer: type[Reducer], data: st.DataObject
) -> None:
    facts = drawn(data, reducer)
    shuffled = data.draw(st.permutations(facts))
    cut = data.draw(st.integers(0, len(facts)))

    whole = folded(reducer, facts)
    merged = folded(reducer, shuffled[:cut]) + folded(reducer, shuffled[cut:])

    assert merged == whole
    assert merged.encode() == whole.encode()


@every_reducer
@lawful
@given(data=st.data())
def test_what_was_merged_shares_nothing_with_its_parts(
    reducer: type[Reducer], data: st.DataObject
) -> None:
    """States change in place, so a shared part would change both."""
    one, two = (folded(reducer, drawn(data, reducer)) for _ in range(2))
    before = one.encode(), two.encode()

    merged = one + two
    for fact in drawn(data, reducer):
        LAWFUL[reducer].fold(merged, fact)

    assert (one.encode(), two.encode()) == before


@every_reducer
@lawful
@given(data=st.data())
def test_decoding_gives_back_what_was_encoded(reducer: type[Reducer], data: st.DataObject) -> None:
    state = folded(reducer, drawn(data, reducer))

    assert reducer.decode(state.encode()) == state
    assert reducer.from_json(state.to_json()) == state
    assert reducer.decode(state.encode()).encode() == state.encode()


@every_reducer
@lawful
@given(data=st.data())
def test_states_are_equal_exactly_when_their_bytes_are(
    reducer: type[Reducer], data: st.DataObject
) -> None:
    facts = drawn(data, reducer)
    other_facts = data.draw(
        st.one_of(st.permutations(facts), st.just(facts[1:]), st.just(drawn(data, reducer)))
    )
    state, other = folded(reducer, facts), folded(reducer, other_facts)

    assert (state == other) == (state.encode() == other.encode())


@every_reducer
@lawful
@given(data=st.data())
def test_taking_a_fact_out_restores_the_rest_or_changes_nothing(
    reducer: type[Reducer], data: st.DataObject
) -> None:
    facts = [*drawn(data, reducer), data.draw(LAWFUL[reducer].facts)]
    at = data.draw(st.integers(0, len(facts) - 1))
    state = folded(reducer, facts)
    before = state.encode()

    undone = LAWFUL[reducer].undo(state, facts[at])

    if undone is False:
        assert state.encode() == before
    else:
        assert state == folded(reducer, facts[:at] + facts[at + 1 :])


@every_reducer
@lawful
@given(data=st.data())
def test_a_state_is_true_exactly_when_it_differs_from_the_empty_one(
    reducer: type[Reducer], data: st.DataObject
) -> None:
    state = folded(reducer, drawn(data, reducer))

    assert bool(state) == (state != reducer())


@every_reducer
def test_a_reducer_has_no_room_for_anything_undeclared(reducer: type[Reducer]) -> None:
    """A `__dict__` for each of a million small states would be most of their memory."""
    assert not hasattr(reducer(), "__dict__")


@every_reducer
def test_a_reducer_equals_nothing_of_another_class(reducer: type[Reducer]) -> None:
    assert reducer() != object()


@every_reducer
def test_a_reducer_shows_how_to_make_it_again(reducer: type[Reducer]) -> None:
    assert repr(reducer()) == f"{reducer.__name__}.from_json({reducer().to_json()!r})"


@every_reducer
@pytest.mark.parametrize("data", [b"", b"nul", b"null", b"3", b'"x"', b"\xff", b"[" * 5000])
def test_bytes_of_something_else_are_refused(reducer: type[Reducer], data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not (the JSON of a|a|days)"):
        reducer.decode(data)
