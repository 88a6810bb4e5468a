"""Transcripts of Claude Code for tests, line by line, and what they are read as."""

import json
from pathlib import Path
from typing import Any

from connectors.contract import Report
from connectors.sources.claude_code import ClaudeCode
from schemas.envelope import Event

TIME = "2026-01-02T03:04:05.678Z"
TIME_US = 1_767_323_045_678_000


def user(uuid: str = "u1", content: Any = "Fix the bug", **more: Any) -> dict[str, Any]:
    """A line of the user."""
    message = {"role": "user", "content": content}
    return {"type": "user", "uuid": uuid, "timestamp": TIME, "message": message, **more}


def assistant(*content: Any, message: str = "msg_1", output: Any = 7, **more: Any) -> Any:
    """A line of an API response."""
    usage = {
        "input_tokens": 3,
        "output_tokens": output,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 10,
    }
    stated = {"id": message, "model": "opus", "content": list(content), "usage": usage}
    return {"type": "assistant", "uuid": "a1", "timestamp": TIME, "message": stated, **more}


def tool_use(call: Any = "toolu_1", tool: Any = "Bash") -> dict[str, Any]:
    """A block that calls a tool."""
    return {"type": "tool_use", "id": call, "name": tool, "input": {"command": "ls"}}


def tool_result(call: Any = "toolu_1", **more: Any) -> dict[str, Any]:
    """A block that answers a call."""
    return {"type": "tool_result", "tool_use_id": call, "content": "fine", **more}


def text_of(*lines: Any) -> bytes:
    """The lines as a file holds them; bytes stand as they are."""
    return b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )


def read(folder: Path, *lines: Any) -> tuple[list[Event], Report]:
    """The events of a file with these lines, and the report."""
    path = folder / "session.jsonl"
    path.write_bytes(text_of(*lines))
    report = Report()
    return list(ClaudeCode().read([path], report)), report


def of_type(events: list[Event], payload: type) -> list[Event]:
    """The events with this payload."""
    return [event for event in events if type(event.data) is payload]
