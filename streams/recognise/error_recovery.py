"""Kind `error_recovery`: what is called after a failed call, and whether that tool succeeds again.

Every pair (failed call, next call) is an occurrence. Its outcome is decided along the path of calls
from there: recovered when the failed tool succeeds within ten calls, failed when ten calls went by
without. It is counted once, when every result up to the deciding call is known. A pair whose next
call was made before the error was known is `parallel` and has no outcome.
"""

from collections.abc import Iterator

from streams.change import Change, Pattern
from streams.recognise.kind import Kind
from streams.sessions import Call

REACH = 10
"""Calls after the failed one within which the tool must succeed."""

KIND = Kind(
    name="error_recovery",
    parts=("error_class", "tool_a", "tool_b"),
    describes="the call after a failed call; success: the failed tool succeeds within ten calls",
    outcomes=True,
    title=lambda parts: f"{parts[0]} in {parts[1]} → {parts[2]}",
    units={"attempts": "calls", "time_to_recovery": "us"},
)


def of_pair(failed: Call, after: Call) -> Change:
    """A pair, dated by its second call."""
    counts = ("parallel",) if _parallel(failed, after) else ()
    return Change(_pattern(failed, after), after.at_us, 1, 0, 0, counts)


def decided_by(call: Call) -> Iterator[Change]:
    """The outcomes that became certain because this call and its result are now both known."""
    if call.ok is False:
        for after in call.next:
            if after.ok is not None and not _parallel(call, after):
                yield from _descend(call, after, [call], 0)
    path = [call]
    for _ in range(REACH):
        previous = path[-1].previous
        if previous is None or previous.ok is None or previous in path:
            return
        path.append(previous)
        if previous.ok is False and not _parallel(previous, path[-2]):
            yield from _through(previous, path)


def _through(failed: Call, path: list[Call]) -> Iterator[Change]:
    """Outcomes of the failed call that ends `path`, which runs upwards from the deciding call."""
    between = path[-2:0:-1]
    attempts = 0
    for call in between:
        if call.tool == failed.tool:
            if call.ok:
                return
            attempts += 1
    yield from _descend(failed, path[0], path[:0:-1], attempts)


def _descend(failed: Call, call: Call, before: list[Call], attempts: int) -> Iterator[Change]:
    """Outcomes on every path that goes on with `call`; `before` runs from the failed call down."""
    after = before[1] if len(before) > 1 else call
    if call.tool == failed.tool:
        attempts += 1
        if call.ok:
            yield _recovered(failed, after, call, attempts)
            return
    if len(before) == REACH:
        yield Change(_pattern(failed, after), call.at_us, 0, 0, 1)
        return
    for further in call.next:
        if further.ok is not None and further is not call and further not in before:
            yield from _descend(failed, further, [*before, call], attempts)


def _recovered(failed: Call, after: Call, success: Call, attempts: int) -> Change:
    measures: tuple[tuple[str, int], ...] = (("attempts", attempts),)
    if failed.finished_us is not None and success.finished_us is not None:
        elapsed_us = success.finished_us - failed.finished_us
        measures = (*measures, ("time_to_recovery", elapsed_us))
    return Change(_pattern(failed, after), success.at_us, 0, 1, 0, (), measures)


def _parallel(failed: Call, after: Call) -> bool:
    if failed.finished_us is None or after.at_us is None:
        return False
    return after.at_us < failed.finished_us


def _pattern(failed: Call, after: Call) -> Pattern:
    return ("error_recovery", failed.error_class or "other", failed.tool, after.tool)
