"""The raw tables: one for every type of learned event, one row for every fact that was learned.

An event type is read twice in this house. The learner validates it strictly; what it refuses it
names on `event.duplicates`. What is left is valid, so here it is read without asking again, by
msgspec, which is ten times quicker. Whatever does not fit that quick path exactly (another version,
structured mode, a cost as a JSON number) goes the long way through `schemas.envelope`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from projections.tables import devices, workflows
from projections.tables.table import Row, Table
from projections.tables.types import (
    COUNT,
    COUNTS,
    FACT,
    FLAG,
    JSON,
    MONEY,
    NUMBER,
    TEXT,
    TEXTS,
    Columns,
)
from schemas.devices import DeviceProbed, DiscoveryStarted
from schemas.envelope import Event
from schemas.events import (
    AgentUsed,
    ErrorOccurred,
    InteractionObserved,
    ModelCalled,
    SessionEnded,
    SessionStarted,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserCorrected,
    UserInterrupted,
    UserPrompted,
)
from schemas.fact import Payload
from schemas.workflows import (
    WorkflowOperationAsserted,
    WorkflowRunDeleted,
    WorkflowRunFinished,
    WorkflowStepFinished,
)

_STATEMENT: Final[Columns] = {**FACT, "subject": TEXT, "revision": COUNT}


@dataclass(frozen=True, slots=True)
class EventTable:
    """The raw table of one event type.

    `amendable` tables hold every statement with its subject and revision; a view shows the current
    one. A row without a revision is statement 0 about its own id, except where facts without one
    stand `alone`, never amended: they have neither. `fields` are the payload's own columns.
    """

    payload: type[Payload]
    table: Table
    fields: tuple[str, ...]
    decode: Callable[[bytes], msgspec.Struct]
    amendable: bool
    alone: bool

    def long_way(self, event: Event) -> Row:
        """The payload's columns of an event that the envelope decoded."""
        return tuple(_plain(name, getattr(event.data, name)) for name in self.fields)


_JSON_FIELDS: Final = frozenset({"metadata", "exchanges", "objects"})


def _plain(name: str, value: Any) -> Any:
    if name in {"cost_usd", "cost_amount"} and value is not None:
        return str(value)
    if name in _JSON_FIELDS:
        return b"" if value is None else msgspec.json.encode(value)
    return value


_FIELD_TYPES: Final[dict[str, Any]] = {
    TEXT.sql: str | None,
    TEXTS.sql: list[str] | None,
    COUNTS.sql: list[int] | None,
    FLAG.sql: bool | None,
    COUNT.sql: int | None,
    NUMBER.sql: float | None,
    MONEY.sql: str | None,
    JSON.sql: msgspec.Raw,
}


def _event_table(
    name: str, payload: type[Payload], columns: Columns, *, alone: bool = False
) -> EventTable:
    shape = msgspec.defstruct(
        payload.__name__,
        [
            (field, _FIELD_TYPES[of.sql], msgspec.Raw() if of is JSON else None)
            for field, of in columns.items()
        ],
        gc=False,
    )
    common = _STATEMENT if payload.amendable else FACT
    return EventTable(
        payload=payload,
        table=Table(name, {**common, **columns}),
        fields=tuple(columns),
        decode=msgspec.json.Decoder(shape).decode,
        amendable=payload.amendable,
        alone=alone,
    )


_OF_SESSION: Final[Columns] = {"session_id": TEXT, "agent": TEXT}

_CONTEXT: Final[Columns] = {
    "session_id": TEXT,
    "user_id": TEXT,
    "project_name": TEXT,
    "environment": TEXT,
    "git_branch": TEXT,
    "git_commit": TEXT,
    "tags": TEXTS,
    "metadata": JSON,
    "submission": TEXT,
    "context_time_us": COUNT,
    "record_id": TEXT,
}

_TASK: Final[Columns] = {
    "task_type": TEXT,
    "agent": TEXT,
    "success": FLAG,
    "duration_us": COUNT,
    "input_tokens": COUNT,
    "output_tokens": COUNT,
    "total_tokens": COUNT,
    "cost_usd": MONEY,
    "files_created": COUNT,
    "files_modified": COUNT,
    "tests_passed": COUNT,
    "tests_failed": COUNT,
    "lines_of_code": COUNT,
    "coverage_percent": NUMBER,
    "retry_count": COUNT,
    "error_message": TEXT,
    **_CONTEXT,
}

_ERROR: Final[Columns] = {
    "error_type": TEXT,
    "error_message": TEXT,
    "stack_trace": TEXT,
    "file_path": TEXT,
    "line_number": COUNT,
    "function_name": TEXT,
    "resolution": TEXT,
    "resolution_time_us": COUNT,
    "similar_errors_count": COUNT,
    "auto_resolved": FLAG,
    "user_intervention": FLAG,
    **_CONTEXT,
}

_USAGE: Final[Columns] = {
    "agent_type": TEXT,
    "task_type": TEXT,
    "success": FLAG,
    "duration_us": COUNT,
    "retry_count": COUNT,
    "tools_used": TEXTS,
    "files_accessed": COUNT,
    "api_calls": COUNT,
    "tokens_used": COUNT,
    "memory_mb": NUMBER,
    "cpu_percent": NUMBER,
    "parallel_tasks": COUNT,
    **_CONTEXT,
}

_CORRECTION: Final[Columns] = {
    "original_output": TEXT,
    "corrected_output": TEXT,
    "correction_type": TEXT,
    "agent": TEXT,
    "task_type": TEXT,
    "correction_category": TEXT,
    "user_feedback": TEXT,
    "severity": TEXT,
    "pattern_matched": TEXT,
    **_CONTEXT,
}

_INTERACTION: Final[Columns] = {
    "session_id": TEXT,
    "user_id": TEXT,
    "task": TEXT,
    "tool_used": TEXT,
    "error": TEXT,
    "recovery_action": TEXT,
    "execution_time_us": COUNT,
    "method": TEXT,
    "success": FLAG,
    "metadata": JSON,
}

EVENT_TABLES: Final = (
    _event_table(
        "tool_called",
        ToolCalled,
        {
            "session_id": TEXT,
            "seq": COUNT,
            "previous_event_id": TEXT,
            "agent": TEXT,
            "tool": TEXT,
            "submission": TEXT,
        },
    ),
    _event_table(
        "tool_finished",
        ToolFinished,
        {"session_id": TEXT, "call_id": TEXT, "ok": FLAG, "error_class": TEXT},
    ),
    _event_table(
        "model_called",
        ModelCalled,
        {
            **_OF_SESSION,
            "message_id": TEXT,
            "model": TEXT,
            "input_tokens": COUNT,
            "output_tokens": COUNT,
            "cache_read_tokens": COUNT,
            "cache_write_tokens": COUNT,
            "total_tokens": COUNT,
            "cost_usd": MONEY,
        },
    ),
    _event_table("session_started", SessionStarted, _OF_SESSION),
    _event_table("session_ended", SessionEnded, {**_OF_SESSION, "outcome": TEXT, "complete": FLAG}),
    _event_table("user_prompted", UserPrompted, {**_OF_SESSION, "characters": COUNT}),
    _event_table("user_interrupted", UserInterrupted, _OF_SESSION),
    _event_table("task_completed", TaskCompleted, _TASK, alone=True),
    _event_table("error_occurred", ErrorOccurred, _ERROR),
    _event_table("agent_used", AgentUsed, _USAGE),
    _event_table("user_corrected", UserCorrected, _CORRECTION),
    _event_table("interaction_observed", InteractionObserved, _INTERACTION),
    _event_table("workflow_run", WorkflowRunFinished, workflows.RUN),
    _event_table("workflow_run_deleted", WorkflowRunDeleted, workflows.OF_RUN),
    _event_table("operation_asserted", WorkflowOperationAsserted, workflows.ASSERTED),
    _event_table("workflow_step", WorkflowStepFinished, workflows.STEP),
    _event_table("device_probed", DeviceProbed, devices.PROBED),
    _event_table("discovery_started", DiscoveryStarted, devices.STARTED),
)
"""One table a type of event that is learned from."""

BY_TYPE: Final = {table.payload.type.encode(): table for table in EVENT_TABLES}
"""The table of an event type, by the type as it stands in a record's header."""
