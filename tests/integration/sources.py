"""The real sources that stand beside the checkout, and what is known of them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from connectors.contract import Report, Unnumbered
from connectors.sources import by_name
from motif.node import Node
from schemas.envelope import Event, time_us

REAL = (
    ("claude-code", "claude-code-sessions"),
    ("aider", "aider/events.jsonl"),
    ("terminal-bench", "terminal-bench"),
)
"""Formats, and where their data is below the shared folder."""

RUNS = (("gha", "gha-reruns"), ("reflexion", "reflexion"), ("wfformat", "wfinstances"))
"""The same of formats that tell runs of workflows."""

REACH = 10
"""Calls after a failed one within which its tool must succeed."""


def import_all(node: Node, data: Path) -> None:
    """Import everything, source by source."""
    for name, place in (*REAL, *RUNS):
        node.import_files(name, [data / place])


def events_of(data: Path) -> list[Event]:
    """Every event of all sources, in the order an import appends them."""
    events = []
    for name, place in (*REAL, *RUNS):
        source = by_name(name)
        for item in source.read(source.files(data / place), Report()):
            event = item.event if isinstance(item, Unnumbered) else item
            assert isinstance(event, Event)
            if isinstance(item, Unnumbered):
                named = {"id": f"{event.id}@0", "subject": event.id, "revision": 0}
                event = replace(event, **named)
            events.append(event)
    return events


def truths_of(data: Path, name: str) -> dict[str, Any]:
    """The known totals of one source."""
    every: dict[str, dict[str, Any]] = json.loads((data / "TRUTHS.json").read_bytes())
    return every[name]


def masked(tool: str) -> str:
    """A tool's name as it may leave the site: the server of an MCP tool is nobody's business.

    >>> masked("mcp__linear-server__create_issue")
    'mcp__*__create_issue'
    """
    return re.sub(r"^mcp__.+?__", "mcp__*__", tool)


def under_mask(table: Iterable[Sequence[Any]]) -> Counter[Any]:
    """A table of truths as counts under the mask: by tool, or by pair of tools."""
    counts: Counter[Any] = Counter()
    for name, count in table:
        counts[masked(name) if isinstance(name, str) else tuple(map(masked, name))] += count
    return counts


class Call(NamedTuple):
    """A tool call as a transcript tells it; `ok` None where it tells no result."""

    tool: str
    called_us: int
    ok: bool | None
    finished_us: int | None


def transcripts(data: Path) -> list[list[Call]]:
    """The calls of every session in file order, read from the raw files by no other code."""
    files = sorted((data / "claude-code-sessions").glob("*.jsonl"))
    return [list(_calls(path)) for path in files]


def _calls(path: Path) -> Iterator[Call]:
    calls: dict[str, tuple[str, int]] = {}
    results: dict[str, tuple[bool, int]] = {}
    for text in path.read_bytes().splitlines():
        line = json.loads(text)
        if line.get("isSidechain") or line["type"] not in {"user", "assistant"}:
            continue
        content = line["message"]["content"]
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_use":
                calls.setdefault(block["id"], (masked(block["name"]), time_us(line["timestamp"])))
            elif block["type"] == "tool_result":
                ok = block.get("is_error") is not True
                results.setdefault(block["tool_use_id"], (ok, time_us(line["timestamp"])))
    for identity, (tool, called_us) in calls.items():
        yield Call(tool, called_us, *results.get(identity, (None, None)))


class Recovery(NamedTuple):
    """What became of a failed call and the call after it."""

    pair: tuple[str, str]
    outcome: str  # parallel, recovered, failed, undecided
    attempts: int = 0
    elapsed_us: int = 0


def recoveries(session: list[Call]) -> Iterator[Recovery]:
    """Every pair after an error with its outcome, decided by looking at the whole session."""
    for place, (failed, after) in enumerate(pairwise(session)):
        if failed.ok is False:
            assert failed.finished_us is not None
            yield _recovery(failed, after, session[place + 1 : place + 1 + REACH])


def _recovery(failed: Call, after: Call, following: list[Call]) -> Recovery:
    pair = (failed.tool, after.tool)
    assert failed.finished_us is not None
    if after.called_us < failed.finished_us:
        return Recovery(pair, "parallel")
    attempts = 0
    for call in following:
        if call.ok is None:
            return Recovery(pair, "undecided")
        attempts += call.tool == failed.tool
        if call.ok and call.tool == failed.tool:
            assert call.finished_us is not None
            return Recovery(pair, "recovered", attempts, call.finished_us - failed.finished_us)
    return Recovery(pair, "failed" if len(following) == REACH else "undecided")


def runs_of(session: list[Call]) -> Iterator[tuple[str, ...]]:
    """Every run of three to five tools in a row."""
    tools = [call.tool for call in session]
    for length in (3, 4, 5):
        for start in range(len(tools) - length + 1):
            yield tuple(tools[start : start + length])
