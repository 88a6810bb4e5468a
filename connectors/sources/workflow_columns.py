"""How the columns of a workflow database may be called, and what its statuses mean."""

from collections.abc import Mapping
from typing import Any, Final

Row = Mapping[str, Any]
"""A row by the names of `COLUMNS`; what its table does not have is not in it."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow_id": ("workflow_id",),
    "adw_id": ("adw_id",),
    "id": ("id",),
    "request": ("nl_input", "input_text"),
    "template": ("workflow_template", "template"),
    "model": ("model_used", "model"),
    "project": ("project", "project_name", "repo"),
    "branch": ("branch", "branch_name", "git_branch"),
    "environment": ("environment",),
    "attempt": ("attempt",),
    "status": ("status",),
    "started": ("start_time", "started_at"),
    "ended": ("end_time", "ended_at", "completed_at", "finished_at"),
    "updated": ("updated_at",),
    "duration_s": ("duration_seconds",),
    "error": ("error_message",),
    "errors": ("error_count",),
    "retries": ("retry_count",),
    "input_tokens": ("input_tokens",),
    "output_tokens": ("output_tokens",),
    "tokens": ("total_tokens",),
    "cost": ("actual_cost_total", "actual_cost", "cost_usd"),
    "estimated_cost": ("estimated_cost_total", "estimated_cost"),
}
"""What a column may be called, by what it holds; the first that is there counts."""

OUTCOMES: Final[Mapping[str, str]] = {
    "completed": "success",
    "complete": "success",
    "done": "success",
    "finished": "success",
    "passed": "success",
    "succeeded": "success",
    "success": "success",
    "failed": "failure",
    "failure": "failure",
    "error": "failure",
    "errored": "failure",
}
"""What a status says of the outcome; another one leaves it open."""

ENDED: Final = frozenset({*OUTCOMES, "cancelled", "canceled", "aborted", "timeout", "skipped"})
"""Statuses of what has ended."""

UNFINISHED: Final = frozenset(
    {
        "running",
        "pending",
        "queued",
        "waiting",
        "scheduled",
        "planned",
        "created",
        "started",
        "starting",
        "active",
        "in_progress",
        "in progress",
        "in-progress",
        "processing",
        "paused",
        "blocked",
        "retrying",
    }
)
"""Statuses of what goes on, also where a time says when it ended: that is of an earlier attempt."""
