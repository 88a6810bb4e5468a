"""Patterns of facts that are never amended and of statements that are: exact, extremes included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.envelope import Event, outgoing
from schemas.errors import LogDamaged
from schemas.events import TaskCompleted
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS
from streams import learner, unamended
from tests.oracle import expected
from tests.streams.worlds import (
    NOW,
    append,
    cases,
    disorder,
    learn,
    learn_in_bits,
    log_of,
    numbers,
    tallies,
)

SOURCE = "unamended"
TASK = ("task", "a", "t")

pytestmark = pytest.mark.usefixtures("either_log")


def done(name: str, duration_us: int | None, revision: int | None = None) -> Event:
    data = TaskCompleted(agent="a", task_type="t", success=True, duration_us=duration_us)
    if revision is None:
        return Event(SOURCE, name, data, NOW - (duration_us or 0))
    return Event(SOURCE, f"{name}@{revision}", data, NOW - (duration_us or 0), name, revision)


durations = st.none() | st.integers(0, 5) | st.sampled_from([1_000, 10_000])
facts = st.lists(durations, max_size=6)
statements = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), durations), max_size=10)


@settings(max_examples=cases(80))
@given(facts, statements, st.integers(0, 2**32))
def test_any_order_of_facts_and_revisions_gives_what_counting_from_scratch_gives(
    alone: list[int | None], revised: list[tuple[int, int, int | None]], order: int
) -> None:
    events = [done(str(number), us) for number, us in enumerate(alone)]
    distinct = {(thing, revision): us for thing, revision, us in revised}
    events += [done(str(thing), us, revision) for (thing, revision), us in distinct.items()]
    log = log_of(1)

    learn_in_bits(order, log, disorder(order, events))

    found = {pattern: numbers(tally) for pattern, tally in tallies(log).items()}
    assert found == expected(events, NOW)


def test_an_extreme_that_a_revision_takes_away_leaves_those_of_facts_without_one() -> None:
    log = log_of(1)
    for event in (done("x", 70), done("y", 3, 1), done("z", 9), done("y", 40, 2)):
        append(log, [event])
        learn(log)

    duration = tallies(log)[TASK].measures["duration"]
    assert (duration.n, duration.minimum, duration.maximum) == (3, 9, 70)


def test_a_fact_without_revision_is_never_amended() -> None:
    """Though others have its id as their subject."""
    log = log_of(1)
    append(log, [done("x", 1), done("x", 2, 1), done("x", 3, 2)])
    learn(log)

    assert tallies(log)[TASK].occurrences == 2
    assert tallies(log)[TASK].measures["duration"].total == 1 + 3


def test_repeats_refused_and_misplaced_records_are_not_read_again_either() -> None:
    log = log_of(1)
    append(log, [done("x", 5), done("x", 5), done("y", 90, 1)])
    log.append([Outgoing(AGENT_EVENTS.name, 0, b"a", b"no event")])
    conflicting = outgoing(done("x", 6), 1)
    log.append([conflicting])
    append(log, [done("y", 50, 2)])
    learn(log)

    duration = tallies(log)[TASK].measures["duration"]
    assert (duration.n, duration.total, duration.maximum) == (2, 55, 50)


def test_facts_behind_the_position_are_not_read_before_they_are_learned() -> None:
    log = log_of(1)
    append(log, [done("x", 5), done("y", 90, 1), done("y", 50, 2), done("later", 7)])

    [found] = unamended.unamended(log, AGENT_EVENTS.name, 0, 3).changes

    assert found.measures == (("duration", 5),)


def test_the_log_is_not_read_again_where_statements_are_all_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learner, "unamended", lambda *_: pytest.fail("it was read again"))
    log = log_of(1)
    for event in (done("y", 90, 1), done("y", 50, 2), done("z", 60, 1)):
        append(log, [event])
        learn(log)

    assert tallies(log)[TASK].measures["duration"].maximum == 60


def test_a_log_that_lost_its_beginning_says_so() -> None:
    log = log_of(1)
    append(log, [done("x", 5)])
    log.prune_before(AGENT_EVENTS.name, 0, 1)

    with pytest.raises(LogDamaged, match="1 of its records were pruned"):
        list(unamended.unamended(log, AGENT_EVENTS.name, 0, 1).changes)
