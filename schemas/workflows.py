"""Facts about runs of workflows: how they ended, what they did, and what people say of it.

A run is named by `run_id` within its source; statements about it are ordered by their revisions and
each is whole. `workflow_id` names the partition: the workflow, or the group whose runs belong
together. The time of every statement is when the run finished. An extension `amendedtime` says when
the source changed what it says; a statement that was changed too long after the run finished is
refused.
"""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, JsonValue

from schemas.fact import Count, Name, Payload, Usd
from schemas.topics import PATTERN_DEFINITIONS, WORKFLOW_RUNS, Topic

CATEGORIES = (
    "test",
    "build",
    "format",
    "git",
    "deps",
    "docs",
    "sdlc",
    "patch",
    "deploy",
    "review",
)
"""What an operation may be about: the first part of its signature."""

SIGNATURE_PATTERN: Final = rf"^({'|'.join(CATEGORIES)}):[a-z0-9_.+-]+:[a-z0-9_.+-]+$"
SIGNATURE_MAX: Final = 200

Signature = Annotated[str, Field(max_length=SIGNATURE_MAX, pattern=SIGNATURE_PATTERN)]
"""An operation, `category:subcategory:target`, in lower case."""

CURRENCY_PATTERN: Final = "^[A-Z]{3}$"

Currency = Annotated[str, Field(pattern=CURRENCY_PATTERN)]
"""The three letters of ISO 4217."""

Status = Literal["detected", "candidate", "approved", "automated", "deprecated", "archived"]
"""How far the automation of a pattern is, in the order in which it usually goes on. What is
deprecated or archived is not used any more; what is archived is not shown either."""


class _OfRun(Payload):
    """A fact about one run."""

    topic: ClassVar[Topic] = WORKFLOW_RUNS

    workflow_id: Name
    run_id: Name

    def partition_key(self) -> str:
        """The workflow: all its runs stand in one partition."""
        return self.workflow_id


class WorkflowRunFinished(_OfRun):
    """A run of a workflow ended; amendable, as costs come later and a status may be corrected.

    `outcome` is null where nobody knows whether it went well; `status` is what the source calls it.
    `ordinal` is the place of the run in its group. `cost_usd` is what it cost in US dollars, and
    `cost_provenance` where that is from; a source that counts in another `currency` states its own
    `cost_amount`, and `cost_usd` only where it has converted it.
    """

    type: ClassVar[str] = "motif.workflow.run.finished.v1"
    amendable: ClassVar[bool] = True

    group_id: Name | None = None
    ordinal: Count | None = None
    attempt: Count | None = None
    parent_run_id: Name | None = None
    model: Name | None = None
    project: Name | None = None
    branch: Name | None = None
    environment: Name | None = None
    user_id: Name | None = None
    session_id: Name | None = None
    input_text: str | None = None
    template: Name | None = None
    error_message: str | None = None
    status: Name | None = None
    outcome: Literal["success", "failure"] | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    cost_usd: Usd | None = None
    cost_provenance: Literal["reported", "estimated", "price_list"] | None = None
    currency: Currency | None = None
    cost_amount: Usd | None = None
    duration_us: Count | None = None
    error_count: Count | None = None
    retry_count: Count | None = None
    tags: list[str] | None = None
    metadata: dict[str, JsonValue] | None = None


class WorkflowRunDeleted(_OfRun):
    """A run is gone from its source: nothing is learned from it any more.

    It is a statement about the run like those of `motif.workflow.run.finished`, among whose
    revisions it has its place; a later one may bring the run back.
    """

    type: ClassVar[str] = "motif.workflow.run.deleted.v1"
    amendable: ClassVar[bool] = True


class WorkflowOperationAsserted(_OfRun):
    """Somebody says that a run performed an operation; its id is `run_id/signature`.

    The run counts once for the operation, be it recognised, asserted or both.
    """

    type: ClassVar[str] = "motif.workflow.operation.asserted.v1"

    signature: Signature


class WorkflowStepFinished(_OfRun):
    """A step of a run ended; `parents` are the steps it depended on."""

    type: ClassVar[str] = "motif.workflow.step.finished.v1"

    step_id: Name
    name: Name | None = None
    parents: list[Name] | None = None
    duration_us: Count | None = None
    ok: bool | None = None


class PatternReviewed(Payload):
    """Somebody decided how far the automation of a pattern is; the latest decision counts.

    What it does not say stays as it was said before.
    """

    type: ClassVar[str] = "motif.pattern.reviewed.v1"
    topic: ClassVar[Topic] = PATTERN_DEFINITIONS

    pattern_id: Name
    status: Status
    reviewed_by: Name | None = None
    notes: str | None = None
    tool_name: Name | None = None
    tool_script_path: Name | None = None

    def partition_key(self) -> str:
        """The pattern: what is decided about it stands in one order."""
        return self.pattern_id
