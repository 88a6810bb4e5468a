"""Claude Code's transcripts: one JSONL file a session, as it lies in `~/.claude/projects`.

The format is internal to its maker and changes between releases, so everything is taken as it
comes. What is not obvious:

* One API response is written as several lines that each repeat `usage`. Its natural key is
  `message.id`, its revision `output_tokens`; the first line with the greatest count states it, so
  that a file which grows never says two things under one id.
* A resumed session is a new file that begins with copied lines. The uuid of the first line of the
  conversation names the session in both.
* Lines of a subagent (`isSidechain`, or nested in `progress`) belong to another agent: their calls
  are counted, not imported. A transcript states no end of its session.
* Only lengths of prompts are kept, and error classes instead of error texts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from connectors.contract import Report
from connectors.sources.lines import (
    NOT_JSON,
    files_under,
    finished_lines,
    moment_of,
    name_of,
    whole_number,
    wrong_with,
)
from schemas.envelope import Event
from schemas.errors import Refused
from schemas.events import (
    ErrorClass,
    ModelCalled,
    SessionStarted,
    ToolCalled,
    ToolFinished,
    UserInterrupted,
    UserPrompted,
)
from schemas.fact import Payload

SOURCE: Final = "claude-code"
"""Source and agent of every event of this format."""

INTERRUPTED: Final = "[Request interrupted by user"
"""How a line begins that says the user stopped the agent."""

_CONVERSATION = frozenset({"user", "assistant"})
_WITHOUT_EVENTS = frozenset(
    {"progress", "system", "summary", "file-history-snapshot", "queue-operation", "pr-link"}
)
_ERROR_PREFIXES: tuple[tuple[str, ErrorClass], ...] = (
    ("The user doesn't want to proceed", "rejected"),
    ("<tool_use_error>Sibling tool call errored", "sibling_error"),
    ("Exit code ", "exit_code"),
    ("<tool_use_error>", "tool_use_error"),
)
_MACHINE_WRITTEN = (
    "<local-command-caveat>",
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<bash-stdout>",
    "<bash-stderr>",
)


class ClaudeCode:
    """Reads transcripts of Claude Code."""

    name = "claude-code"
    source = SOURCE
    describes = "Claude Code's transcripts (JSONL): tool calls, API calls, prompts, interrupts"

    def default_paths(self) -> list[Path]:
        """The user's own transcripts, where there are some."""
        try:
            projects = Path.home() / ".claude" / "projects"
        except RuntimeError:  # nobody's home
            return []
        return [projects] if projects.is_dir() else []

    def files(self, path: Path) -> list[Path]:
        """The `.jsonl` files of a folder, or the file itself."""
        return files_under(path)

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Event]:
        """Every transcript, line by line; its API calls follow at its end."""
        sessions: set[str] = set()
        for path in files:
            transcript = _Transcript(report)
            yield from map(report.counted, transcript.read(path))
            if transcript.session and transcript.session not in sessions:
                sessions.add(transcript.session)
                report.sessions += 1


class _Line(msgspec.Struct, rename="camel"):
    """The fields of a line that are looked at; of any type, since nothing is promised."""

    type: Any = None
    uuid: Any = None
    timestamp: Any = None
    message: Any = None
    is_sidechain: Any = None
    is_meta: Any = None
    is_compact_summary: Any = None


class _Progress(msgspec.Struct):
    """The subagent's message within a `progress` line."""

    data: dict[str, Any]


_LINE = msgspec.json.Decoder(_Line)
_PROGRESS = msgspec.json.Decoder(_Progress)


class _Response(msgspec.Struct):
    """One API response, as far as its lines have told it."""

    time_us: int | None
    model: str | None = None
    revision: int = -1
    usage: dict[str, Any] = {}


class _Transcript:
    """One file's state: what has been seen of its one session."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.session: str | None = None
        self.previous: str | None = None
        self.calls: set[str] = set()
        self.stated: set[str] = set()
        self.nested: set[str] = set()
        self.responses: dict[str, _Response] = {}
        self.odd = False

    def read(self, path: Path) -> Iterator[Event]:
        """The events of the file."""
        for number, text in finished_lines(path, self.report):
            self.odd = False
            wrong = "holds something that cannot be read"
            try:
                yield from self._line(_LINE.decode(text), text)
            except (*NOT_JSON, ValidationError, Refused) as error:
                self.odd, wrong = True, wrong_with(error)
            if self.odd:
                self.report.broke(path, wrong, number)
        yield from self._model_calls()

    def _line(self, line: _Line, text: bytes) -> Iterator[Event]:
        if line.type == "progress":
            if b'"tool_use"' in text:
                self._count_nested(_nested_message(text))
        elif isinstance(line.type, str) and line.type in _CONVERSATION:
            if line.is_sidechain is True:
                self._count_nested(line.message)
            else:
                yield from self._conversation(line)
        elif not isinstance(line.type, str) or line.type not in _WITHOUT_EVENTS:
            self.report.unknown_line(line.type)

    def _conversation(self, line: _Line) -> Iterator[Event]:
        time_us = moment_of(line.timestamp)
        if self.session is None:
            self.session = name_of(line.uuid)
            if self.session is None:
                self.odd = True
                return
            start = SessionStarted(session_id=self.session, agent=SOURCE)
            yield from self._state(f"{self.session}/started", start, time_us)
        if not isinstance(line.message, dict):
            self.odd = True
        elif line.type == "assistant":
            self._response(line.message, time_us)
            yield from self._tool_calls(self.session, line.message, time_us)
        else:
            yield from self._user_line(self.session, line, time_us)

    def _response(self, message: dict[str, Any], time_us: int | None) -> None:
        """Remember what the line says of its API response."""
        identity, model = name_of(message.get("id")), name_of(message.get("model"))
        stated = message.get("usage")
        usage = stated if isinstance(stated, dict) else {}
        output = whole_number(usage.get("output_tokens"))
        if identity is None:
            self.odd = True
            return
        response = self.responses.setdefault(identity, _Response(time_us))
        if output is None or model is None:
            self.odd = True
        elif output > response.revision:
            response.revision, response.usage, response.model = output, usage, model

    def _model_calls(self) -> Iterator[Event]:
        for identity, response in self.responses.items():
            if self.session is None or response.model is None:
                continue
            usage = response.usage
            called = ModelCalled(
                session_id=self.session,
                agent=SOURCE,
                message_id=identity,
                model=response.model,
                input_tokens=whole_number(usage.get("input_tokens")),
                output_tokens=response.revision,
                cache_read_tokens=whole_number(usage.get("cache_read_input_tokens")),
                cache_write_tokens=whole_number(usage.get("cache_creation_input_tokens")),
            )
            yield Event(
                source=SOURCE,
                id=f"{identity}@{response.revision}",
                data=called,
                time_us=response.time_us,
                subject=identity,
                revision=response.revision,
            )

    def _tool_calls(
        self, session: str, message: dict[str, Any], time_us: int | None
    ) -> Iterator[Event]:
        for block in self._blocks(message, "tool_use"):
            identity, tool = name_of(block.get("id")), name_of(block.get("name"))
            if identity is None or tool is None:
                self.odd = True
            elif identity not in self.stated:
                called = ToolCalled(
                    session_id=session,
                    agent=SOURCE,
                    tool=tool,
                    previous_event_id=self.previous,
                    seq=len(self.calls),
                )
                self.calls.add(identity)
                self.previous = identity
                yield from self._state(identity, called, time_us)

    def _user_line(self, session: str, line: _Line, time_us: int | None) -> Iterator[Event]:
        message, identity = line.message, name_of(line.uuid)
        has_result = False
        for block in self._blocks(message, "tool_result"):
            has_result = True
            yield from self._tool_result(session, block, time_us)
        texts = self._texts(message)
        if not texts:
            return
        if identity is None:
            self.odd = True
        elif any(text.startswith(INTERRUPTED) for text in texts):
            stopped = UserInterrupted(session_id=session, agent=SOURCE)
            yield from self._state(identity, stopped, time_us)
        elif not (has_result or line.is_meta or line.is_compact_summary or _by_machine(texts)):
            characters = sum(map(len, texts))
            prompted = UserPrompted(session_id=session, agent=SOURCE, characters=characters)
            yield from self._state(identity, prompted, time_us)

    def _tool_result(
        self, session: str, block: dict[str, Any], time_us: int | None
    ) -> Iterator[Event]:
        call = name_of(block.get("tool_use_id"))
        if call is None:
            self.odd = True
        elif call not in self.calls:
            self.report.orphan_results += 1
        else:
            failed = block.get("is_error") is True
            finished = ToolFinished(
                session_id=session,
                call_id=call,
                ok=not failed,
                error_class=_error_class(block.get("content")) if failed else None,
            )
            yield from self._state(f"{call}/result", finished, time_us)

    def _state(self, identity: str, data: Payload, time_us: int | None) -> Iterator[Event]:
        """The event, if it is the first of its id: what was stated is never contradicted."""
        if identity not in self.stated:
            self.stated.add(identity)
            yield Event(source=SOURCE, id=identity, data=data, time_us=time_us)

    def _texts(self, message: dict[str, Any]) -> list[str]:
        content = message.get("content")
        if isinstance(content, str):
            return [content]
        texts = [block.get("text") for block in self._blocks(message, "text")]
        return [text for text in texts if isinstance(text, str)]

    def _blocks(self, message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        """The content blocks of a kind; a plain text has none."""
        content = message.get("content")
        if not isinstance(content, list):
            self.odd |= not isinstance(content, str)
            return []
        blocks = [block for block in content if isinstance(block, dict)]
        self.odd |= len(blocks) != len(content)
        return [block for block in blocks if block.get("type") == kind]

    def _count_nested(self, message: Any) -> None:
        if not isinstance(message, dict):
            self.odd = True
            return
        for block in self._blocks(message, "tool_use"):
            identity = name_of(block.get("id"))
            if identity is not None and identity not in self.nested:
                self.nested.add(identity)
                self.report.nested_calls += 1


def _nested_message(text: bytes) -> Any:
    """The message of a subagent that a `progress` line reports."""
    line = _PROGRESS.decode(text).data.get("message")
    return line.get("message") if isinstance(line, dict) else {"content": []}


def _error_class(content: Any) -> ErrorClass:
    """Why a call failed, by how its text begins; the text itself goes no further."""
    if isinstance(content, list) and content and isinstance(content[0], dict):
        content = content[0].get("text")
    if isinstance(content, str):
        for prefix, error_class in _ERROR_PREFIXES:
            if content.startswith(prefix):
                return error_class
    return "other"


def _by_machine(texts: list[str]) -> bool:
    """Whether a user line holds the output of a local command and nobody's words."""
    return all(text.startswith(_MACHINE_WRITTEN) for text in texts)
