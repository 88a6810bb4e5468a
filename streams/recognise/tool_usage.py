"""Kind `tool_usage`: which tool follows which within a session."""

from streams.change import Change
from streams.recognise.kind import Kind
from streams.sessions import Call, Session

KIND = Kind(
    name="tool_usage",
    parts=("tool_a", "tool_b"),
    describes="one tool called directly after another; `sessions` counts sessions that contain it",
    outcomes=False,
    title=lambda parts: f"{parts[0]} → {parts[1]}",
)


def of_pair(session: Session, first: Call, second: Call) -> Change:
    """A transition, dated by its second call."""
    tools = (first.tool, second.tool)
    counts = ("sessions",) if session.contains_first(tools) else ()
    return Change(("tool_usage", *tools), second.at_us, 1, 0, 0, counts)
