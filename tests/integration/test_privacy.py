"""Secrets planted wherever a source can hold one, and looked for in all that leaves the site.

A secret carries a mark that nothing else holds and that every encoding leaves as it is. Where a
thing has the shape of an address, there is no room for the mark, and the thing itself is looked
for. Names are planted in the shapes people leave secrets in: keys, paths, addresses, prose.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import motif
from motif.node import Node
from schemas.log import Record
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS, TOPICS, Topic
from tests.connectors.sources.transcripts import assistant, text_of, tool_result, tool_use, user
from tests.integration.rows import asked

MARK = "Zq7Kx9Wv"

NAMES = {
    "an Anthropic key": f"sk-ant-api03-{MARK}AAbbCCdd0011",
    "an OpenAI key": f"sk-proj-{MARK}0123456789abcdef",
    "a GitHub token": f"ghp_{MARK}0123456789abcdefABCDEF01",
    "a fine-grained token": f"github_pat_{MARK}_0123456789abcdef",
    "a Slack token": f"xoxb-123456789012-{MARK}",
    "a GitLab token": f"glpat-{MARK}0123456789",
    "a Hugging Face token": f"hf_{MARK}0123456789abcdef",
    "an AWS key": f"AKIA{MARK}IOSFODNN7",
    "a Google key": f"AIza{MARK}SyD0123456789",
    "a JSON Web Token": f"eyJhbGciOiJI{MARK}.eyJzdWIi.c2ln",
    "a long key": f"{MARK}0123456789abcdef0123456789abcdef",
    "a key behind a word": f"token:sk-{MARK}0123456789abcdef",
    "a home": f"/home/{MARK}/notes.txt",
    "a home of a Mac": f"/Users/{MARK}/notes.txt",
    "a home by its sign": f"~{MARK}/notes.txt",
    "a home of Windows": f"C:\\Users\\{MARK}\\notes.txt",
    "a path within a name": f"tool:/home/{MARK}",
    "a mail address": f"ann.{MARK}@corp.example",
    "an address of a server": f"https://{MARK}.corp.example/x",
    "a database": f"postgres://ann:{MARK}@db/x",
    "a password": f"password={MARK}",
    "a question": f"What does {MARK} mean?",
    "lines": f"first\n{MARK}",
    "prose": f"please read the file about {MARK} and tell me more",
    "another alphabet": f"Приказ {MARK}",
    "a long name": f"{MARK}-" * 40,
}
"""Names of tools, agents, models and task types that must not be shown."""

ADDRESSES = {
    "an IPv4 address": "192.168.77.203",
    "an address with a port": "10.21.77.203:8080",
    "a MAC address": "00:1a:2b:7c:4d:5e",
    "an IPv6 address": "2001:db8:77a3:9::7c",
}
"""As `NAMES`, without room for the mark."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "transcript.jsonl").write_bytes(transcript())
    (folder / "analytics.jsonl").write_bytes(text_of(*analytics()))
    (folder / "events.jsonl").write_bytes(text_of(*cloud_events(), *broken()))
    with motif.open(folder / "node") as opened:
        opened.import_files("claude-code", [folder / "transcript.jsonl"])
        opened.import_files("aider", [folder / "analytics.jsonl"])
        opened.import_files("jsonl", [folder / "events.jsonl"])
        opened.settle()
        yield opened


def test_the_secrets_are_in_what_stays_at_the_site(node: Node) -> None:
    """So that looking for them elsewhere says something."""
    kept = b"".join(record.value or b"" for record in records(node, AGENT_EVENTS)).decode()
    for name in (*NAMES.values(), *ADDRESSES.values()):
        assert json.dumps(name, ensure_ascii=False)[1:-1] in kept
    assert kept.count(MARK) > 400
    assert len(node.dead_letters()) == len(list(broken()))
    assert any(MARK.encode() in (record.value or b"") for record in records(node, DEAD_LETTERS))


def test_from_all_of_them_something_was_learned(node: Node) -> None:
    kinds = {kind for (kind,) in asked(node, "SELECT DISTINCT kind FROM patterns")}
    shown = {title for (title,) in asked(node, "SELECT title FROM patterns")}

    assert kinds == {
        *("model", "tool", "tool_usage", "error_recovery", "task_sequence", "task"),
        *("error", "agent_usage", "correction"),
    }
    assert "masked" in shown
    assert "mcp__*__masked" in shown
    assert "masked by masked" in shown
    assert "Bash" in shown


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_no_topic_that_leaves_the_site_holds_one(node: Node, topic: Topic) -> None:
    """The private topics are looked at too, to see that the search finds what is there."""
    found = [secret for record in records(node, topic) for secret in secrets_in(_texts(record))]

    assert not found or topic.private


def test_what_is_handed_to_another_site_holds_none(node: Node, tmp_path: Path) -> None:
    carried = node.contributions()
    with motif.open(tmp_path) as other:
        other.take_in(carried)
        other.settle()

        assert asked(other, "SELECT count(*) FROM patterns") == asked(
            node, "SELECT count(*) FROM patterns"
        )
        for topic in TOPICS:
            for record in records(other, topic):
                assert not secrets_in(_texts(record)), topic.name
    assert not [secret for one in carried for secret in secrets_in([one.value, one.label.encode()])]


def test_no_table_of_what_was_learned_holds_one(node: Node) -> None:
    views = [
        name
        for (name,) in asked(
            node,
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
            " AND (starts_with(view_name, 'v_') OR starts_with(view_name, 'pattern')"
            " OR view_name = 'contributions')",
        )
    ]
    assert {"patterns", "pattern_measures", "pattern_sites", "contributions"} <= set(views)

    for table in (*views, "pattern_rows", "contributed"):
        rows = asked(node, f"SELECT to_json(t)::VARCHAR FROM {table} t")
        assert not [secret for (row,) in rows for secret in secrets_in([row.encode()])], table


def secrets_in(texts: list[bytes]) -> list[str]:
    """The secrets that stand in some bytes, as they are or percent-encoded."""
    found = []
    for text in texts:
        lowered = text.lower()
        forms = {MARK, *ADDRESSES.values(), *map(quote, ADDRESSES.values())}
        found += [form for form in forms if form.lower().encode() in lowered]
    return found


def records(node: Node, topic: Topic) -> Iterator[Record]:
    """Every record of a topic."""
    for partition in range(node.log.partitions):
        end = node.log.end(topic.name, partition)
        yield from node.log.read(topic.name, partition, 0, max(1, end))


def _texts(record: Record) -> list[bytes]:
    headers = [part for name, value in record.headers for part in (name.encode(), value)]
    return [record.key or b"", record.value or b"", *headers]


def transcript() -> bytes:
    """A session in which everything that can hold text holds a secret."""
    place = {
        "cwd": f"/home/{MARK}/project",
        "gitBranch": f"{MARK}/branch",
        "sessionId": f"{MARK}-session",
        "version": f"2.1-{MARK}",
        "slug": f"{MARK}-slug",
        "requestId": f"req_{MARK}",
        "userType": MARK,
        "hostname": f"{MARK}.local",
    }
    tools = [
        "Bash",
        *NAMES.values(),
        *ADDRESSES.values(),
        *(f"mcp__{MARK}-server__list", f"mcp__{MARK}.corp__find_{'x' * 3}"),
        *(f"mcp__linear__{name}" for name in NAMES.values()),
        "Bash",
    ]
    lines: list[Any] = [user(f"{MARK}-first", f"My key is {MARK}", **place)]
    for number, tool in enumerate(tools):
        call = f"toolu_{MARK}_{number}"
        block = {**tool_use(call, tool), "input": {"command": MARK, MARK: f"/home/{MARK}"}}
        text = f"Exit code 1\n{MARK}" if number % 2 else f"{MARK} was not found"
        answer = tool_result(call, content=text, is_error=number % 3 > 0)
        model = [*NAMES.values(), *ADDRESSES.values(), "opus"][number % 31]
        said = assistant({"type": "text", "text": MARK}, block, message=f"msg_{MARK}_{number}")
        said["message"]["model"] = model
        lines.append({**said, **place})
        lines.append(user(f"{MARK}-{number}", [answer], toolUseResult={"stdout": MARK}, **place))
    lines.append({"type": MARK, "text": MARK})
    lines.append(user(f"{MARK}-stop", f"[Request interrupted by user for {MARK}]", **place))
    return text_of(*lines)


def analytics() -> Iterator[dict[str, Any]]:
    """Lines of Aider's analytics, with secrets in every property."""
    for number, name in enumerate((*NAMES.values(), *ADDRESSES.values())):
        yield {
            "event": "message_send",
            "properties": {
                "main_model": name,
                "weak_model": name,
                "exception": f"No such file: /home/{MARK}/{number}",
                "os_platform": MARK,
                "prompt_tokens": 7,
                "completion_tokens": 8,
                "total_tokens": 15,
                "cost": 0.25,
                MARK: {"deep": [MARK]},
            },
            "user_id": f"{MARK}-user-{number}",
            "time": 1_732_226_501 + number,
        }
        yield {"event": name[:200], "properties": {}, "user_id": MARK, "time": 1_732_226_501}


def cloud_events() -> Iterator[dict[str, Any]]:
    """Events of any producer, with secrets in every field and around them."""
    for number, name in enumerate((*NAMES.values(), *ADDRESSES.values(), "harmless")):
        yield _document(
            f"task-{MARK}-{number}",
            "motif.task.completed.v1",
            task_type=name,
            agent=name,
            success=bool(number % 2),
            user_id=f"{MARK}-user",
            project_name=MARK,
            git_branch=f"{MARK}/branch",
            git_commit=MARK,
            tags=[MARK],
            metadata={MARK: MARK},
            submission=MARK,
        )
        yield from _records(number, name)
        yield _document(
            f"ended-{MARK}-{number}",
            "motif.session.ended.v1",
            session_id=f"{MARK}-{number}",
            agent=name,
            outcome=MARK,
        )
        yield _document(
            f"seen-{MARK}-{number}",
            "motif.interaction.observed.v1",
            session_id=f"{MARK}-{number}",
            task=name,
            tool_used=name,
            error=f"{MARK} failed",
            recovery_action=name,
            method=name,
        )


def _records(number: int, name: str) -> Iterator[dict[str, Any]]:
    """Agent records with a secret wherever text is taken."""
    yield _document(
        f"error-{MARK}-{number}",
        "motif.error.occurred.v1",
        error_type=name[:100],
        error_message=f"cannot open {name} of {MARK}: 'file {MARK}'",
        stack_trace=f"File {MARK}",
        resolution=f"use {name}",
        project_name=MARK,
    )
    yield _document(
        f"used-{MARK}-{number}",
        "motif.agent.used.v1",
        agent_type=name,
        task_type=name,
        success=True,
        duration_us=5,
        tools_used=[name, f"mcp__{MARK}__find"],
    )
    yield _document(
        f"corrected-{MARK}-{number}",
        "motif.user.corrected.v1",
        original_output=name,
        corrected_output=MARK,
        correction_type=name,
        agent=name,
        correction_category=name,
        user_feedback=MARK,
    )


def broken() -> Iterator[bytes]:
    """Lines that are refused, with secrets in them."""
    yield f"{MARK} is no JSON\n".encode()
    yield (
        json.dumps({"specversion": "1.0", "id": MARK, "source": MARK, "type": MARK}).encode()
        + b"\n"
    )


def _document(identity: str, type_name: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": identity,
        "source": f"https://{MARK}.corp.example",
        "type": type_name,
        "time": "2026-01-02T03:04:05Z",
        "host": f"{MARK}.local",
        "data": {**data, "unknown": MARK},
    }
