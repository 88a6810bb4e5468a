"""Agent records: what an agent or its harness noted about one piece of work, as a whole.

Each of them may be amended: a record that is saved again replaces what was said before. All have
the context in which the work was done; a field that is null is not known. `record_id` is the
record's name: with it all statements stand in one partition, whatever of the record changes.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from schemas.fact import Count, Moment, Name, OfAnyone, Text, Usd

Environment = Literal["development", "staging", "production"]
"""Where the work was done."""

Severity = Literal["minor", "moderate", "critical"]
"""How bad a mistake was."""

Percent = Annotated[float, Field(ge=0, le=100)]
"""A share in hundredths."""

Load = Annotated[float, Field(ge=0, le=10**6)]
"""Use of processors in hundredths of one; several together exceed 100."""

Megabytes = Annotated[float, Field(ge=0, le=10**12)]
"""An amount of memory."""


class TaskCompleted(OfAnyone):
    """An agent completed a task, well or not; amendable where it is stated with a revision.

    One without a revision stands by itself and is never amended.
    """

    type: ClassVar[str] = "motif.task.completed.v1"
    amendable: ClassVar[bool] = True

    task_type: Name
    agent: Name
    success: bool
    duration_us: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cost_usd: Usd | None = None
    files_created: Count | None = None
    files_modified: Count | None = None
    tests_passed: Count | None = None
    tests_failed: Count | None = None
    lines_of_code: Count | None = None
    coverage_percent: Percent | None = None
    retry_count: Count | None = None
    project_name: Name | None = None
    environment: Environment | None = None
    git_branch: Name | None = None
    git_commit: Name | None = None
    tags: list[str] | None = None
    metadata: dict[str, JsonValue] | None = None
    submission: Name | None = None
    error_message: Text | None = None
    context_time_us: Moment | None = None
    record_id: Name | None = None

    def partition_key(self) -> str:
        """What names the record, else session, else user, else agent."""
        return self.record_id or self.session_id or self.user_id or self.agent


class _InContext(OfAnyone):
    """A record with the context in which the work was done."""

    amendable: ClassVar[bool] = True

    project_name: Name | None = None
    environment: Environment | None = None
    git_branch: Name | None = None
    git_commit: Name | None = None
    tags: list[str] | None = None
    metadata: dict[str, JsonValue] | None = None
    submission: Name | None = None
    context_time_us: Moment | None = None


class ErrorOccurred(_InContext):
    """An error was met, with what is known of how it was resolved; amendable."""

    type: ClassVar[str] = "motif.error.occurred.v1"

    error_type: Name
    error_message: Text
    stack_trace: Text | None = None
    file_path: Text | None = None
    line_number: Count | None = None
    function_name: Text | None = None
    resolution: Text | None = None
    resolution_time_us: Count | None = None
    similar_errors_count: Count | None = None
    auto_resolved: bool | None = None
    user_intervention: bool | None = None
    record_id: Name | None = None

    def partition_key(self) -> str:
        """What names the record, else session, else user; what names nobody stands together."""
        return self.record_id or self.session_id or self.user_id or "error"


class AgentUsed(_InContext):
    """An agent was used for a task: what that took; amendable."""

    type: ClassVar[str] = "motif.agent.used.v1"

    agent_type: Name
    task_type: Name
    success: bool
    duration_us: Count
    retry_count: Count | None = None
    tools_used: list[Name] | None = None
    files_accessed: Count | None = None
    api_calls: Count | None = None
    tokens_used: Count | None = None
    memory_mb: Megabytes | None = None
    cpu_percent: Load | None = None
    parallel_tasks: Count | None = None
    record_id: Name | None = None

    def partition_key(self) -> str:
        """What names the record, else session, else user, else agent."""
        return self.record_id or self.session_id or self.user_id or self.agent_type


class UserCorrected(_InContext):
    """A person corrected what an agent had made; amendable."""

    type: ClassVar[str] = "motif.user.corrected.v1"

    original_output: Text
    corrected_output: Text
    correction_type: Name
    agent: Name
    task_type: Name | None = None
    correction_category: Name | None = None
    user_feedback: Text | None = None
    severity: Severity | None = None
    pattern_matched: Name | None = None
    record_id: Name | None = None

    def partition_key(self) -> str:
        """What names the record, else session, else user, else agent."""
        return self.record_id or self.session_id or self.user_id or self.agent
