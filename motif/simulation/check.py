"""What must be so at the end of every simulation; each check says in a sentence what is not."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from motif.simulation.delivery import Delivery
from motif.simulation.log import SimulatedLog
from motif.simulation.oracle import Oracle
from motif.simulation.told import Told
from schemas.log import Record
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    EVENT_DUPLICATES,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    Topic,
)
from streams.contribution import Contributor, decode
from streams.federator import Federator
from streams.identity import Identity
from streams.learner import Learner
from streams.rules import Rules
from streams.tally import Tally

_KINDS = frozenset({"tool", "tool_usage", "task_sequence", "task", "model"})
"""What the oracle knows."""


def difference(log: SimulatedLog, delivery: Delivery, identity: Identity) -> str | None:
    """The first thing that is not as it must be."""
    return next(_differences(log, delivery, identity), None)


def _differences(log: SimulatedLog, delivery: Delivery, identity: Identity) -> Iterator[str]:
    oracle = Oracle(identity.allowed_servers)
    refused = _hear(log, delivery, oracle)
    found = _learned(log)
    for pattern in sorted(oracle.facts.keys() | found.keys()):
        stated = _numbers(found.get(pattern, Tally()))
        if stated != oracle.numbers(pattern):
            yield f"{':'.join(pattern)} was learned as {stated}, and is {oracle.numbers(pattern)}"
    yield from _letters(log, refused)
    again = _from_nothing(log, identity)
    for topic in (PATTERN_CONTRIBUTIONS, EVENT_DUPLICATES, PATTERNS):
        yield from _unlike(topic, _standing(log, topic), _standing(again, topic))


def _hear(log: SimulatedLog, delivery: Delivery, oracle: Oracle) -> set[str]:
    """Tell the oracle what stands in the log; where records stand that must be refused."""
    refused: set[str] = set()
    for partition in range(log.partitions):
        told: list[Told] = []
        known: set[tuple[object, ...]] = set()
        for record in log.all_of(AGENT_EVENTS, partition):
            event = delivery.events.get((partition, record.key, record.value, record.headers))
            if event is not None:
                told.append(Told(event, record.offset, record.appended_at_us))
            elif (record.value, record.headers) not in known:
                known.add((record.value, record.headers))
                refused.add(f"{AGENT_EVENTS.name}/{partition}/{record.offset}")
        for offset in oracle.hear(told):
            refused.add(f"{AGENT_EVENTS.name}/{partition}/{offset}")
    return refused


def _learned(log: SimulatedLog) -> dict[tuple[str, ...], Tally]:
    found: dict[tuple[str, ...], Tally] = {}
    for record in log.last_of(PATTERN_CONTRIBUTIONS).values():
        said = decode(record.value or b"")
        if said.kind in _KINDS and not said.is_empty:
            found[said.pattern] = found.get(said.pattern, Tally()) + said.learned()
    return found


def _numbers(tally: Tally) -> dict[str, Any]:
    """A tally as the oracle states it."""
    return {
        "counts": [tally.occurrences, tally.successes, tally.failures],
        "undated": tally.undated,
        "seen": [tally.first_us, tally.last_us],
        "sessions": tally.extra.get("sessions", 0),
        "days": tally.days.to_json(),
        "measures": {
            name: [one.n, one.total, one.minimum, one.maximum]
            for name, one in sorted(tally.measures.items())
        },
    }


def _letters(log: SimulatedLog, refused: set[str]) -> Iterator[str]:
    """One letter for whatever is refused, however often it came."""
    letters = Counter(
        dict(record.headers).get("origin", b"").decode()
        for partition in range(log.partitions)
        for record in log.all_of(DEAD_LETTERS, partition)
    )
    for origin in sorted(letters.keys() | refused):
        wanted = int(origin in refused)
        if letters[origin] != wanted:
            yield f"the record at {origin} has {letters[origin]} letters, and must have {wanted}"


def _from_nothing(log: SimulatedLog, identity: Identity) -> SimulatedLog:
    """The same input, learned in one go by people to whom nothing happens."""
    again = log.input_alone()
    for partition in range(again.partitions):
        of = Contributor(identity.site_id, identity.log_id, AGENT_EVENTS.name, partition)
        rules = Rules.of(identity)
        learner = Learner(again, of, rules, label=identity.label)
        while learner.step():
            continue
    for partition in range(again.partitions):
        while Federator(again, partition).step():
            continue
    return again


def _standing(log: SimulatedLog, topic: Topic) -> Mapping[bytes, Record]:
    """What stands on a topic; that a pattern is made no longer is the same as never having been."""
    last = log.last_of(topic)
    if topic is not PATTERN_CONTRIBUTIONS:
        return last
    return {key: one for key, one in last.items() if not decode(one.value or b"").is_empty}


def _unlike(
    topic: Topic, standing: Mapping[bytes, Record], again: Mapping[bytes, Record]
) -> Iterator[str]:
    for key in sorted(standing.keys() | again.keys()):
        mine, other = standing.get(key), again.get(key)
        if (mine and mine.value) != (other and other.value):
            stands, wanted = mine and mine.value, other and other.value
            yield f"{key.decode()} on {topic.name} is {stands!r}, learned from nothing {wanted!r}"
