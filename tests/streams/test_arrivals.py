"""What append times, contradictions and what is no event do to a learner."""

from collections.abc import Sequence
from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.generate import sessions
from connectors.logs.memory import MemoryLog
from schemas.clock import DAY_US
from schemas.envelope import Event, outgoing, to_binary
from schemas.events import (
    PAYLOADS,
    ModelCalled,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserPrompted,
)
from schemas.fact import Payload
from schemas.log import Headers, Outgoing
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS
from streams.sessions import HORIZON_US
from tests.streams.faulty import outcome
from tests.streams.worlds import (
    NOW,
    append,
    cases,
    disorder,
    learn,
    log_of,
    numbers,
    reached,
    records,
    tallies,
)

SOURCE = "arrivals"


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self) -> int:
        return self.now


def event(name: str, data: Payload, at_us: int | None = NOW) -> Event:
    return Event(SOURCE, name, data, at_us)


def call(name: str, previous: str | None = None, tool: str = "Read") -> Event:
    data = ToolCalled(
        session_id="s",
        agent="a",
        tool=tool,
        previous_event_id=previous,
        seq=0 if not previous else 1,
    )
    return event(name, data)


def result(name: str, *, ok: bool = True) -> Event:
    return event(f"{name}/result", ToolFinished(session_id="s", call_id=name, ok=ok))


def statement(revision: int, tokens: int, at_us: int | None = NOW) -> Event:
    data = ModelCalled(
        session_id="s", agent="a", message_id="m", model="opus", output_tokens=tokens
    )
    return Event(SOURCE, f"m@{revision}", data, at_us, "m", revision)


def learned(moments: Sequence[tuple[int, Event]]) -> MemoryLog:
    """A log with each event appended at its own moment, learned."""
    clock = Clock()
    log = MemoryLog(1, clock=clock)
    for moment, one in moments:
        clock.now = moment
        append(log, [one])
    learn(log)
    return log


def counted(log: MemoryLog) -> tuple[int, int]:
    """How many facts wait, and how many were too late."""
    [said] = reached(log)
    return said["waiting"], said["late"]


PAIRS = {
    "call, result": (call("a"), result("a"), ("tool", "Read"), "successes"),
    "result, call": (result("a"), call("a"), ("tool", "Read"), "successes"),
    "call, next call": (call("a"), call("b", "a"), ("tool_usage", "Read", "Read"), "occurrences"),
    "next call, call": (call("b", "a"), call("a"), ("tool_usage", "Read", "Read"), "occurrences"),
}


@pytest.mark.parametrize(("first", "second", "pattern", "number"), PAIRS.values(), ids=PAIRS)
def test_two_facts_are_joined_up_to_35_days_apart_and_not_a_microsecond_more(
    first: Event, second: Event, pattern: tuple[str, ...], number: str
) -> None:
    joined = learned([(NOW, first), (NOW + HORIZON_US, second)])
    assert numbers(tallies(joined)[pattern])[number] == 1
    assert counted(joined) == (0, 0)
    apart = learned([(NOW, first), (NOW + HORIZON_US + 1, second)])
    assert pattern not in tallies(apart) or numbers(tallies(apart)[pattern])[number] == 0
    assert counted(apart) == (0, 1)


def test_what_else_the_partition_holds_does_not_make_a_fact_late() -> None:
    later = event("x", UserPrompted(session_id="s", agent="a"))
    copied = Event(SOURCE, "b", call("b", "a").data, NOW, recorded_us=NOW + 1)
    log = learned([(NOW, call("a")), (NOW + 2 * HORIZON_US, later), (NOW + 3 * HORIZON_US, copied)])
    assert ("tool_usage", "Read", "Read") in tallies(log)
    assert counted(log) == (0, 0)


def test_a_time_is_none_when_it_lies_more_than_a_day_ahead_of_the_append() -> None:
    prompt = TaskCompleted(agent="a", task_type="t", success=True)
    ahead = [event(str(us), prompt, NOW + DAY_US + us) for us in (0, 1)]
    recorded = Event(SOURCE, "copied", prompt, NOW, recorded_us=NOW - DAY_US - 1)
    log = learned([(NOW, one) for one in (*ahead, recorded)])
    found = numbers(tallies(log)["task", "a", "t"])
    assert (found["occurrences"], found["undated"]) == (3, 2)
    assert found["first_us"] == found["last_us"] == NOW + DAY_US


def test_facts_wait_for_their_partners_and_then_do_not() -> None:
    log = log_of(1)
    facts = [call("c", "b"), result("b", ok=False), result("never"), call("b", "a"), call("a")]
    waiting = []
    for fact in facts:
        append(log, [fact])
        learn(log)
        waiting.append(counted(log)[0])
    assert waiting == [1, 2, 3, 2, 1]


@pytest.mark.parametrize("seed", range(cases(3)))
def test_nothing_waits_or_is_late_when_all_has_come_in_any_order(seed: int) -> None:
    log = log_of(4)
    append(log, disorder(seed, list(sessions(seed, 4)), most=1))
    learn(log)
    assert {(said["waiting"], said["late"]) for said in reached(log)} == {(0, 0)}


def test_a_statement_replaces_a_smaller_one_for_35_days_and_is_then_a_letter() -> None:
    in_time = learned([(NOW, statement(1, 10)), (NOW + HORIZON_US, statement(2, 30))])
    assert tallies(in_time)["model", "a", "opus"].measures["output_tokens"].total == 30
    late = learned([(NOW, statement(1, 10)), (NOW + HORIZON_US + 1, statement(2, 30))] * 2)
    assert tallies(late)["model", "a", "opus"].measures["output_tokens"].total == 10
    [letter] = records(late, DEAD_LETTERS)
    assert dict(letter.headers)["reason"] == b"amended_too_late"
    assert reached(late)[0]["refused"] == 1


def test_of_two_statements_of_one_revision_the_first_stands() -> None:
    """Without a revision an event is statement 0 about its own id: two ids for one statement."""
    alone = statement(0, 30)
    facts = [
        Event(SOURCE, "m", alone.data, NOW),
        Event(SOURCE, "m@0", statement(0, 7).data, NOW, "m", 0),
    ]
    for first, second in (facts, facts[::-1]):
        total = tallies(learned([(NOW, first), (NOW, second)]))["model", "a", "opus"]
        said = first.data.model_dump()["output_tokens"]
        assert (total.occurrences, total.measures["output_tokens"].total) == (1, said)


def test_a_smaller_statement_is_superseded_however_late_it_comes() -> None:
    log = learned([(NOW, statement(2, 30)), (NOW + 2 * HORIZON_US, statement(1, 10))])
    assert tallies(log)["model", "a", "opus"].measures["output_tokens"].total == 30
    assert records(log, DEAD_LETTERS) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_several_results_of_one_call_the_first_stands_and_the_others_are_letters(
    order: tuple[int, ...],
) -> None:
    """An id that is not the call's with `/result` makes a second result another event."""
    other = Event(SOURCE, "other", result("a", ok=False).data, NOW)
    facts = [call("a"), result("a"), other]
    log = learned([(NOW, facts[place]) for place in order])
    first = min(order.index(1), order.index(2))
    found = numbers(tallies(log)["tool", "Read"])
    assert (found["successes"], found["failures"]) == ((1, 0) if order[first] == 1 else (0, 1))
    assert counted(log) == (0, 0)
    [letter] = records(log, DEAD_LETTERS)
    assert dict(letter.headers)["reason"] == b"already_finished"
    again = log_of(1)
    for fact in (facts[place] for place in order):
        append(again, [fact])
        learn(again)  # restores between every two
    assert outcome(again) == outcome(log)


def test_two_refused_events_of_equal_data_are_two_letters() -> None:
    """In binary mode what tells them apart stands in headers; neither may be lost."""
    log = log_of(1)
    for name in ("one", "two", "one"):
        head, value = to_binary(event(name, UserPrompted(session_id="s", agent="a"), None))
        wrong: Headers = (*head, ("ce_time", b"yesterday"))
        log.append([Outgoing(AGENT_EVENTS.name, 0, b"s", value, wrong)])
    learn(log)
    letters = records(log, DEAD_LETTERS)
    kept = [dict(msgspec.json.decode(dict(one.headers)["headers"])) for one in letters]
    assert len({one["ce_id"] for one in kept}) == len(letters) == 2
    assert reached(log)[0]["repeats"] == 1


def test_misplaced_records_are_letters_and_no_repeats_of_the_placed() -> None:
    log = log_of(4)
    placed = outgoing(call("a"), 4)
    log.append([placed._replace(partition=(placed.partition + 1) % 4), placed])
    learn(log)
    [letter] = records(log, DEAD_LETTERS)
    assert dict(letter.headers)["reason"] == b"misplaced"
    assert sum(said["repeats"] for said in reached(log)) == 0
    assert tallies(log)["tool", "Read"].occurrences == 1


texts = st.sampled_from(
    [b"", b"1.0", b"x", b"\xff", b"2026-01-01T00:00:00Z", b"2026-01-01T00:00:00", b"-1", b"9" * 30]
) | st.binary(max_size=8)
names = ["ce_specversion", "ce_id", "ce_source", "ce_time", "ce_subject", "ce_revision", "ce_x"]
names += ["content-type", "ce_recordedtime", "ce_", "ce_data", "x"]
head = st.dictionaries(st.sampled_from(names), texts)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
fields = st.sampled_from(sorted({name for one in PAYLOADS.values() for name in one.model_fields}))
bodies = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"[" * 100_000, b'{"metadata":' * 5_000 + b"1" + b"}" * 5_000, b"null"]),
    st.dictionaries(fields, values).map(msgspec.json.encode),
)


@settings(max_examples=cases(150))
@given(head, st.sampled_from([name.encode() for name in PAYLOADS]) | texts, bodies)
def test_no_record_whatsoever_stops_a_partition(
    headers: dict[str, bytes], stated: bytes, body: bytes
) -> None:
    base = {"ce_specversion": b"1.0", "ce_id": b"x", "ce_source": b"s"}
    base["content-type"] = b"application/json"
    wild = (*(base | headers).items(), ("ce_type", stated))
    log = log_of(1)
    log.append([Outgoing(AGENT_EVENTS.name, 0, None, body, wild)] * 2)
    append(log, [call("a")])
    learn(log)
    assert reached(log)[0]["position"] == 3
    assert tallies(log)["tool", "Read"].occurrences == 1
    assert len(records(log, DEAD_LETTERS)) <= 1


@settings(max_examples=cases(100))
@given(st.sampled_from(list(PAYLOADS.values())), st.data())
def test_no_valid_event_whatsoever_stops_a_partition(
    payload: type[Payload], data: st.DataObject
) -> None:
    """Unknown fields and free metadata may hold any JSON, of any depth that can be read."""
    deep: object = data.draw(values)
    for _ in range(data.draw(st.sampled_from([0, 50, 190, 500]))):
        deep = [deep]
    known = {"session_id": "s", "agent": "a", "tool": "Read", "task_type": "t", "success": True}
    known |= {"metadata": {"deep": deep}, "unknown": deep, "call_id": "c", "ok": True}
    known |= {"message_id": "m", "model": "opus"}
    head_of, _ = to_binary(event("e", UserPrompted(session_id="s", agent="a")))
    named = tuple((n, c) for n, c in head_of if n != "ce_type")
    log = log_of(1)
    body = msgspec.json.encode(known)
    typed = (*named, ("ce_type", payload.type.encode()))
    log.append([Outgoing(AGENT_EVENTS.name, 0, b"s", body, typed)])
    append(log, [call("a")])
    learn(log)
    assert reached(log)[0]["position"] == 2
    assert ("tool", "Read") in tallies(log)
