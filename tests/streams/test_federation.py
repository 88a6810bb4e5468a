"""A federated row is a function of the contributions alone, in whatever order they come."""

from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import Any

import msgspec
import pytest

from connectors.logs.memory import MemoryLog
from motif.federation import Carried, TakenIn, contributions, take_in
from schemas.ids import pattern_id, signature
from schemas.log import Log, Outgoing
from schemas.topics import LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS, PATTERNS
from streams.contribution import EMPTY, Contribution, encode, outgoing
from streams.federator import Federator
from streams.identity import Identity
from streams.tally import Tally
from tests.streams.worlds import (
    NOW,
    append,
    bring,
    cases,
    contributor,
    disorder,
    federate,
    learn,
    log_of,
    records,
    rows,
    world,
)

READ = ("tool", "Read")
HERE = Identity("here", "log-of-here", "here")


def tally(occurrences: int, measure: str = "latency") -> bytes:
    made = Tally()
    for _ in range(occurrences):
        made.fold(NOW, 1, 1, 0)
        made.measure(measure, 5)
    return made.encode()


def said(
    site: str,
    offset: int,
    content: bytes,
    *,
    epoch: tuple[int, int] = (1, 0),
    pattern: tuple[str, ...] = READ,
) -> Carried:
    """What a site's learner contributed about a pattern."""
    return Carried(encode(pattern, str(contributor(site, 0)), epoch, offset, content)[1], site)


def taken(log: Log, brought: Sequence[Carried]) -> TakenIn:
    """Take in one after the other, each time by a federator that has just been started."""
    total = TakenIn()
    for one in brought:
        federators = [Federator(log, partition) for partition in range(log.partitions)]
        result = take_in(log, federators, HERE, [one])
        for name in ("taken", "known", "forked", "refused"):
            setattr(total, name, getattr(total, name) + getattr(result, name))
        federate(log)
    return total


def whole_rows(log: Log) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(record.value)
        for record in records(log, PATTERNS)
        if record.value is not None
    ]


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize(
    "order",
    list(
        permutations(
            [
                said("a", 9, tally(5)),
                said("a", 10, tally(7)),
                said("a", 3, tally(2), epoch=(1, 1)),
                said("b", 4, tally(1)),
            ]
        )
    ),
)
def test_the_greatest_version_of_each_contributor_is_what_counts(order: list[Carried]) -> None:
    """A greater epoch is greater, however small its offset."""
    log = log_of(2)
    taken(log, order)
    [row] = whole_rows(log)
    assert (row["occurrences"], row["contributor_count"], row["site_count"]) == (3, 2, 2)
    at_once = log_of(2)
    take_in(at_once, [Federator(at_once, at) for at in (0, 1)], HERE, order)
    federate(at_once)
    assert whole_rows(at_once) == [row]


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("last", [[], [said("a", 11, tally(9))]])
@pytest.mark.parametrize(
    "order",
    list(permutations([said("a", 9, tally(5)), said("a", 9, tally(6)), said("b", 4, tally(1))])),
)
def test_a_fork_is_shown_and_excluded_until_a_greater_version_comes(
    order: list[Carried], last: list[Carried]
) -> None:
    log = log_of(1)
    taken(log, [*order, order[0], order[1], *last, *order])
    [row] = whole_rows(log)
    forked = [] if last else [str(contributor("a", 0))]
    assert (row["occurrences"], row["forks"]) == (10 if last else 1, forked)
    handed_on = {one.value for one in contributions(log)}
    assert not handed_on & {order[0].value, order[1].value} - {said("b", 4, tally(1)).value}


@pytest.mark.usefixtures("either_log")
def test_a_pattern_of_which_nothing_but_a_fork_is_known_has_no_row() -> None:
    log = log_of(1)
    taken(log, [said("a", 9, tally(5)), said("a", 9, tally(6))])
    assert whole_rows(log) == []


@pytest.mark.usefixtures("either_log")
def test_an_empty_contribution_takes_back_what_was_said() -> None:
    log = log_of(1)
    taken(log, [said("a", 9, tally(5)), said("b", 1, tally(2))])
    taken(log, [said("a", 12, EMPTY, epoch=(2, 0))])
    assert [row["occurrences"] for row in whole_rows(log)] == [2]
    taken(log, [said("b", 12, EMPTY, epoch=(2, 0)), said("a", 9, tally(5))])
    assert whole_rows(log) == []
    [tomb] = records(log, PATTERNS)
    assert tomb.value is None


@pytest.mark.usefixtures("either_log")
def test_taking_in_again_changes_nothing() -> None:
    brought = [said("a", 9, tally(5)), said("b", 1, tally(2))]
    log = log_of(2)
    assert taken(log, brought) == TakenIn(taken=2)
    ends = [log.end(topic.name, 0) for topic in (PATTERN_CONTRIBUTIONS, PATTERNS)]
    assert taken(log, brought * 3) == TakenIn(known=6)
    assert ends == [log.end(topic.name, 0) for topic in (PATTERN_CONTRIBUTIONS, PATTERNS)]


def with_id(carried: Carried, identity: str) -> Carried:
    document = msgspec.json.decode(carried.value) | {"pattern_id": identity}
    return Carried(msgspec.json.encode(document), carried.label)


BAD = {
    "no JSON": Carried(b"?", "a"),
    "no contribution": Carried(b"{}", "a"),
    "no tally": said("a", 1, b"[]"),
    "an impossible tally": said("a", 1, b'{"occurrences":1}'),
    "the id of another pattern": with_id(said("a", 1, tally(1)), pattern_id("tool", "Edit")),
    "no id": with_id(said("a", 1, tally(1)), "../x"),
    "no contributor": Carried(encode(READ, "a/b", (1, 0), 1, tally(1))[1], "a"),
}


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_cannot_be_a_contribution_is_refused(bad: Carried) -> None:
    log = log_of(1)
    assert taken(log, [bad, said("a", 1, tally(3))]) == TakenIn(taken=1, refused=1)
    assert [row["occurrences"] for row in whole_rows(log)] == [3]


@pytest.mark.usefixtures("either_log")
def test_what_claims_to_be_ones_own_is_not_taken_in() -> None:
    log = log_of(1)
    assert taken(log, [said("here", 10**9, tally(3))]) == TakenIn(known=1)
    assert whole_rows(log) == []


STRANGE = {
    "a kind of a later version": (("mood", "sunny", "rain"), "latency"),
    "a measure of a later version": (READ, "gravity"),
    "more parts than today": (("tool", "Read", "twice"), "latency"),
    "fewer parts than today": (("model", "opus"), "cost"),
}


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize(("pattern", "measure"), STRANGE.values(), ids=STRANGE)
def test_what_a_later_version_contributes_has_a_row_too(
    pattern: tuple[str, ...], measure: str
) -> None:
    log = log_of(1)
    taken(log, [said("a", 1, tally(3, measure), pattern=pattern, epoch=(9, 0))])
    [row] = whole_rows(log)
    assert row["signature"] == signature(*pattern[1:])
    assert [one["measure"] for one in row["measures"]] == [measure]


@pytest.mark.usefixtures("either_log")
def test_records_that_are_no_contributions_are_passed_over() -> None:
    log = log_of(1)
    name = PATTERN_CONTRIBUTIONS.name
    identity = pattern_id("tool", "Read")
    for value in (b"", b"?", b"{}", b"null", said("x", 1, b"[]").value):
        log.append([Outgoing(name, 0, f"{identity}/{value!r}".encode(), value)])
    taken(log, [said("a", 1, tally(3))])
    assert [row["occurrences"] for row in whole_rows(log)] == [3]


@pytest.mark.usefixtures("either_log")
@pytest.mark.parametrize("seed", range(cases(10)))
def test_rows_are_a_function_of_what_was_said_wherever_a_federator_restarts(seed: int) -> None:
    rng = Random(seed)
    heard = [
        said(
            rng.choice("abc"),
            rng.randint(0, 3),
            rng.choice([EMPTY, tally(1), tally(2)]),
            pattern=("tool", rng.choice(("Read", "Edit", "Bash"))),
        )
        for _ in range(rng.randint(5, 40))
    ]
    log, at_once = log_of(1), log_of(1)
    federator = Federator(log, 0)
    for one in heard:
        if rng.random() < 0.3:
            federator = Federator(log, 0)
        take_in(log, [federator], HERE, [one])
        if rng.random() < 0.4:
            federator.step()
    federator.step()
    rng.shuffle(heard)
    take_in(at_once, [Federator(at_once, 0)], HERE, heard)
    federate(at_once)
    by_id = {row["pattern_id"]: row for row in whole_rows(at_once)}
    assert {row["pattern_id"]: row for row in whole_rows(log)} == by_id


def test_a_federator_whose_contributions_were_made_anew_writes_all_rows_again() -> None:
    """Its position then lies behind the end, and says nothing."""
    log, again = learned_world(), log_of(1)
    for topic in (LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS):
        for one in records(log, topic):
            if topic is LEARNER_CHECKPOINTS or one.value != EMPTY:
                again.append([Outgoing(one.topic, 0, one.key, one.value, one.headers)])
    assert again.end(PATTERN_CONTRIBUTIONS.name, 0) < log.end(PATTERN_CONTRIBUTIONS.name, 0)
    federate(again)
    assert rows(again) == rows(log)


def learned_world() -> MemoryLog:
    log = log_of(1)
    events = disorder(1, world(1), most=1)
    for at in range(0, len(events), 20):
        append(log, events[at : at + 20])
        learn(log)
    return log


@pytest.mark.usefixtures("either_log")
def test_contributions_travel_round_a_ring_of_sites_and_come_to_rest() -> None:
    logs = [log_of(1), log_of(2), log_of(3)]
    for number, log in enumerate(logs):
        append(log, world(number))
        learn(log, f"site-{number}")
    ends = []
    for _ in range(4):
        for number, target in enumerate(logs):
            bring(logs[number - 1], target, f"site-{number}")
        ends.append([log.end(PATTERN_CONTRIBUTIONS.name, 0) for log in logs])
    assert ends[-1] == ends[-2]
    assert rows(logs[0]) == rows(logs[1]) == rows(logs[2])


def test_a_record_of_a_contribution_says_where_it_belongs() -> None:
    content = said("a", 3, tally(2))
    document = msgspec.json.decode(content.value, type=Contribution)
    record = outgoing(document.pattern_id, document.contributor, content.value, "a", 4)
    assert record.key == f"{document.pattern_id}/{contributor('a', 0)}".encode()
    assert document.version == (1, 0, 3)
