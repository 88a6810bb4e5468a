"""The tables of agent records, and their views: every field, and of each thing what is said now."""

from itertools import permutations
from typing import Any

import pytest

from schemas.clock import from_us
from schemas.envelope import Event
from schemas.events import AgentUsed, ErrorOccurred, Payload, TaskCompleted, UserCorrected
from tests.projections.world import NOON_US, World

CONTEXT: dict[str, Any] = {
    "session_id": "s",
    "user_id": "u",
    "project_name": "p",
    "environment": "production",
    "git_branch": "b",
    "git_commit": "c",
    "tags": ["x", "y"],
    "metadata": {"k": [1, None]},
    "submission": "sub",
    "context_time_us": NOON_US - 1,
}
FULL: dict[str, Payload] = {
    "task_completions": TaskCompleted(
        task_type="t",
        agent="a",
        success=False,
        duration_us=2_500,
        error_message="m",
        coverage_percent=92.5,
        **CONTEXT,
    ),
    "error_occurrences": ErrorOccurred(
        error_type="TypeError",
        error_message="m",
        stack_trace="Traceback...",
        file_path="app.py",
        line_number=42,
        function_name="process",
        resolution="cast",
        resolution_time_us=3_200,
        similar_errors_count=2,
        auto_resolved=False,
        user_intervention=True,
        **CONTEXT,
    ),
    "agent_usages": AgentUsed(
        agent_type="a",
        task_type="t",
        success=True,
        duration_us=5_400_000,
        retry_count=1,
        tools_used=["Read", "Write"],
        files_accessed=8,
        api_calls=3,
        tokens_used=4_200,
        memory_mb=125.5,
        cpu_percent=45.2,
        parallel_tasks=2,
        **CONTEXT,
    ),
    "user_corrections": UserCorrected(
        original_output="x",
        corrected_output="y",
        correction_type="type_safety",
        agent="a",
        task_type="t",
        correction_category="quality",
        user_feedback="Add hints",
        severity="moderate",
        pattern_matched="m",
        **CONTEXT,
    ),
}
every_view = pytest.mark.parametrize("view", FULL)


def stated(view: str, revision: int | None, tag: str) -> Event:
    data = FULL[view].model_copy(update={"tags": [tag]})
    if revision is None:
        return Event("src", "thing", data, NOON_US)
    return Event("src", f"thing@{revision}", data, NOON_US, "thing", revision)


@every_view
def test_a_record_keeps_every_field(world: World, view: str) -> None:
    data = FULL[view]
    world.state(Event("src", "thing@1", data, NOON_US, "thing", 1))

    (row,) = world.rows(view)

    said = data.model_dump() | {"metadata": '{"k":[1,null]}'}
    assert {name: row[name] for name in said} == said
    assert (row["event_id"], row["subject"], row["revision"]) == ("thing@1", "thing", 1)
    assert (row["happened_at"], row["context_timestamp"]) == (
        from_us(NOON_US),
        from_us(NOON_US - 1),
    )


def test_durations_are_shown_in_milliseconds_too(world: World) -> None:
    world.state(*(Event("src", view, data) for view, data in FULL.items()))

    assert world.rows("task_completions")[0]["duration_ms"] == 2.5
    assert world.rows("agent_usages")[0]["duration_ms"] == 5_400
    assert world.rows("error_occurrences")[0]["resolution_time_ms"] == 3.2


@every_view
def test_what_is_said_now_is_the_greatest_revision(world: World, view: str) -> None:
    for order in permutations((1, 7, 2)):
        world.state(*(stated(view, revision, str(revision)) for revision in order))

    assert [row["tags"] for row in world.rows(view)] == [["7"]]


def test_a_record_without_a_revision_is_statement_0_of_its_id(world: World) -> None:
    world.state(stated("agent_usages", None, "first"))
    assert [row["revision"] for row in world.rows("agent_usages")] == [0]

    world.state(stated("agent_usages", 1, "second"))
    assert [row["tags"] for row in world.rows("agent_usages")] == [["second"]]


def test_a_task_without_a_revision_stands_alone(world: World) -> None:
    """As it is learned: nothing amends it, though its id be the subject of others."""
    world.state(*(stated("task_completions", revision, "x") for revision in (None, 1, 2)))

    rows = world.rows("task_completions", order="event_id")
    assert [(row["event_id"], row["subject"], row["revision"]) for row in rows] == [
        ("thing", None, None),
        ("thing@2", "thing", 2),
    ]


def test_a_record_with_an_extension_is_read_the_long_way_alike(world: World) -> None:
    alone = Event("src", "t", FULL["task_completions"], extensions={"timetext": "noon"})
    usage = Event("src", "u@1", FULL["agent_usages"], None, "u", 1, extensions={"x": "y"})
    world.state(alone, usage)

    (task,) = world.rows("task_completions")
    (used,) = world.rows("agent_usages")
    assert (task["subject"], task["revision"], task["tags"]) == (None, None, ["x", "y"])
    assert (used["subject"], used["revision"], used["memory_mb"]) == ("u", 1, 125.5)


def test_records_belong_to_their_session_once(world: World) -> None:
    for view in FULL:
        world.state(stated(view, 1, "a"), stated(view, 2, "b"))

    (session,) = world.rows("sessions")
    assert (session["session_id"], session["events"]) == ("s", len(FULL))
