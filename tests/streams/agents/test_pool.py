"""The partitions a worker is given: restored together, learned apart."""

from connectors.logs.memory import MemoryLog
from schemas.log import Record
from schemas.topics import AGENT_EVENTS, PATTERN_CONTRIBUTIONS
from streams.agents.pool import LearnerPool
from streams.identity import found
from tests.streams.worlds import NOW, append, learn, records, tallies, world


class Counting(MemoryLog):
    """A log that counts the contributions it hands out."""

    handed = 0

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        given = super().read(topic, partition, offset, limit)
        self.handed += len(given) if topic == PATTERN_CONTRIBUTIONS.name else 0
        return given


def test_contributions_are_read_once_for_all_partitions_that_are_restored() -> None:
    log = Counting(3, clock=lambda: NOW)
    identity = found(log, "here")
    append(log, world(3))
    places = [(AGENT_EVENTS.name, partition) for partition in range(3)]
    first = LearnerPool(log, identity)
    first.assign(places)
    for one in first.tended:
        while first.step(one):
            continue
    before, log.handed = tallies(log), 0

    second = LearnerPool(log, identity)
    second.assign(places)
    for one in second.tended:
        second.step(one)

    assert log.handed == len(records(log, PATTERN_CONTRIBUTIONS)) > 0
    assert [one.learner.notices for one in second.tended] == [[], [], []]
    append(log, world(4))
    for one in second.tended:
        while second.step(one):
            continue
    again = Counting(3, clock=lambda: NOW)
    append(again, [*world(3), *world(4)])
    learn(again)
    assert before != tallies(log) == tallies(again)


def test_a_partition_that_somebody_took_rests_until_it_is_given_to_us_again() -> None:
    log = MemoryLog(1, clock=lambda: NOW)
    identity = found(log, "here")
    append(log, world(3))
    places = [(AGENT_EVENTS.name, 0)]
    pool = LearnerPool(log, identity, clock=lambda: 5.0)
    pool.assign(places)
    (one,) = pool.due()
    pool.step(one, limit=1)
    log.owner(f"learner/{AGENT_EVENTS.name}/0").close()

    assert pool.step(one) == 0
    assert one.trouble is not None
    assert pool.due() == []
    pool.assign(places)

    assert pool.due() == [one]
    assert pool.step(one) > 0
    assert one.trouble is None


def test_a_partition_that_may_be_given_away_begins_no_batch() -> None:
    log = MemoryLog(1, clock=lambda: NOW)
    pool = LearnerPool(log, found(log, "here"))
    pool.assign([(AGENT_EVENTS.name, 0)])

    pool.hurry(pool.tended)
    hurried = pool.due()
    pool.assign([(AGENT_EVENTS.name, 0)])

    assert hurried == []
    assert pool.due() == pool.tended
