"""A log with gaps that compacts when it likes: what its readers would get wrong first."""

from connectors.logs.memory import MemoryLog
from motif.federation import contributions
from schemas.log import Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
)
from streams.federator import Federator
from streams.learner import Learner
from streams.progress import federator_key, progress_of
from tests.streams.worlds import (
    NOW,
    RULES,
    append,
    contributor,
    disorder,
    federate,
    learn,
    records,
    rows,
    world,
)


def learned_in_pieces() -> MemoryLog:
    """Every contribution stands there several times, and markers stand behind all."""
    log = MemoryLog(1, clock=lambda: NOW, lazy=True)
    events = disorder(1, world(1), most=2)
    for at in range(0, len(events), 20):
        append(log, events[at : at + 20])
        learn(log)
    return log


def test_a_learner_counts_of_a_contribution_that_is_superseded_the_last_only() -> None:
    log = learned_in_pieces()
    learner = Learner(log, contributor("here", 0), RULES)
    assert learner.step() == 0
    assert learner.notices == [], "the checkpoint is whole: nothing is learned again"


def test_compaction_changes_nothing_for_those_who_begin_after_it() -> None:
    log = learned_in_pieces()
    before = rows(log)
    for _ in range(2):
        log.compact()
        assert learn(log) == []
        assert rows(log) == before


def test_a_federator_that_has_nothing_to_do_takes_nobodys_place() -> None:
    log = learned_in_pieces()
    end = log.end(PATTERN_CONTRIBUTIONS.name, 0)
    working = Federator(log, 0)
    _, written = progress_of(log, 0)
    assert written is not None
    assert written.position < end, "a marker stands behind the last record"
    working.versions([])
    assert Federator(log, 0).step() == 0

    append(log, world(9))
    learner = Learner(log, contributor("here", 0), RULES)
    while learner.step():
        continue
    assert working.step() > 0, "it was not fenced"


def test_a_contribution_under_a_tombstone_counts_no_more_for_whoever_reads_it_and_when() -> None:
    log = learned_in_pieces()
    working = Federator(log, 0)
    working.versions([])
    gone = records(log, PATTERN_CONTRIBUTIONS)[0]
    log.append([Outgoing(PATTERN_CONTRIBUTIONS.name, 0, gone.key, None)])
    working.step()
    identity = (gone.key or b"").partition(b"/")[0].decode()
    assert identity not in rows(log)

    restarted = Federator(log, 0)
    assert restarted.versions([identity]) == {identity: {}}
    assert gone.value not in [carried.value for carried in contributions(log)]
    assert len(contributions(log)) == len(records(log, PATTERN_CONTRIBUTIONS)) - 1


def test_a_federator_whose_position_is_under_a_tombstone_writes_every_row_again() -> None:
    log = learned_in_pieces()
    before = rows(log)
    log.append([Outgoing(LEARNER_CHECKPOINTS.name, 0, federator_key(0), None)])
    log.append([Outgoing(PATTERNS.name, 0, record.key, None) for record in records(log, PATTERNS)])
    assert progress_of(log, 0)[1] is None
    federate(log)
    assert rows(log) == before


def test_contributions_are_handed_out_once_each() -> None:
    log = learned_in_pieces()
    handed = contributions(log)
    log.compact()
    assert handed == contributions(log)
    assert len(handed) == len(records(log, PATTERN_CONTRIBUTIONS))


def test_a_head_that_is_not_the_last_one_is_noticed() -> None:
    log = learned_in_pieces()
    log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", b"no event")])
    learn(log)
    letters = records(log, DEAD_LETTERS)
    heads = [one for one in records(log, LEARNER_CHECKPOINTS) if (one.key or b"")[-5:] == b"/head"]
    lost = heads[-1]
    log._streams[lost.topic, lost.partition].slots[lost.offset] = None

    assert "not the last one" in " ".join(learn(log))
    assert records(log, DEAD_LETTERS) == letters
