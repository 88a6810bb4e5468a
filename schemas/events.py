"""Facts that producers state, one strict class each; the log's input topics hold nothing else.

A payload is the `data` of a CloudEvent. Every class says its `type`, its topic, whether it is
*amendable* (a later statement about the same subject replaces an earlier one), whether it is
*reserved* (only a log states it, about itself) and which of its fields names the partition. Unknown
fields are kept, never refused; a field that is null is not known, which is not zero.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from schemas.devices import (
    DeviceDefined,
    DeviceMapped,
    DeviceProbed,
    DeviceRestricted,
    DiscoveryStarted,
)
from schemas.fact import Count, Moment, Name, OfAnyone, Payload, Text, Usd, plain
from schemas.records import AgentUsed, ErrorOccurred, TaskCompleted, UserCorrected
from schemas.topics import PATTERN_DEFINITIONS, Topic
from schemas.workflows import (
    PatternReviewed,
    WorkflowOperationAsserted,
    WorkflowRunDeleted,
    WorkflowRunFinished,
    WorkflowStepFinished,
)

__all__ = [
    "PAYLOADS",
    "AgentUsed",
    "Count",
    "DeviceDefined",
    "DeviceMapped",
    "DeviceProbed",
    "DeviceRestricted",
    "DiscoveryStarted",
    "ErrorClass",
    "ErrorOccurred",
    "EventForgotten",
    "InteractionObserved",
    "LogCreated",
    "LogPruned",
    "ModelCalled",
    "Moment",
    "Name",
    "PatternReviewed",
    "Payload",
    "SessionEnded",
    "SessionStarted",
    "SettingsChanged",
    "TaskCompleted",
    "Text",
    "ToolCalled",
    "ToolFinished",
    "Usd",
    "UserCorrected",
    "UserInterrupted",
    "UserPrompted",
    "WorkflowOperationAsserted",
    "WorkflowRunDeleted",
    "WorkflowRunFinished",
    "WorkflowStepFinished",
    "plain",
]

ErrorClass = Literal["rejected", "sibling_error", "exit_code", "tool_use_error", "other"]
"""Why a tool call failed: a fixed list, never somebody's text."""


Hash = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
"""Sixteen bytes that stand for a name, as hexadecimal digits."""


class _OfSession(Payload):
    """A fact of one session."""

    session_id: Name
    agent: Name

    def partition_key(self) -> str:
        """The session: all its facts stand in one partition."""
        return self.session_id


class ToolCalled(_OfSession):
    """An agent called a tool.

    `previous_event_id` is the id of the call before this one in the session's own order, null for
    the first; `seq` counts calls from 0 in that order. A source that knows no order leaves `seq`
    null, and the call then feeds no sequence kinds.
    """

    type: ClassVar[str] = "motif.tool.called.v1"

    tool: Name
    previous_event_id: Name | None = None
    seq: Count | None = None
    submission: Name | None = None


class ToolFinished(Payload):
    """A tool call returned. `call_id` is the id of its `motif.tool.called` event."""

    type: ClassVar[str] = "motif.tool.finished.v1"

    session_id: Name
    call_id: Name
    ok: bool
    error_class: ErrorClass | None = None

    def partition_key(self) -> str:
        """The session: a result stands where its call stands."""
        return self.session_id


class ModelCalled(_OfSession):
    """One API response of a model with its tokens; amendable, as streamed counts grow.

    `input_tokens` excludes what was read from or written to a cache. `total_tokens` is what the
    source states; null where it states none.
    """

    type: ClassVar[str] = "motif.model.called.v1"
    amendable: ClassVar[bool] = True

    message_id: Name
    model: Name
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    total_tokens: Count | None = None
    cost_usd: Usd | None = None


class SessionStarted(_OfSession):
    """A session began."""

    type: ClassVar[str] = "motif.session.started.v1"


class SessionEnded(_OfSession):
    """A session ended; amendable, as an outcome may become known later."""

    type: ClassVar[str] = "motif.session.ended.v1"
    amendable: ClassVar[bool] = True

    outcome: Name | None = None
    complete: bool | None = None


class UserPrompted(_OfSession):
    """A person asked for something; only the length of the text is kept."""

    type: ClassVar[str] = "motif.user.prompted.v1"

    characters: Count | None = None


class UserInterrupted(_OfSession):
    """A person stopped the agent."""

    type: ClassVar[str] = "motif.user.interrupted.v1"


class InteractionObserved(OfAnyone):
    """Somebody did something with a tool or method, as an outside observer saw it.

    Such facts have no order among each other and feed no sequence kinds.
    """

    type: ClassVar[str] = "motif.interaction.observed.v1"

    task: Name | None = None
    tool_used: Name | None = None
    error: Name | None = None
    recovery_action: Name | None = None
    execution_time_us: Count | None = None
    method: Name | None = None
    success: bool | None = None
    metadata: dict[str, JsonValue] | None = None

    def partition_key(self) -> str:
        """Session, else user, else the task; what names nobody stands together."""
        return self.session_id or self.user_id or self.task or "interaction"


class LogCreated(Payload):
    """A log came into being: who it is. The first such fact of a log is the one that counts."""

    type: ClassVar[str] = "motif.log.created.v1"
    topic: ClassVar[Topic] = PATTERN_DEFINITIONS
    reserved: ClassVar[bool] = True

    site_id: Name
    log_id: Name
    site_label: Name | None = None
    partitions: Annotated[int, Field(ge=1, le=1024)]
    format: Count
    forgets: bool | None = None
    """Whether there is something in the log that was forgotten, and must not come back."""

    def partition_key(self) -> str:
        """What concerns the whole log stands together, in order."""
        return "identity"


class SettingsChanged(Payload):
    """A setting that bears on what is learned was changed; from here on a new epoch counts."""

    type: ClassVar[str] = "motif.settings.changed.v1"
    topic: ClassVar[Topic] = PATTERN_DEFINITIONS
    reserved: ClassVar[bool] = True

    mcp_servers: list[Name]
    operation_rules: str | None = None
    amend_days: Annotated[int, Field(ge=0, le=36_500)] | None = None

    def partition_key(self) -> str:
        """What concerns the whole log stands together, in order."""
        return "identity"


class LogPruned(Payload):
    """Events are deleted for good, which happened before a day; said before the first one goes.

    `complete_from` is the first day, UTC, of which nothing is deleted.
    """

    type: ClassVar[str] = "motif.log.pruned.v1"
    topic: ClassVar[Topic] = PATTERN_DEFINITIONS
    reserved: ClassVar[bool] = True

    complete_from: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]

    def partition_key(self) -> str:
        """What concerns the whole log stands together, in order."""
        return "identity"


class EventForgotten(Payload):
    """An event was erased on request; this stands where it stood, and holds nothing of it.

    `event` and `thing` are the hashes of its name and of what it was about: the same that comes
    again counts as known, and later statements about the thing do not count. `key` is the hash of
    its record's key, which names the partition.
    """

    type: ClassVar[str] = "motif.event.forgotten.v1"
    reserved: ClassVar[bool] = True

    event: Hash
    thing: Hash
    key: Annotated[int, Field(ge=0, lt=2**31)]

    def partition_key(self) -> str:
        """None that could be told: the hash stands in its place."""
        return "forgotten"


PAYLOADS: dict[str, type[Payload]] = {
    payload.type: payload
    for payload in (
        ToolCalled,
        ToolFinished,
        ModelCalled,
        SessionStarted,
        SessionEnded,
        UserPrompted,
        UserInterrupted,
        TaskCompleted,
        ErrorOccurred,
        AgentUsed,
        UserCorrected,
        InteractionObserved,
        WorkflowRunFinished,
        WorkflowRunDeleted,
        WorkflowOperationAsserted,
        WorkflowStepFinished,
        DeviceProbed,
        DiscoveryStarted,
        DeviceDefined,
        DeviceMapped,
        DeviceRestricted,
        PatternReviewed,
        LogCreated,
        SettingsChanged,
        LogPruned,
        EventForgotten,
    )
}
"""Every event this version understands, by its type."""
