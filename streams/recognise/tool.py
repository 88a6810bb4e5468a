"""Kind `tool`: how often a tool is called, how often it fails, how long it takes."""

from streams.change import Change
from streams.recognise.kind import Kind
from streams.sessions import Call

KIND = Kind(
    name="tool",
    parts=("tool",),
    describes="calls of a tool, their errors and latency (time of result minus time of call)",
    outcomes=True,
    title=lambda parts: parts[0],
    units={"latency": "us"},
)


def of_call(call: Call) -> Change:
    """A call is an occurrence, whether or not its result ever arrives."""
    return Change(("tool", call.tool), call.at_us)


def of_result(call: Call) -> Change:
    """A result decides success and, where both times are known, latency; dated by its call."""
    measures: tuple[tuple[str, int], ...] = ()
    if call.at_us is not None and call.finished_us is not None:
        measures = (("latency", call.finished_us - call.at_us),)
    ok = bool(call.ok)
    return Change(("tool", call.tool), call.at_us, 0, int(ok), int(not ok), (), measures)
