"""The raw tables and their views, from events made by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.facts import Rows, collect
from schemas.clock import from_us
from schemas.envelope import Event, outgoing, to_structured
from schemas.events import (
    ErrorClass,
    InteractionObserved,
    ModelCalled,
    SessionEnded,
    SessionStarted,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserInterrupted,
    UserPrompted,
)
from schemas.fact import Payload
from schemas.log import Outgoing, Record
from schemas.topics import AGENT_EVENTS
from tests.projections.world import NOON_US, World

RAW = {"topic", "partition", "offset", "source", "event_id", "happened_at", "appended_at"}


def called(name: str = "c1", tool: str = "Bash", at_us: int | None = NOON_US) -> Event:
    data = ToolCalled(session_id="s", agent="a", tool=tool, previous_event_id="c0", seq=1)
    return Event("src", name, data, at_us)


def finished(name: str = "c1", *, ok: bool = True, at_us: int | None = NOON_US + 1_500) -> Event:
    error: ErrorClass | None = None if ok else "exit_code"
    data = ToolFinished(session_id="s", call_id=name, ok=ok, error_class=error)
    return Event("src", f"{name}/result", data, at_us)


def model_called(revision: int | None, tokens: int, subject: str = "m1") -> Event:
    data = ModelCalled(
        session_id="s", agent="a", message_id=subject, model="o", output_tokens=tokens
    )
    if revision is None:
        return Event("src", subject, data, NOON_US)
    return Event("src", f"{subject}@{revision}", data, NOON_US, subject, revision)


def test_a_call_is_one_row_with_its_result(world: World) -> None:
    world.state(called(), finished(ok=False))

    (row,) = world.rows("tool_calls")

    assert set(row) >= RAW
    assert row["called_at"] == row["happened_at"] == from_us(NOON_US)
    assert (row["topic"], row["partition"], row["offset"]) == (AGENT_EVENTS.name, 0, 0)
    assert (row["source"], row["event_id"], row["session_id"]) == ("src", "c1", "s")
    assert (row["seq"], row["previous_event_id"], row["agent"]) == (1, "c0", "a")
    assert (row["tool"], row["ok"], row["error_class"]) == ("Bash", False, "exit_code")
    assert row["duration_us"] == 1_500
    assert row["submission"] is None


def test_a_result_before_its_call_is_joined_as_well(world: World) -> None:
    world.state(finished())
    assert world.rows("tool_calls") == []

    world.state(called())

    assert [row["ok"] for row in world.rows("tool_calls")] == [True]


def test_a_call_without_a_result_is_neither_good_nor_bad(world: World) -> None:
    world.state(called(at_us=None))

    (row,) = world.rows("tool_calls")

    assert (row["ok"], row["error_class"], row["duration_us"], row["called_at"]) == (None,) * 4


def test_a_second_result_of_a_call_was_refused_and_makes_no_second_row(world: World) -> None:
    other = Event("src", "odd", ToolFinished(session_id="s", call_id="c1", ok=False), NOON_US)
    world.append(called(), other, finished())
    world.learn(refused=[2])
    world.project()

    assert [(row["event_id"], row["ok"]) for row in world.rows("tool_calls")] == [("c1", False)]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.permutations(
        [model_called(3, 30), model_called(7, 70), model_called(None, 1), model_called(2, 20)]
    )
)
def test_the_greatest_revision_wins_in_whatever_order_they_arrive(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    world = World(tmp_path_factory.mktemp("revisions"))
    for event in events:
        world.state(event)

    rows = world.rows("model_calls")
    world.close()

    assert [(row["message_id"], row["revision"]) for row in rows] == [("m1", 7)]
    assert rows[0]["output_tokens"] == 70


def test_of_two_statements_with_one_revision_the_first_stands(world: World) -> None:
    world.state(model_called(None, 1), model_called(0, 2))

    assert [row["output_tokens"] for row in world.rows("model_calls")] == [1]


def test_model_calls_have_exact_tokens_and_dollars(world: World) -> None:
    stated = ModelCalled(
        session_id="s",
        agent="a",
        message_id="m1",
        model="o",
        input_tokens=2**62,
        output_tokens=3,
        cache_read_tokens=4,
        cost_usd=Decimal("0.1234567885"),
    )
    total = ModelCalled(session_id="s", agent="a", message_id="m2", model="o", total_tokens=9)

    world.state(Event("src", "m1", stated, NOON_US), Event("src", "m2", total, NOON_US))

    first, second = world.rows("model_calls", order="message_id")
    assert first["total_tokens"] == 2**62 + 7
    assert first["cost_usd"] == Decimal("0.123456788")  # half to even
    assert (first["cache_write_tokens"], second["input_tokens"]) == (None, None)
    assert second["total_tokens"] == 9


def test_the_greatest_amount_there_is_fits(world: World) -> None:
    data = TaskCompleted(task_type="t", agent="a", success=True, cost_usd=Decimal(10**9 - 1))
    nearly = data.model_copy(update={"cost_usd": Decimal("999999999.9999999999")})

    world.state(Event("src", "1", data), Event("src", "2", nearly))

    costs = [row["cost_usd"] for row in world.rows("task_completions", order="event_id")]
    assert costs == [Decimal(999_999_999), Decimal("999999999.999999999")]


def test_a_session_counts_its_events_and_knows_what_was_stated(world: World) -> None:
    def ended(revision: int, outcome: str) -> Event:
        data = SessionEnded(session_id="s", agent="a", outcome=outcome, complete=True)
        return Event("src", f"s/end@{revision}", data, NOON_US + 9, "s/end", revision)

    world.state(
        Event("src", "s/start", SessionStarted(session_id="s", agent="boss"), NOON_US - 5),
        called(),
        finished(),
        model_called(1, 1),
        model_called(2, 2),
        Event("src", "p", UserPrompted(session_id="s", agent="a", characters=3), NOON_US),
        Event("src", "i", UserInterrupted(session_id="s", agent="a"), NOON_US),
        ended(2, "done"),
        ended(1, "unsure"),
        Event("src", "x", UserPrompted(session_id="other", agent="a"), NOON_US + 3),
    )

    other, row = world.rows("sessions", order="session_id")

    assert (row["session_id"], row["agent"], row["events"]) == ("s", "boss", 7)
    assert (row["started_at"], row["ended_at"]) == (from_us(NOON_US - 5), from_us(NOON_US + 9))
    assert (row["outcome"], row["complete"]) == ("done", True)
    assert (other["started_at"], other["ended_at"]) == (from_us(NOON_US + 3), None)
    assert (other["complete"], other["events"]) == (None, 1)
    assert (row["event_id"], row["offset"], row["happened_at"]) == (
        "s/start",
        0,
        from_us(NOON_US - 5),
    )
    assert (other["source"], other["event_id"], other["happened_at"]) == (
        "src",
        "x",
        from_us(NOON_US + 3),
    )
    assert [one["characters"] for one in world.rows("user_prompts", order="event_id")] == [3, None]
    assert len(world.rows("user_interrupts")) == 1


def test_a_task_completion_keeps_every_field(world: World) -> None:
    data = TaskCompleted(
        task_type="t",
        agent="a",
        success=False,
        duration_us=2_500,
        input_tokens=1,
        output_tokens=2,
        total_tokens=3,
        cost_usd=Decimal("0.1"),
        files_created=4,
        files_modified=5,
        tests_passed=6,
        tests_failed=7,
        lines_of_code=8,
        coverage_percent=92.5,
        retry_count=9,
        session_id="s",
        user_id="u",
        project_name="p",
        environment="staging",
        git_branch="b",
        git_commit="c",
        tags=["x", "y"],
        metadata={"k": [1, None]},
        submission="sub",
    )
    world.state(Event("src", "t1", data, NOON_US))

    (row,) = world.rows("task_completions")

    assert set(row) >= RAW
    stated = data.model_dump() | {"metadata": '{"k":[1,null]}', "cost_usd": Decimal("0.1")}
    assert {name: row[name] for name in stated} == stated
    assert row["duration_ms"] == 2.5


def test_an_interaction_keeps_every_field_and_what_is_not_known_is_null(world: World) -> None:
    full = InteractionObserved(
        session_id="s",
        user_id="u",
        task="t",
        tool_used="Bash",
        error="e",
        recovery_action="r",
        execution_time_us=5,
        method="m",
        success=True,
        metadata={"a": "ü\0"},
    )
    world.state(Event("src", "1", full, NOON_US), Event("src", "2", InteractionObserved()))

    first, second = world.rows("interactions", order="event_id")

    stated = full.model_dump() | {"metadata": '{"a":"ü\\u0000"}'}
    assert {name: first[name] for name in stated} == stated
    assert {second[name] for name in stated} == {None}
    assert second["happened_at"] is None


def test_text_with_a_null_character_survives(world: World) -> None:
    world.state(called(tool="a\0b"))

    assert [row["tool"] for row in world.rows("tool_calls")] == ["a\0b"]


def test_append_time_is_the_earlier_of_the_two(world: World) -> None:
    copied = Event("src", "c1", called().data, NOON_US, recorded_us=NOON_US - 7)
    future = Event("src", "c2", called().data, NOON_US, recorded_us=NOON_US + 7)

    world.state(copied, future)

    times = [row["appended_at"] for row in world.rows("tool_calls", order="event_id")]
    assert times == [from_us(NOON_US - 7), from_us(NOON_US)]


EVERY_TYPE: tuple[Payload, ...] = (
    ToolCalled(session_id="s", agent="a", tool="t", submission="x"),
    ToolFinished(session_id="s", call_id="c", ok=False, error_class="other"),
    ModelCalled(session_id="s", agent="a", message_id="m", model="o", cost_usd=Decimal("0.25")),
    SessionStarted(session_id="s", agent="a"),
    SessionEnded(session_id="s", agent="a", outcome="done", complete=False),
    UserPrompted(session_id="s", agent="a", characters=1),
    UserInterrupted(session_id="s", agent="a"),
    TaskCompleted(
        task_type="t",
        agent="a",
        success=True,
        coverage_percent=50,
        cost_usd=Decimal("1.5"),
        tags=["x"],
        metadata={"a": {"b": [1, 2.5, None]}},
    ),
    InteractionObserved(metadata={"k": "v"}, success=False),
)


@pytest.mark.parametrize("data", EVERY_TYPE, ids=lambda data: type(data).__name__)
def test_the_quick_way_and_the_long_way_read_the_same(data: Payload) -> None:
    """Structured mode goes through the envelope, binary mode does not; the row is one."""
    event = Event("src", "e", data, NOON_US, recorded_us=NOON_US - 1)
    binary = outgoing(event, 1)
    structured = Outgoing(
        binary.topic,
        binary.partition,
        binary.key,
        to_structured(event),
        (("content-type", b"application/cloudevents+json"),),
    )
    found = []
    for one in (binary, structured):
        rows: Rows = {}
        record = Record(one.topic, 0, 7, one.key, one.value, one.headers, NOON_US)
        assert collect([record], (), rows) == []
        ((row,),) = (found_of.rows for found_of in rows.values())
        found.append(tuple(bytes(one) if type(one).__name__ == "Raw" else one for one in row))

    assert found[0] == found[1]


def test_what_was_learned_and_cannot_be_read_is_shown_as_refused(world: World) -> None:
    world.log.append([Outgoing(AGENT_EVENTS.name, 0, b"s", b"{", (("ce_id", b"1"),))])

    world.state(called())

    assert len(world.rows("tool_calls")) == 1
    assert [(row["offset"], row["refused"]) for row in world.rows("duplicates")] == [(0, True)]


def test_an_old_version_is_read_as_todays(world: World) -> None:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"src"),
        ("ce_type", b"motif.task.completed.v0"),
        ("content-type", b"application/json"),
    )
    value = b'{"task_type":"t","agent":"a","success":true,"duration_ms":2.5}'
    world.log.append([Outgoing(AGENT_EVENTS.name, 0, b"a", value, headers)])

    world.state()

    assert [row["duration_us"] for row in world.rows("task_completions")] == [2_500]


def test_times_are_utc_whatever_the_machine_thinks(world: World, tmp_path: Path) -> None:
    late = Event("src", "c1", called().data, 1_700_006_399_999_999)
    world.state(late)

    (row,) = world.ask("SELECT called_at, called_at::DATE AS day FROM tool_calls")

    assert row["called_at"] == datetime(2023, 11, 14, 23, 59, 59, 999_999, tzinfo=UTC)
    assert row["day"] == date(2023, 11, 14)
