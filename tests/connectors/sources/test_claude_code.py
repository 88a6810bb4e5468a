"""Transcripts of Claude Code, made here: what becomes an event, and what is only counted."""

from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Report
from connectors.sources.claude_code import ClaudeCode
from schemas.events import (
    ModelCalled,
    SessionStarted,
    ToolCalled,
    ToolFinished,
    UserInterrupted,
    UserPrompted,
)
from tests.connectors.sources.transcripts import (
    TIME_US,
    assistant,
    of_type,
    read,
    text_of,
    tool_result,
    tool_use,
    user,
)


def test_the_first_line_of_the_conversation_names_the_session(tmp_path: Path) -> None:
    """A resumed session is another file that begins with the same line."""
    events, report = read(tmp_path, {"type": "summary"}, user("first"), assistant())

    started = events[0]
    assert (started.id, started.time_us) == ("first/started", TIME_US)
    assert started.data == SessionStarted(session_id="first", agent="claude-code")
    assert {event.key for event in events} == {b"first"}
    assert {event.source for event in events} == {"claude-code"}
    assert report.sessions == 1


def test_a_resumed_session_repeats_its_copied_lines_and_goes_on(tmp_path: Path) -> None:
    copied = [user(), assistant(tool_use("toolu_1"))]
    (tmp_path / "a.jsonl").write_bytes(text_of(*copied))
    (tmp_path / "b.jsonl").write_bytes(
        text_of(*copied, assistant(tool_use("toolu_2"), message="msg_2"))
    )
    source, report = ClaudeCode(), Report()

    events = list(source.read(source.files(tmp_path), report))

    calls = of_type(events, ToolCalled)
    assert [event.id for event in calls] == ["toolu_1", "toolu_1", "toolu_2"]
    assert calls[0] == calls[1]
    assert calls[2].data.model_dump()["previous_event_id"] == "toolu_1"
    assert (report.files, report.sessions) == (2, 1)


def test_parallel_calls_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    events, _ = read(
        tmp_path,
        user(),
        assistant(tool_use("t1", "Read"), tool_use("t2", "Grep")),
        assistant(tool_use("t3", "Bash")),
        assistant(tool_use("t3", "Bash")),
    )

    calls = of_type(events, ToolCalled)
    session = {"session_id": "u1", "agent": "claude-code"}
    assert [event.data for event in calls] == [
        ToolCalled(**session, tool="Read", previous_event_id=None, seq=0),
        ToolCalled(**session, tool="Grep", previous_event_id="t1", seq=1),
        ToolCalled(**session, tool="Bash", previous_event_id="t2", seq=2),
    ]


def test_the_first_result_of_a_call_counts(tmp_path: Path) -> None:
    failed = tool_result(is_error=True, content="Exit code 1\nno")
    events, report = read(
        tmp_path,
        user(),
        user("early", [tool_result()]),
        assistant(tool_use()),
        user("r1", [failed]),
        user("r2", [tool_result()]),
    )

    (finished,) = of_type(events, ToolFinished)
    assert (finished.id, finished.time_us) == ("toolu_1/result", TIME_US)
    assert finished.data == ToolFinished(
        session_id="u1", call_id="toolu_1", ok=False, error_class="exit_code"
    )
    assert report.orphan_results == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("The user doesn't want to proceed with this tool use.", "rejected"),
        ("<tool_use_error>Sibling tool call errored</tool_use_error>", "sibling_error"),
        ("Exit code 128\nfatal: /home/someone", "exit_code"),
        ("<tool_use_error>File does not exist.</tool_use_error>", "tool_use_error"),
        ([{"type": "text", "text": "Exit code 2"}], "exit_code"),
        ("ENOENT: no such file", "other"),
        ([], "other"),
        ([7], "other"),
        (None, "other"),
        ({"text": "Exit code 1"}, "other"),
    ],
)
def test_an_error_has_a_class_and_never_its_text(
    tmp_path: Path, content: Any, expected: str
) -> None:
    result = tool_result(is_error=True, content=content)

    events, _ = read(tmp_path, user(), assistant(tool_use()), user("r", [result]))

    (finished,) = of_type(events, ToolFinished)
    assert finished.data.model_dump()["error_class"] == expected


def test_an_api_response_on_several_lines_is_one_model_call(tmp_path: Path) -> None:
    """Its time is that of its first line, its tokens are those of the greatest output."""
    later = "2026-01-02T03:04:09.000Z"
    events, _ = read(
        tmp_path,
        user(),
        assistant(output=1),
        assistant(output=9, timestamp=later),
        assistant(output=4, timestamp=later),
    )

    (called,) = of_type(events, ModelCalled)
    assert (called.id, called.subject, called.revision) == ("msg_1@9", "msg_1", 9)
    assert called.time_us == TIME_US
    assert called.data == ModelCalled(
        session_id="u1",
        agent="claude-code",
        message_id="msg_1",
        model="opus",
        input_tokens=3,
        output_tokens=9,
        cache_read_tokens=20,
        cache_write_tokens=10,
    )


def test_what_was_stated_under_an_id_is_never_contradicted(tmp_path: Path) -> None:
    """Of lines with equal output tokens, and of lines with one uuid, the first one counts."""
    tied = assistant(output=7)
    tied["message"]["usage"]["input_tokens"] = 99
    lines = [user(), assistant(output=7), user("u2", "first")]

    before, _ = read(tmp_path, *lines)
    after, _ = read(tmp_path, *lines, tied, user("u2", "second"))

    assert after == before


@pytest.mark.parametrize(
    ("line", "characters"),
    [
        (user("p", "four"), 4),
        (user("p", [{"type": "text", "text": "ab"}, {"type": "text", "text": "cde"}]), 5),
        (user("p", "<command-name>/review</command-name>"), 36),
        (user("p", "skill text", isMeta=True), None),
        (user("p", "summary", isCompactSummary=True), None),
        (user("p", "<local-command-stdout>Bye!</local-command-stdout>"), None),
        (user("p", "<bash-stdout>x</bash-stdout>"), None),
        (user("p", [tool_result(), {"type": "text", "text": "note"}]), None),
        (user("p", [{"type": "image", "source": {}}]), None),
    ],
)
def test_a_prompt_is_what_a_person_wrote_and_only_its_length_is_kept(
    tmp_path: Path, line: dict[str, Any], characters: int | None
) -> None:
    events, _ = read(tmp_path, user("first", [tool_result("none")]), line)

    lengths = [event.data.model_dump()["characters"] for event in of_type(events, UserPrompted)]
    assert lengths == ([] if characters is None else [characters])
    assert not of_type(events, UserInterrupted)


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "[Request interrupted by user]"}],
        [{"type": "text", "text": "[Request interrupted by user for tool use]"}],
        [tool_result("t"), {"type": "text", "text": "[Request interrupted by user for tool use]"}],
        "[Request interrupted by user]",
    ],
)
def test_an_interrupt_is_no_prompt(tmp_path: Path, content: Any) -> None:
    events, _ = read(tmp_path, user(), user("stop", content))

    (stopped,) = of_type(events, UserInterrupted)
    assert (stopped.id, stopped.time_us) == ("stop", TIME_US)
    assert [event.id for event in of_type(events, UserPrompted)] == ["u1"]


def test_calls_of_subagents_are_counted_and_not_imported(tmp_path: Path) -> None:
    nested = {"type": "assistant", "message": {"content": [tool_use("n1"), tool_use("n2")]}}
    progress = {"type": "progress", "data": {"type": "agent_progress", "message": nested}}
    aside = assistant(tool_use("n3"), isSidechain=True, uuid="aside")

    events, report = read(tmp_path, aside, user(), progress, progress, assistant(tool_use("t1")))

    assert report.nested_calls == 3
    assert [event.id for event in of_type(events, ToolCalled)] == ["t1"]
    assert {event.key for event in events} == {b"u1"}
    assert report.broken == 0


def test_a_last_line_without_newline_is_left_for_the_next_import(tmp_path: Path) -> None:
    events, report = read(tmp_path, user(), text_of(assistant(tool_use()))[:-1])

    assert not of_type(events, ToolCalled)
    assert (report.unfinished, report.broken) == (1, 0)


def test_a_file_without_a_conversation_gives_nothing(tmp_path: Path) -> None:
    events, report = read(tmp_path, {"type": "summary"}, b"\n", b"   \n")

    assert not events
    assert (report.files, report.sessions, report.broken) == (1, 0, 0)


def test_a_file_that_vanished_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "there.jsonl"
    path.write_bytes(text_of(user()))
    report = Report()

    events = list(ClaudeCode().read([tmp_path / "gone.jsonl", path], report))

    assert len(events) == 2
    assert (report.unreadable_files, report.files) == (1, 1)


def test_a_disk_that_gives_no_more_ends_one_file_and_not_the_import(tmp_path: Path) -> None:
    failing = Path("/proc/self/mem")  # opens, and cannot be read from its beginning
    if not failing.exists():
        pytest.skip("this system has no file that opens and cannot be read")
    path = tmp_path / "there.jsonl"
    path.write_bytes(text_of(user()))
    report = Report()

    events = list(ClaudeCode().read([failing, path], report))

    assert len(events) == 2
    assert report.unreadable_files == 1


def test_the_users_own_transcripts_are_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert ClaudeCode().default_paths() == []

    projects = tmp_path / ".claude" / "projects"
    projects.mkdir(parents=True)

    assert ClaudeCode().default_paths() == [projects]
