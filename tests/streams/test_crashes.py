"""Whatever fails, at whatever moment: what was not committed is learned again, nothing twice."""

from collections.abc import Callable

import pytest

from connectors.logs.memory import MemoryLog
from schemas.errors import Fenced
from schemas.log import Log, Outgoing, Record
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS, LEARNER_CHECKPOINTS
from streams.federator import Federator
from streams.learner import Learner
from tests.streams.faulty import Broken, Faulty, outcome
from tests.streams.worlds import (
    RULES,
    append,
    cases,
    contributor,
    disorder,
    learn,
    log_of,
    records,
    rows,
    world,
)

EVENTS = disorder(2, world(7, sessions=3, calls=8), most=2)
POISON = Outgoing(AGENT_EVENTS.name, 0, b"k", b"no event")


def filled() -> MemoryLog:
    """A log of one partition with a small world, and some of what is no event, twice."""
    log = log_of(1)
    append(log, EVENTS[:20])
    log.append([POISON, POISON])
    append(log, EVENTS[20:])
    return log


def work(log: Log, passed: Callable[[], None] = lambda: None) -> None:
    """Learn and federate everything in steps, as a process does."""
    learner = Learner(log, contributor("here", 0), RULES, label="here")
    federator = Federator(log, 0)
    while learner.step(25):
        federator.step()
        passed()
    federator.step()


def clean() -> dict[tuple[str, bytes], bytes]:
    log = filled()
    work(log)
    return outcome(log)


def operations() -> int:
    log = Faulty(filled())
    work(log)
    return log.passed


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("moment", range(operations()))
def test_a_process_that_dies_at_any_operation_is_continued_by_the_next(moment: int) -> None:
    log = Faulty(filled(), moment)
    with pytest.raises(Broken):
        work(log)
    work(log)
    assert outcome(log.inner) == clean()


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("moment", range(operations()))
def test_a_process_that_survives_the_failure_of_an_operation_goes_on(moment: int) -> None:
    """The same learner and federator are stepped again, as after a full disk that was emptied."""
    log = Faulty(filled(), moment)
    learner = Learner(log, contributor("here", 0), RULES, label="here")
    federator = Federator(log, 0)
    quiet = 0
    while quiet < 2:
        try:
            quiet = 0 if learner.step(25) + federator.step() else quiet + 1
        except Broken:
            quiet = 0
    assert outcome(log.inner) == clean()


@pytest.mark.usefixtures("either_log")
def test_a_process_that_dies_again_and_again_still_gets_there() -> None:
    """Each life is two operations longer than the one before."""
    log = Faulty(filled(), 0)
    for moment in range(0, 1_000, 2):
        log.moment, log.passed = moment, 0
        try:
            work(log)
            break
        except Broken:
            continue
    assert outcome(log.inner) == clean()


def test_failing_readers_never_see_a_position_without_its_contributions() -> None:
    """After every commit, what stands in the log is what a log of that prefix alone gives."""
    log = filled()
    seen = []

    def look() -> None:
        seen.append(outcome(log))

    work(log, look)
    for number, found in enumerate(seen, start=1):
        prefix = log_of(1)
        prefix.append([as_new(one) for one in records(log, AGENT_EVENTS)[: number * 25]])
        work(prefix)
        assert outcome(prefix) == found


def as_new(record: Record) -> Outgoing:
    """The same record on its way into another log."""
    return Outgoing(record.topic, record.partition, record.key, record.value, record.headers)


@pytest.mark.usefixtures("either_log")
def test_a_learner_that_was_asleep_is_fenced_and_leaves_nothing() -> None:
    log = filled()
    sleeper = Learner(log, contributor("here", 0), RULES, label="here")
    sleeper.step(25)
    successor = Learner(log, contributor("here", 0), RULES, label="here")
    successor.step(25)
    before = outcome(log)
    with pytest.raises(Fenced):
        sleeper.step(25)
    assert outcome(log) == before
    while successor.step(25):
        continue
    Federator(log, 0).step()
    assert outcome(log) == clean()


@pytest.mark.usefixtures("either_log")
def test_a_federator_that_was_asleep_is_fenced() -> None:
    log = filled()
    learner = Learner(log, contributor("here", 0), RULES, label="here")
    learner.step(25)
    sleeper, successor = Federator(log, 0), Federator(log, 0)
    sleeper.step()
    learner.step(25)
    successor.step()
    learner.step(25)
    with pytest.raises(Fenced):
        sleeper.step()


def test_poison_is_one_letter_however_often_it_comes() -> None:
    log = filled()
    work(log)
    log.append([POISON])
    work(log)
    for record in records(log, LEARNER_CHECKPOINTS):
        log.append([as_new(record._replace(value=None))])
    work(log)  # from the beginning
    letters = records(log, DEAD_LETTERS)
    assert [letter.value for letter in letters] == [b"no event"]
    assert dict(letters[0].headers)["origin"] == f"{AGENT_EVENTS.name}/0/20".encode()


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("seed", range(cases(4)))
def test_many_worlds_survive_a_failure_at_a_random_moment(seed: int) -> None:
    events = disorder(seed, world(seed), most=2)
    untouched = log_of(4)
    append(untouched, events)
    learn(untouched)
    log = Faulty(log_of(4), 7 * seed % 40)
    append(log.inner, events)
    with pytest.raises(Broken):
        learn(log)
    learn(log)
    assert rows(log) == rows(untouched)
