"""Kind `agent_usage`: uses of an agent for tasks of one type, and what they took."""

from schemas.events import AgentUsed
from streams.change import Change
from streams.fixedpoint import decimal_text, millionths
from streams.names import public_name, public_tool
from streams.recognise.kind import Kind

_WHOLE = {
    "duration_us": "duration",
    "tokens_used": "tokens",
    "api_calls": "api_calls",
    "files_accessed": "files_accessed",
    "parallel_tasks": "parallel_tasks",
    "retry_count": "retries",
}

KIND = Kind(
    name="agent_usage",
    parts=("agent_type", "task_type"),
    describes="uses of an agent for one type of task; `tool.*` counts uses of a tool",
    outcomes=True,
    title=lambda parts: f"{parts[0]} for {parts[1]}",
    units={
        "duration": "us",
        "tokens": "tokens",
        "api_calls": "calls",
        "files_accessed": "count",
        "parallel_tasks": "count",
        "retries": "count",
        "memory": "mb",
        "cpu": "ratio",
    },
)


def recognise(usage: AgentUsed, at_us: int | None, allowed: frozenset[str]) -> list[Change]:
    """One occurrence; a tool counts once, however often it is listed."""
    stated = [(measure, getattr(usage, name)) for name, measure in _WHOLE.items()]
    measures = [(measure, value) for measure, value in stated if value is not None]
    if usage.memory_mb is not None:
        measures.append(("memory", millionths(decimal_text(usage.memory_mb))))
    if usage.cpu_percent is not None:
        measures.append(("cpu", millionths(f"{decimal_text(usage.cpu_percent)}E-2")))
    tools = {public_tool(tool, allowed) for tool in usage.tools_used or ()}
    pattern = ("agent_usage", public_name(usage.agent_type), public_name(usage.task_type))
    counts = tuple(f"tool.{tool}" for tool in sorted(tools))
    ok = int(usage.success)
    return [Change(pattern, at_us, 1, ok, 1 - ok, counts, tuple(measures))]
