"""Kind `task_sequence`: sequences of three to five tools in a row within a session."""

from streams.change import Change
from streams.recognise.kind import Kind
from streams.sessions import Call, Session

SHORTEST, LONGEST = 3, 5

KIND = Kind(
    name="task_sequence",
    parts=("tools",),
    describes="3 to 5 tools called in a row; `sessions` counts sessions that contain the run",
    outcomes=False,
    title=" → ".join,
    joined=True,
)


def of_path(session: Session, tools: tuple[str, ...], last: Call) -> Change:
    """An n-gram, dated by its last call."""
    counts = ("sessions",) if session.contains_first(tools) else ()
    return Change(("task_sequence", *tools), last.at_us, 1, 0, 0, counts)
