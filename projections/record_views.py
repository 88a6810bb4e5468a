"""The view `records`: single records of every type side by side, for SQL.

It has the columns by which `motif records` finds them; whole data and texts stand in the view of
each type.
"""

from typing import Final, NamedTuple

_COMMON: Final = (
    'topic, "partition", "offset", source, event_id, happened_at, appended_at, revision'
)


class _Of(NamedTuple):
    """How a view says what all records have, where it has other words than most."""

    type: str
    title: str
    agent: str = "agent"
    outcome: str = "CASE success WHEN true THEN 'success' WHEN false THEN 'failure' END"
    subject: str = "coalesce(subject, event_id)"
    project: str = "project_name"
    branch: str = "git_branch"


_VIEWS: Final = {
    "task_completions": _Of("task_completion", "task_type"),
    "error_occurrences": _Of("error_occurrence", "error_type", "NULL", "NULL"),
    "agent_usages": _Of("agent_usage", "task_type", "agent_type"),
    "user_corrections": _Of("user_correction", "correction_type", outcome="NULL"),
    "workflow_runs": _Of(
        "workflow_run",
        "coalesce(template, workflow_id)",
        "NULL",
        "outcome",
        "run_id",
        "project",
        "branch",
    ),
}


def _select(view: str, of: _Of) -> str:
    return (
        f"SELECT {_COMMON}, '{of.type}' AS type, {of.subject} AS subject, {of.title} AS title,"
        f" {of.agent}::VARCHAR AS agent, session_id, user_id, {of.project} AS project, environment,"
        f" {of.branch} AS branch, {of.outcome}::VARCHAR AS outcome, tags FROM {view}"
    )


RECORDS: Final = f"""
CREATE VIEW records AS
{" UNION ALL ".join(_select(view, of) for view, of in _VIEWS.items())}
"""
