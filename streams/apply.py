"""One valid, new event applied to a partition's state, by its type."""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, ClassVar

from schemas.clock import DAY_US
from schemas.devices import DeviceProbed
from schemas.envelope import Event
from schemas.errors import Refused
from schemas.events import (
    AgentUsed,
    ErrorOccurred,
    EventForgotten,
    ModelCalled,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserCorrected,
)
from schemas.ids import id_hash
from schemas.workflows import (
    WorkflowOperationAsserted,
    WorkflowRunDeleted,
    WorkflowRunFinished,
    WorkflowStepFinished,
)
from streams.change import Bulk, Change
from streams.names import public_tool
from streams.recognise import (
    agent_usage,
    correction,
    device,
    error,
    error_recovery,
    model,
    task,
    task_sequence,
    tool,
    tool_usage,
)
from streams.rules import Rules
from streams.runs import FORGOTTEN, Heard, OfForgotten, RunKeeper, check_amended, heard_of
from streams.sessions import HORIZON_US, Call, Result, Session, runs_through
from streams.state import State

FUTURE_US = DAY_US
"""An event time further ahead of its append time than this is no time at all."""

_PER_US = 1 << 12
"""So many votes of one microsecond can be told apart."""

TASKS = Bulk(task.recognise, task.recognise_all)


class Applier:
    """Applies events to a state under the settings that bear on what is learned."""

    def __init__(self, state: State, rules: Rules) -> None:
        """Bind the state, and what bears on what is learned."""
        self._state = state
        self._allowed = rules.allowed_servers
        self._horizon_us = rules.horizon_us
        self._runs = RunKeeper(state, rules.operations)

    def apply(self, event: Event, offset: int, appended_us: int, identity: bytes) -> None:
        """Fold an event that is no repeat; `identity` is its id hash.

        Raises:
            Refused: a statement that comes too late to amend an earlier one.
            OfForgotten: it is about a thing that was forgotten.
        """
        data = event.data
        handler = self._handlers.get(data.type)
        if handler is None:
            return
        if event.recorded_us is not None:
            appended_us = first_appended(event, appended_us)
        handler(self, event, data, offset, appended_us, identity)

    def _tool_called(
        self, event: Event, data: ToolCalled, offset: int, appended_us: int, identity: bytes
    ) -> None:
        name = public_tool(data.tool, self._allowed)
        ordered = data.seq is not None
        call = Call(name, happened(event, appended_us), appended_us, ordered=ordered)
        previous = 0
        if ordered and data.previous_event_id:
            previous = _short(id_hash(event.source, data.previous_event_id))
        state = self._state
        session = state.call(session_key(data.session_id), _short(identity), previous, call)
        state.fold(_found_with_call(session, call), offset)

    def _tool_finished(
        self, event: Event, data: ToolFinished, offset: int, appended_us: int, _: bytes
    ) -> None:
        at_us = happened(event, appended_us)
        failure = None if data.ok else data.error_class or "other"
        result = Result(at_us, appended_us, ok=data.ok, error_class=failure)
        identity = _short(id_hash(event.source, data.call_id))
        session, call = self._state.result(session_key(data.session_id), identity, result)
        if call is not None:
            self._state.fold(_found_with_result(session, call), offset)

    def _model_called(
        self, event: Event, data: ModelCalled, offset: int, appended_us: int, _: bytes
    ) -> None:
        changes = model.recognise(data, happened(event, appended_us))
        self._amend(event, offset, appended_us, changes)

    def _task_completed(
        self, event: Event, data: TaskCompleted, offset: int, appended_us: int, _: bytes
    ) -> None:
        at_us = happened(event, appended_us)
        if event.revision is None:
            self._state.fold_later(TASKS, data, at_us, offset)
        else:
            self._correct(event, offset, appended_us, task.recognise(data, at_us))

    def _error_occurred(
        self, event: Event, data: ErrorOccurred, offset: int, appended_us: int, _: bytes
    ) -> None:
        changes = error.recognise(data, happened(event, appended_us))
        self._correct(event, offset, appended_us, changes)

    def _agent_used(
        self, event: Event, data: AgentUsed, offset: int, appended_us: int, _: bytes
    ) -> None:
        changes = agent_usage.recognise(data, happened(event, appended_us), self._allowed)
        self._correct(event, offset, appended_us, changes)

    def _user_corrected(
        self, event: Event, data: UserCorrected, offset: int, appended_us: int, _: bytes
    ) -> None:
        changes = correction.recognise(data, happened(event, appended_us))
        self._correct(event, offset, appended_us, changes)

    def _run_finished(
        self, event: Event, data: WorkflowRunFinished, offset: int, appended_us: int, _: bytes
    ) -> None:
        if event.extensions:
            check_amended(event, self._horizon_us)
        self._runs.finished(_heard(event, data.run_id, offset, appended_us), data)

    def _run_deleted(
        self, event: Event, data: WorkflowRunDeleted, offset: int, appended_us: int, _: bytes
    ) -> None:
        self._runs.deleted(_heard(event, data.run_id, offset, appended_us))

    def _operation_asserted(
        self, event: Event, data: WorkflowOperationAsserted, offset: int, appended_us: int, _: bytes
    ) -> None:
        self._runs.asserted(_heard(event, data.run_id, offset, appended_us), data.signature)

    def _device_probed(
        self, event: Event, data: DeviceProbed, offset: int, appended_us: int, identity: bytes
    ) -> None:
        at_us = happened(event, appended_us)
        self._state.fold(device.recognise(data, at_us), offset)
        if changes := device.vote(data):
            voted_us = appended_us if at_us is None else at_us
            # Of two at one time, whichever order they come in, the same one counts.
            revision = voted_us * _PER_US + int.from_bytes(identity[:8], "little") % _PER_US
            self._vote(id_hash("", data.partition_key()), revision, offset, appended_us, changes)

    def _step_finished(
        self, event: Event, data: WorkflowStepFinished, _: int, __: int, ___: bytes
    ) -> None:
        self._runs.mentioned(id_hash(event.source, data.run_id))

    def _forgotten(
        self, _: Event, data: EventForgotten, offset: int, appended_us: int, __: bytes
    ) -> None:
        self._runs.forgotten(Heard(bytes.fromhex(data.thing), FORGOTTEN, None, offset, appended_us))

    def _correct(self, event: Event, offset: int, appended_us: int, changes: list[Change]) -> None:
        """Fold a statement that may correct an earlier one, unless its source was too late."""
        check_amended(event, self._horizon_us)
        self._amend(event, offset, appended_us, changes, anytime=True)

    def _vote(
        self, voter: bytes, revision: int, offset: int, appended_us: int, changes: list[Change]
    ) -> None:
        """Fold what somebody says who has one vote, in place of a smaller revision of it."""
        state = self._state
        voted = state.statement(voter)
        if voted is not None:
            if voted[0] >= revision:
                return
            state.unfold(voted[2], offset, voter)
        state.amend(voter, revision, appended_us, changes)
        state.fold(changes, offset, voter)

    def _amend(
        self,
        event: Event,
        offset: int,
        appended_us: int,
        changes: list[Change],
        *,
        anytime: bool = False,
    ) -> None:
        """Fold a statement about an amendable thing, in place of a smaller one."""
        state = self._state
        thing = id_hash(event.source, event.thing)
        revision = event.revision or 0
        stated = state.statement(thing)
        if stated is not None:
            earlier, earlier_us, replaced = stated
            if earlier == FORGOTTEN:
                raise OfForgotten
            if earlier >= revision:
                return
            if not anytime and abs(appended_us - earlier_us) > HORIZON_US:
                detail = f"revision {revision} comes more than 35 days after revision {earlier}"
                raise Refused("amended_too_late", detail)
            state.unfold(replaced, offset, thing)
        state.amend(thing, revision, appended_us, changes)
        state.fold(changes, offset, thing)

    # Of the class: in an object its own methods would keep it, with all that was learned.
    _handlers: ClassVar[dict[str, Callable[["Applier", Event, Any, int, int, bytes], None]]] = {
        ToolCalled.type: _tool_called,
        ToolFinished.type: _tool_finished,
        ModelCalled.type: _model_called,
        TaskCompleted.type: _task_completed,
        ErrorOccurred.type: _error_occurred,
        AgentUsed.type: _agent_used,
        UserCorrected.type: _user_corrected,
        WorkflowRunFinished.type: _run_finished,
        WorkflowRunDeleted.type: _run_deleted,
        WorkflowOperationAsserted.type: _operation_asserted,
        DeviceProbed.type: _device_probed,
        WorkflowStepFinished.type: _step_finished,
        EventForgotten.type: _forgotten,
    }


def first_appended(event: Event, appended_us: int) -> int:
    """When a record was first appended: by this log, or by the one it was copied from."""
    return appended_us if event.recorded_us is None else min(appended_us, event.recorded_us)


def happened(event: Event, appended_us: int) -> int | None:
    """When it happened, or None where that is not stated or lies in the future."""
    at_us = event.time_us
    return None if at_us is None or at_us > appended_us + FUTURE_US else at_us


def _heard(event: Event, run_id: str, offset: int, appended_us: int) -> Heard:
    thing, at_us = id_hash(event.source, run_id), happened(event, appended_us)
    return heard_of((thing, event.revision or 0, at_us, offset, appended_us))


def session_key(session_id: str) -> int:
    """64 bits that stand for a session."""
    return int.from_bytes(blake2b(session_id.encode(), digest_size=8).digest(), "little")


def _short(identity: bytes) -> int:
    return int.from_bytes(identity[:8], "little")


def _found_with_call(session: Session, call: Call) -> Iterator[Change]:
    """What became complete because this call arrived, perhaps after its result or successors."""
    yield tool.of_call(call)
    for tools, last, before in runs_through(call):
        if len(tools) < task_sequence.SHORTEST:
            yield tool_usage.of_pair(session, before, last)
            if before.ok is False:
                yield error_recovery.of_pair(before, last)
        else:
            yield task_sequence.of_path(session, tools, last)
    if call.ok is not None:
        yield tool.of_result(call)
        if session.errors:
            yield from error_recovery.decided_by(call)


def _found_with_result(session: Session, call: Call) -> Iterator[Change]:
    """What became complete because the result of a known call arrived."""
    yield tool.of_result(call)
    if call.ok is False:
        for after in call.next:
            yield error_recovery.of_pair(call, after)
    if session.errors:
        yield from error_recovery.decided_by(call)
