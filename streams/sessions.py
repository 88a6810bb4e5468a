"""The calls of one session, linked in the session's own order whatever the order of arrival.

A call names its predecessor; a result names its call. Either may arrive first. A fork gives a call
several successors, so the calls of a session are a forest and its sequences are the paths in it.
Facts appended more than a horizon apart are not joined: they count as `late`. A fact whose partner
has not arrived is `waiting`.

What is kept for ever is the packed facts, 48 bytes each; the linked calls are made from them when
the session is touched. Ids are 64 bits of a hash: within one session, and among sessions of one
partition, an accidental collision has odds below 1 in 10^7 at a million sessions.
"""

import struct
from collections.abc import Iterator

HORIZON_US = 35 * 86_400_000_000
"""How far apart in append time two facts may stand and still be joined."""

FACT = struct.Struct("<BBBxIQQQqq")
"""kind, flag, error class, tool, session, id, predecessor, happened, appended: 48 bytes."""

CALLED, FINISHED = 0, 1
_UNDATED = -(2**63)
ERROR_CLASSES = ("", "rejected", "sibling_error", "exit_code", "tool_use_error", "other")
"""Their places are stored; append only."""

PATH_SHORTEST, PATH_LONGEST = 2, 5


class Call:
    """A tool call with what is known of it; `ok` None means no result yet."""

    __slots__ = (
        "appended_us",
        "at_us",
        "error_class",
        "finished_us",
        "next",
        "ok",
        "ordered",
        "previous",
        "tool",
    )

    def __init__(self, tool: str, at_us: int | None, appended_us: int, *, ordered: bool) -> None:
        """Start unlinked and without a result."""
        self.tool = tool
        self.at_us = at_us
        self.appended_us = appended_us
        self.ordered = ordered
        self.previous: Call | None = None
        self.next: list[Call] = []
        self.finished_us: int | None = None
        self.ok: bool | None = None
        self.error_class: str | None = None


class Result:
    """What a call returned, while its call has not arrived."""

    __slots__ = ("appended_us", "at_us", "error_class", "ok")

    def __init__(
        self, at_us: int | None, appended_us: int, *, ok: bool, error_class: str | None
    ) -> None:
        """Keep the facts."""
        self.at_us = at_us
        self.appended_us = appended_us
        self.ok = ok
        self.error_class = error_class


class Session:
    """The linked calls of one session.

    `waiting` counts facts whose partner has not arrived: results without their call, calls without
    their predecessor. `late` counts partners too far apart to be joined.
    """

    __slots__ = ("_calls", "_early", "_seen", "_unlinked", "errors", "late", "waiting")

    def __init__(self) -> None:
        """Start with nothing known."""
        self._calls: dict[int, Call] = {}
        self._early: dict[int, Result] = {}
        self._unlinked: dict[int, list[Call]] = {}
        self._seen: set[tuple[str, ...]] = set()
        self.late = 0
        self.errors = 0
        self.waiting = 0

    def __len__(self) -> int:
        """How many calls are known."""
        return len(self._calls)

    def add_call(self, identity: int, previous: int, call: Call) -> None:
        """Link a call to its predecessor (0: it is the first), successors and result."""
        self._calls[identity] = call
        if call.ordered and previous and previous != identity:
            before = self._calls.get(previous)
            if before is None:
                self._unlinked.setdefault(previous, []).append(call)
                self.waiting += 1
            else:
                self._link(before, call)
        for after in self._unlinked.pop(identity, ()) if self._unlinked else ():
            self.waiting -= 1
            self._link(call, after)
        if self._early:
            early = self._early.pop(identity, None)
            if early is not None:
                self.waiting -= 1
                self._join(call, early)

    def has_result(self, identity: int) -> bool:
        """Whether a result of this call is known, be the call itself known or not."""
        call = self._calls.get(identity)
        return identity in self._early if call is None else call.ok is not None

    def add_result(self, identity: int, result: Result) -> Call | None:
        """Join a result to its call; the call, or None where it cannot be joined (yet)."""
        call = self._calls.get(identity)
        if call is None:
            self._early[identity] = result
            self.waiting += 1
            return None
        return call if self._join(call, result) else None

    def contains_first(self, tools: tuple[str, ...]) -> bool:
        """Whether this sequence of tools is new to the session; from now on it is not."""
        if tools in self._seen:
            return False
        self._seen.add(tools)
        return True

    def unlink(self) -> None:
        """Let go of the calls, which refer to each other, so that nobody has to search for that."""
        for call in self._calls.values():
            call.previous = None
            call.next.clear()

    def recount(self) -> None:
        """Find every sequence of tools again, after the links were made from packed facts."""
        for call in self._calls.values():
            for run in runs_up_to(call):
                self._seen.add(run)

    def _link(self, before: Call, after: Call) -> None:
        if not before.ordered:
            return
        if abs(after.appended_us - before.appended_us) > HORIZON_US:
            self.late += 1
            return
        after.previous = before
        before.next.append(after)

    def _join(self, call: Call, result: Result) -> bool:
        if abs(result.appended_us - call.appended_us) > HORIZON_US:
            self.late += 1
            return False
        call.ok = result.ok
        call.finished_us = result.at_us
        call.error_class = result.error_class
        self.errors += not result.ok
        return True


def runs_up_to(call: Call) -> list[tuple[str, ...]]:
    """The runs of 2 to 5 tools that end with this call, shortest first."""
    tools: tuple[str, ...] = (call.tool,)
    path = [call]
    runs = []
    previous = call.previous
    while previous is not None and len(path) < PATH_LONGEST and previous not in path:
        tools = (previous.tool, *tools)
        runs.append(tools)
        path.append(previous)
        previous = previous.previous
    return runs


def runs_through(call: Call) -> Iterator[tuple[tuple[str, ...], Call, Call]]:
    """Every path of 2 to 5 calls with this one in it: its tools, last call and last but one."""
    if not call.next:
        if call.previous is not None:
            for tools in runs_up_to(call):
                yield tools, call, call.previous
        return
    above = _above(call)
    for below in _below([call]):
        for start in range(len(above) + 1):
            path = [*above[len(above) - start :], *below]
            if PATH_SHORTEST <= len(path) <= PATH_LONGEST and len({id(one) for one in path}) == len(
                path
            ):
                yield tuple(one.tool for one in path), path[-1], path[-2]


def _above(call: Call) -> list[Call]:
    """Up to four calls before this one, in the session's order."""
    above: list[Call] = []
    previous = call.previous
    while previous is not None and len(above) < PATH_LONGEST - 1:
        if previous is call or previous in above:
            break
        above.append(previous)
        previous = previous.previous
    return above[::-1]


def _below(path: list[Call]) -> Iterator[list[Call]]:
    """Every path of at most five calls that starts with `path`."""
    yield path
    if len(path) < PATH_LONGEST:
        for after in path[-1].next:
            if after not in path:
                yield from _below([*path, after])


def pack_time(at_us: int | None) -> int:
    """A time that may be unknown, as a number."""
    return _UNDATED if at_us is None else at_us


def unpack(facts: bytes | bytearray, tools: list[str]) -> Session:
    """The session its packed facts describe."""
    session = Session()
    for kind, flag, error, tool, _, identity, previous, at, appended in FACT.iter_unpack(facts):
        at_us = None if at == _UNDATED else at
        if kind == CALLED:
            call = Call(tools[tool], at_us, appended, ordered=bool(flag))
            session.add_call(identity, previous, call)
        else:
            result = Result(
                at_us, appended, ok=bool(flag), error_class=ERROR_CLASSES[error] or None
            )
            session.add_result(identity, result)
    session.recount()
    return session
