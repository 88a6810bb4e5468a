"""Changed rules: the old rows stay until the new are learned, then nothing old is left anywhere."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from connectors.logs.memory import MemoryLog
from motif.federation import Carried, contributions, take_in
from schemas.errors import LogIncompatible, Refused
from schemas.events import TaskCompleted
from schemas.log import Log, Outgoing
from schemas.topics import (
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    Topic,
)
from streams import apply
from streams.apply import Applier
from streams.federator import Federator
from streams.identity import Identity, allow_servers, found, identity_of
from streams.learner import Learner
from streams.recognise import RULES_VERSION
from streams.rules import Rules
from tests.streams.faulty import Broken, Faulty, outcome
from tests.streams.worlds import (
    append,
    bring,
    cases,
    contributor,
    disorder,
    federate,
    learn,
    log_of,
    reached,
    records,
    rows,
    world,
)

pytestmark = pytest.mark.usefixtures("either_log")

EVENTS = disorder(3, world(4, sessions=4), most=2)
NEW = Rules((2, 0))


@contextmanager
def new_rules() -> Iterator[None]:
    """Tools are told apart without regard to case, and tasks are no kind any more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply, "public_tool", lambda name, _allowed: name.upper())
        patch.setitem(Applier._handlers, TaskCompleted.type, lambda *_: None)
        yield


def learned_by_new_rules(partitions: int = 2) -> MemoryLog:
    """A log that never knew other rules."""
    log = log_of(partitions)
    append(log, EVENTS)
    with new_rules():
        learn(log, rules=NEW)
    return log


def learned_by_old_rules(partitions: int = 2) -> MemoryLog:
    log = log_of(partitions)
    append(log, EVENTS)
    learn(log)
    return log


def test_a_log_learned_again_has_the_rows_of_one_that_never_knew_other_rules() -> None:
    log = learned_by_old_rules()
    before = rows(log)
    with new_rules():
        notices = learn(log, rules=NEW)
    assert rows(log) == rows(learned_by_new_rules())
    assert before.keys() - rows(log).keys(), "some pattern must be gone for this to mean anything"
    assert len(notices) == 2
    assert all(notice.endswith("the rules changed") for notice in notices)
    assert {tuple(said["epoch"]) for said in reached(log)} == {(2, 0)}
    with new_rules():
        assert learn(log, rules=NEW) == []


def test_the_checkpoint_of_the_old_epoch_is_gone() -> None:
    log = learned_by_old_rules()
    with new_rules():
        learn(log, rules=NEW)
    keys = [record.key or b"" for record in records(log, LEARNER_CHECKPOINTS) if record.value]
    assert not [key for key in keys if b"/1.0/" in key]


@pytest.mark.parametrize("moment", range(0, 45, 2))
def test_old_rows_stay_until_the_new_epoch_has_caught_up(moment: int) -> None:
    """Also when the process dies while it learns again, at any moment."""
    log = learned_by_old_rules(partitions=1)
    before = outcome(log)
    with new_rules():
        learner = Learner(Faulty(log, moment), contributor("here", 0), NEW, label="here")
        try:
            learner.step(1)
        except Broken:
            # Either nothing of the new is there, or (failed after the append) all of it.
            assert {tuple(said["epoch"]) for said in reached(log)} in ({(1, 0)}, {(2, 0)})
            if reached(log)[0]["epoch"] == [1, 0]:
                assert outcome(log) == before
        assert reached(log)[0]["position"] == len(EVENTS)
        learn(log, rules=NEW)
    assert rows(log) == rows(learned_by_new_rules())


def test_what_new_rules_no_longer_refuse_is_no_longer_said_to_be_refused() -> None:
    log = log_of(1)
    append(log, EVENTS)

    def refuse(*_: object) -> None:
        raise Refused("too_new", "nobody knows such tasks yet")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Applier._handlers, TaskCompleted.type, refuse)
        learn(log)
    assert reached(log)[0]["refused"] > 0
    learn(log, rules=NEW)
    facts = [msgspec.json.decode(one.value) for one in records(log, EVENT_DUPLICATES) if one.value]
    assert reached(log)[0]["refused"] == sum(fact["refused"] is True for fact in facts) == 0
    assert rows(log) == rows(learned_by_old_rules())


def test_a_second_site_loses_what_the_new_rules_do_not_make() -> None:
    source, target = learned_by_old_rules(), log_of(3)
    old = contributions(source)
    bring(source, target, "there")
    assert rows(target) == rows(source)
    with new_rules():
        learn(source, rules=NEW)
    bring(source, target, "there")
    assert rows(target) == rows(learned_by_new_rules())
    bring_late(target, old)
    assert rows(target) == rows(learned_by_new_rules())


def bring_late(target: Log, carried: list[Carried]) -> None:
    """Contributions of the old epoch that arrive after those of the new."""
    federators = [Federator(target, partition) for partition in range(target.partitions)]
    taken = take_in(target, federators, Identity("there", "log-of-there", ""), carried)
    assert (taken.taken, taken.known) == (0, len(carried))
    federate(target)


def test_a_site_that_hears_of_the_new_epoch_first_ignores_the_old() -> None:
    source, target = learned_by_old_rules(), log_of(1)
    old = contributions(source)
    with new_rules():
        learn(source, rules=NEW)
    bring(source, target, "there")
    bring_late(target, old)
    assert rows(target) == rows(learned_by_new_rules())


def test_patterns_that_nobody_makes_any_more_are_tombstones_for_consumers() -> None:
    log = learned_by_old_rules()
    before = rows(log)
    with new_rules():
        learn(log, rules=NEW)
    gone = before.keys() - rows(log).keys()
    tombs = {record.key for record in records(log, PATTERNS) if record.value is None}
    assert {key.encode() for key in gone} <= tombs


def test_an_older_process_refuses_what_newer_rules_learned() -> None:
    log = learned_by_old_rules()
    with new_rules():
        learn(log, rules=NEW)
    before = outcome(log)
    with pytest.raises(LogIncompatible, match=r"rules 2\.0.*has 1\.0"):
        learn(log)
    for record in records(log, LEARNER_CHECKPOINTS):
        log.append([Outgoing(record.topic, record.partition, record.key, None)])
    with pytest.raises(LogIncompatible):
        learn(log)
    assert outcome(log) == before


def test_allowing_a_server_starts_an_epoch_and_shows_its_name() -> None:
    log = log_of(1)
    first = found(log, "here", site_id="here")
    append(log, EVENTS)
    learn(log, rules=Rules.of(first))
    assert shown(log) == {"mcp__*__query"}
    second = allow_servers(log, first, frozenset({"acme"}))
    assert second == identity_of(log)
    assert second.epoch == (RULES_VERSION, 1) > first.epoch
    learn(log, rules=Rules.of(second))
    assert shown(log) == {"mcp__acme__query"}
    assert allow_servers(log, second, frozenset({"acme"})) == second
    third = allow_servers(log, second, frozenset())
    learn(log, rules=Rules.of(third))
    assert shown(log) == {"mcp__*__query"}
    alone = log_of(1)
    append(alone, EVENTS)
    learn(alone)
    assert rows(log) == rows(alone)


def shown(log: Log) -> set[str]:
    """The MCP tools among the patterns."""
    return set(re.findall(r"mcp__[\w*]+?__query", b" ".join(rows(log).values()).decode()))


@pytest.mark.parametrize("seed", range(cases(3)))
def test_events_that_come_between_two_epochs_are_learned_by_both(seed: int) -> None:
    events = disorder(seed, world(seed), most=2)
    log, fresh = log_of(2), log_of(2)
    append(log, events[: len(events) // 2])
    learn(log)
    append(log, events[len(events) // 2 :])
    append(fresh, events)
    with new_rules():
        learn(log, rules=NEW)
        learn(fresh, rules=NEW)
    assert rows(log) == rows(fresh)


@pytest.mark.parametrize("lost", [(), (LEARNER_CHECKPOINTS, EVENT_DUPLICATES)])
def test_a_pattern_whose_contribution_was_lost_does_not_outlive_the_rules_that_made_it(
    lost: tuple[Topic, ...],
) -> None:
    """Its row still names the contributor, though nothing else knows of it."""
    log = learned_by_old_rules()
    for (topic, _), stream in log._streams.items():
        if topic in {PATTERN_CONTRIBUTIONS.name, *(one.name for one in lost)}:
            stream.slots[:] = [None] * len(stream.slots)
            stream.latest.clear()
    with new_rules():
        learn(log, rules=NEW)
    assert rows(log) == rows(learned_by_new_rules())
