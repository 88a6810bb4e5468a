"""Whatever the order, batches, repeats, partitions and sites: what is learned is what is true."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Event
from streams import state
from tests.oracle import expected
from tests.streams.worlds import (
    NOW,
    append,
    bring,
    cases,
    disorder,
    learn,
    learn_in_bits,
    log_of,
    numbers,
    reached,
    rows,
    tallies,
    world,
)

pytestmark = pytest.mark.usefixtures("either_log")

seeds = st.integers(0, 2**32)


def learned_at_once(events: list[Event]) -> dict[str, bytes]:
    """The rows of one partition that learns everything in one step."""
    log = log_of(1)
    append(log, events)
    learn(log)
    return rows(log)


@settings(max_examples=cases(60))
@given(seeds, seeds, st.integers(1, 4), st.integers(0, 16))
def test_any_order_gives_what_the_oracle_counts(
    seed: int, order: int, sessions: int, calls: int
) -> None:
    events = world(seed, sessions, calls)
    log = log_of(1)
    append(log, disorder(order, events))
    learn(log)
    assert {pattern: numbers(tally) for pattern, tally in tallies(log).items()} == expected(
        events, NOW
    )


@settings(max_examples=cases(25))
@given(seeds, seeds, st.sampled_from([1, 4, 16]))
def test_batches_restarts_and_partitions_change_no_byte(
    seed: int, order: int, partitions: int
) -> None:
    events = world(seed)
    log = log_of(partitions)
    learn_in_bits(order, log, disorder(order, events))
    assert rows(log) == learned_at_once(events)


@settings(max_examples=cases(25))
@given(seeds, seeds, st.integers(2, 3))
def test_sites_that_federate_have_the_rows_one_machine_has(
    seed: int, order: int, count: int
) -> None:
    events = world(seed, sessions=4)
    logs = [log_of(partitions) for partitions in (1, 4, 2)[:count]]
    for number, log in enumerate(logs):
        mine = [event for event in events if hash_of(event) % count == number]
        learn_in_bits(order + number, log, disorder(order, mine), f"site-{number}")
    for source in logs[1:]:
        bring(source, logs[0], "site-0")
    for number, target in enumerate(logs[1:], start=1):
        bring(logs[0], target, f"site-{number}")  # which hands on what it took in
    assert all(rows(log) == learned_at_once(events) for log in logs)


@settings(max_examples=cases(15))
@given(seeds, seeds)
def test_sessions_that_are_packed_away_all_the_time_lose_nothing(seed: int, order: int) -> None:
    events = world(seed, sessions=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "HOT_CALLS_MAX", 2)
        log = log_of(1)
        learn_in_bits(order, log, disorder(order, events))
    assert rows(log) == learned_at_once(events)


@settings(max_examples=cases(15))
@given(seeds, seeds)
def test_what_waits_and_is_late_depends_on_no_order(seed: int, order: int) -> None:
    events = world(seed)
    counts = []
    for mixed in (events, disorder(order, events, most=1)):
        log = log_of(1)
        append(log, mixed)
        learn(log)
        counts.append([(said["waiting"], said["late"]) for said in reached(log)])
    assert counts[0] == counts[1]


def hash_of(event: Event) -> int:
    """The same number for all events of one session."""
    return sum(event.key)
