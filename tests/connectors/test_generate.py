"""Generated sessions: the same out of the same seed, plausible, and valid events."""

from collections import Counter, defaultdict
from itertools import islice, pairwise

import pytest

from connectors import generate, generate_records, generate_runs
from schemas.clock import DAY_US
from schemas.envelope import Event, from_structured, to_structured
from schemas.events import PAYLOADS, ModelCalled, TaskCompleted, ToolCalled, ToolFinished

NOT_OF_SESSIONS = {
    "motif.agent.used.v1",
    "motif.error.occurred.v1",
    "motif.interaction.observed.v1",
    "motif.log.created.v1",
    "motif.log.pruned.v1",
    "motif.settings.changed.v1",
    "motif.user.corrected.v1",
    "motif.device.probed.v1",
    "motif.discovery.started.v1",
    "motif.event.forgotten.v1",
    "motif.pattern.reviewed.v1",
    "motif.device.defined.v1",
    "motif.device.mapped.v1",
    "motif.device.restricted.v1",
    "motif.workflow.operation.asserted.v1",
    "motif.workflow.run.deleted.v1",
    "motif.workflow.run.finished.v1",
    "motif.workflow.step.finished.v1",
}


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(generate.sessions(7, 60))


def test_a_seed_gives_the_same_events_and_another_seed_others(events: list[Event]) -> None:
    again = list(generate.sessions(7, 60))
    other = list(generate.sessions(8, 60))

    assert again == events
    assert not {event.id for event in other} & {event.id for event in events}


def test_generated_events_are_valid_unique_and_never_taken_for_real(events: list[Event]) -> None:
    assert len({event.id for event in events}) == len(events)
    assert {event.source for event in events} == {"motif-demo"}
    assert all(from_structured(to_structured(event)) == event for event in events)


def test_records_of_all_four_sorts_are_valid_and_some_are_saved_again() -> None:
    events = list(generate_records.records(7, 80))

    assert list(generate_records.records(7, 80)) == events
    assert len({event.type for event in events}) == 4
    assert len({event.subject for event in events}) == 80 < len(events) < 120
    assert all(from_structured(to_structured(event)) == event for event in events)


def test_runs_are_valid_and_some_are_amended_deleted_and_asserted() -> None:
    events = list(generate_runs.workflow_runs(7, 300, amended=0.2))

    assert list(generate_runs.workflow_runs(7, 300, amended=0.2)) == events
    assert len({event.id for event in events}) == len(events)
    assert len({event.type for event in events}) == 3
    assert len({event.subject for event in events if event.revision == 1}) > 30
    assert all(from_structured(to_structured(event)) == event for event in events)


def test_sessions_hold_every_kind_of_event_there_is_of_a_session(events: list[Event]) -> None:
    kinds = Counter(event.type for event in events)

    assert set(kinds) == set(PAYLOADS) - NOT_OF_SESSIONS
    assert kinds["motif.session.started.v1"] == kinds["motif.task.completed.v1"] == 60


def test_every_call_has_its_result_later_and_its_place_in_the_order(events: list[Event]) -> None:
    sessions = defaultdict(list)
    finished = {event.id: event for event in events if isinstance(event.data, ToolFinished)}
    for event in events:
        if isinstance(event.data, ToolCalled):
            sessions[event.data.session_id].append((event, event.data))

    for calls in sessions.values():
        assert [call.seq for _, call in calls] == list(range(len(calls)))
        assert all(
            after.previous_event_id == before.id for (before, _), (_, after) in pairwise(calls)
        )
        for event, _ in calls:
            assert (finished[f"{event.id}/result"].time_us or 0) > (event.time_us or 0)
    assert sum(map(len, sessions.values())) / len(sessions) == pytest.approx(72, rel=0.1)
    failed = sum(not event.data.model_dump()["ok"] for event in finished.values())
    assert 0.02 < failed / len(finished) < 0.12


def test_some_model_calls_are_stated_twice_with_growing_tokens(events: list[Event]) -> None:
    statements = defaultdict(list)
    for event in events:
        if isinstance(event.data, ModelCalled):
            statements[event.subject].append(event.revision or 0)

    assert {len(revisions) for revisions in statements.values()} == {1, 2}
    assert all(revisions == sorted(set(revisions)) for revisions in statements.values())


def test_the_chain_has_the_transitions_it_promises() -> None:
    chain = generate._chain()

    assert len(chain) == 22
    assert sum(len(set(successors)) for successors, _ in chain) == generate.TRANSITIONS == 140
    for successors, bounds in chain:
        assert len(bounds) == len(successors) - 1
        assert list(bounds) == sorted(bounds)
        assert bounds[0] > 0
        assert bounds[-1] < 1


def test_tool_events_are_two_a_call_in_sessions_of_the_given_length() -> None:
    events = list(generate.tool_events(1, 150, session_calls=72))

    calls = [event.data for event in events if isinstance(event.data, ToolCalled)]
    assert (len(events), len(calls)) == (300, 150)
    assert list(Counter(call.session_id for call in calls).values()) == [72, 72, 6]
    assert len({event.id for event in events}) == 300
    assert events == list(generate.tool_events(1, 150))


def test_task_completions_spread_over_their_patterns_and_thirty_days() -> None:
    events = list(generate.task_completions(1, 3_000, patterns=250))

    tasks = [event.data for event in events if isinstance(event.data, TaskCompleted)]
    assert len({(task.agent, task.task_type) for task in tasks}) == 250
    assert {task.success for task in tasks} == {True, False}
    times = [event.time_us or 0 for event in events]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (generate.START_US, times[0] + 30 * DAY_US * 2_999 // 3_000)


def test_generating_is_lazy() -> None:
    """A benchmark of a million events must not hold them."""
    assert len(list(islice(generate.tool_events(1, 10**12), 4))) == 4
    assert len(list(islice(generate.task_completions(1, 10**12), 4))) == 4
