"""What is held is compared with the log until it is whole, whatever the stream passed over."""

from connectors.logs.memory import MemoryLog
from schemas.topics import PATTERN_CONTRIBUTIONS
from streams.agents.federating import Audit
from streams.agents.held import HeldPartition
from streams.contribution import encode, outgoing

OWNER = "site/log/agent-events/0"


def log_of(*patterns: str) -> MemoryLog:
    log = MemoryLog(1)
    add(log, *patterns)
    return log


def add(log: MemoryLog, *patterns: str, offset: int = 1) -> None:
    for name in patterns:
        identity, value = encode(("tool", name), OWNER, (1, 0), offset, b'{"n":1}')
        log.append([outgoing(identity, OWNER, value, "site", 1)])


def hold(log: MemoryLog, held: HeldPartition, start: int, end: int) -> None:
    for record in log.read(PATTERN_CONTRIBUTIONS.name, 0, start, end - start):
        held.take(record.value or b"", record.headers)


def test_what_was_held_is_not_read_again() -> None:
    log, held = log_of("a", "b", "c"), HeldPartition(lambda _: None)
    hold(log, held, 0, 3)
    audit = Audit(log, 0)

    assert audit.passed_over(held, 3) is None
    assert (audit.held_below, audit.is_behind) == (3, False)


def test_a_contribution_behind_which_the_stream_went_on_was_passed_over() -> None:
    log, held = log_of("a", "b", "c"), HeldPartition(lambda _: None)
    hold(log, held, 0, 1)
    hold(log, held, 2, 3)

    assert Audit(log, 0).passed_over(held, 3) == 1


def test_a_contribution_that_is_on_its_way_was_not_passed_over() -> None:
    log, held = log_of("a", "b", "c", "d"), HeldPartition(lambda _: None)
    hold(log, held, 0, 1)
    audit = Audit(log, 0)

    assert audit.passed_over(held, 1) is None
    assert audit.is_behind
    hold(log, held, 1, 2)
    assert audit.passed_over(held, 2) is None
    hold(log, held, 2, 4)
    assert audit.passed_over(held, 4) is None
    assert not audit.is_behind


def test_a_stream_that_stands_still_before_a_contribution_is_told_to_read_it() -> None:
    log, held = log_of("a", "b"), HeldPartition(lambda _: None)
    audit = Audit(log, 0)

    assert audit.passed_over(held, 0) is None
    assert audit.passed_over(held, 0) == 0


def test_what_came_since_is_compared_too() -> None:
    log, held = log_of("a"), HeldPartition(lambda _: None)
    hold(log, held, 0, 1)
    audit = Audit(log, 0)
    assert audit.passed_over(held, 1) is None

    add(log, "a", offset=2)

    assert audit.passed_over(held, 2) == 1
