"""Names that may be shown, and names that may not."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources import SOURCES, Report
from schemas.envelope import Event
from schemas.events import ModelCalled, TaskCompleted, ToolCalled
from streams.names import MASKED, public_name, public_tool

SHOWN = [
    "AskUserQuestion",
    "Bash",
    "mcp-tool",
    "NotebookEdit",
    "claude-code",
    "aider",
    "<synthetic>",
    "None",
    "o1",
    "gpt-4o",
    "fireworks_ai/accounts/fireworks/models/deepseek-v3",
    "openrouter/REDACTED",
    "ollama/qwen2.5-coder:32b",
    "fireworks_ai/accounts/fireworks/models/qwen2p5-coder-32b-instruct",
    "claude-sonnet-4-5-20250929",
    "bedrock/us.anthropic.claude-3-5-haiku-20241022-v1:0",
    "anthropic.claude-instant-v1:2:100k",
    "openrouter/google/gemini-2.5-pro-exp-03-25:free",
    "openrouter/anthropic/claude-3.5-sonnet",
    "ollama/Qwen2.5.1-Coder-7B-Instruct-GGUF:Q8_0-32k",
    "ollama/wojtek/opencodeinterpreter:6.7b",
    "claude-3-5-sonnet@20240620",
    "text-bison@001",
    "Qwen2.5-Coder-32B-Instruct",
    "Llama-3.1-405b",
    "pplx-7b-online",
    "hf-model-inference",
    "crack-7z-hash.easy",
    "incompatible-python-fasttext.base_with_hint",
    "glm-4.5",
    "x-ai/grok-4",
    "20250825_swe-agent-mini_claude-4-sonnet",
    "code_generation",
    "wf:deploy:backend",
    "command-r+",
    "c++",
    "a",
]
SPACED = ["Gemini 2.5 Pro Preview 03-25", "GitHub Copilot", "code review", "Mistral Large 2"]

MASKED_NAMES = {
    "paths": """
        /home/ann/notes.txt /etc/passwd ~/secrets C:\\Users\\ann C:/Users/ann \\\\server\\share
        home/ann/x Users/ann/Desktop/x.md src/acme/main.py ./run.sh ../up a/../../etc/passwd
        file:///tmp/x customers.csv id_rsa.pem var/lib/x work/Documents/salaries
    """,
    "addresses": """
        ann@example.com ann.b-c@mail.example.co.uk root@build01 10.0.0.1 host-192.168.1.17
        192.168.1.17:8080 fe80::1 2001:db8::8a2e:370:7334 ::1
        2001:0db8:85a3:0000:0000:8a2e:0370:7334 00:1B:44:11:3A:B7 00-1b-44-11-3a-b7
        001b.4411.3ab7 https://intra/x ssh://git@host/x
        localhost localhost:8000 db01:5432 db.corp.acme.internal build7.acme.com vault.acme.io:443
        printer.local 1.2.3.4 mcp__acme__query MCP__acme x-mcp__acme__query
    """,
    "keys": """
        sk-ant-api03-abcdefghijklmnop sk-proj-1234567890abcdef sk_live_1234567890abcdef
        ghp_16C7e42F292c6912E7710c838347Ae178B4a github_pat_11ABCDEFG0123456789_abcdefghij
        xoxb-123456789012-abcdefghij AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE
        wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY AIzaSyA-1234567890abcdefghijklmnopqrstu
        glpat-abcdefghij0123456789 hf_abcdefghijklmnopqrstuvwxyz
        npm_abcdefghijklmnopqrstuvwxyz0123456789
        eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl SG.abcdefghijklmnop.qrstuvwxyz
        ya29.a0AfH6SMBabcdefghijkl GOCSPX-abcdefghijklmnopqrst nvapi-abcdefghijklmnopqrstuvwxyz
        gsk_abcdefghijklmnopqrst0123 dckr_pat_abcdefghijklmnop Bearer:eyJhbGciOiJIUzI1NiJ9
        d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709 deadbeef00112233
        123e4567-e89b-12d3-a456-426614174000 5f2c1e9ab0d4 4111111111111111 490154203237518
        Zx81kLm20PqRs7TuVw3Y
    """,
}
PROSE = [
    "my password is hunter2",
    "please call Ann Miller tomorrow",
    "Ann said: do it",
    "delete, then commit",
    "two\nlines",
    " padded",
    "x" * 121,
    "naïve",
    "",
    "a\0b",
    "$HOME",
    "%USERPROFILE%",
    "a=b",
    "password='x'",
]


@pytest.mark.parametrize("name", [*SHOWN, *SPACED])
def test_a_harmless_name_is_shown(name: str) -> None:
    assert public_name(name) == name


@pytest.mark.parametrize(
    "name", [*PROSE, *(name for names in MASKED_NAMES.values() for name in names.split())]
)
def test_a_name_that_may_be_private_is_masked(name: str) -> None:
    assert public_name(name) == MASKED
    assert public_tool(f"mcp__x__{name}", frozenset({"x"})) in {f"mcp__x__{MASKED}", MASKED}


@given(st.sampled_from([name for names in MASKED_NAMES.values() for name in names.split()]))
def test_something_private_within_a_name_masks_it_all(name: str) -> None:
    assert public_name(f"{name} tool") == public_name(f"tool {name}") == MASKED


TOOLS = {
    "mcp__linear-server__create_issue": "mcp__*__create_issue",
    "mcp__plugin_entire-engineering_context7__query-docs": "mcp__*__query-docs",
    "mcp__acme__corp__query": "mcp__*__query",
    "mcp__acme___query": "mcp__*__query",
    "MCP__acme__query": "mcp__*__query",
    "mcp__acme": MASKED,
    "mcp__acme__": MASKED,
    "mcp__": MASKED,
    "mcp____x": MASKED,
    "mcp__acme__ann@example.com": "mcp__*__masked",
    "mcp__acme__two words\nand lines": "mcp__*__masked",
    "Bash": "Bash",
    "/bin/sh": MASKED,
}


@pytest.mark.parametrize(("name", "shown"), TOOLS.items())
def test_the_server_of_a_tool_is_masked_however_it_is_written(name: str, shown: str) -> None:
    assert public_tool(name, frozenset()) == shown


def test_an_allowed_server_is_shown_and_no_other() -> None:
    allowed = frozenset({"acme", "acme__corp", "not"})
    assert public_tool("mcp__acme__query", allowed) == "mcp__acme__query"
    assert public_tool("mcp__acme__corp__query", allowed) == "mcp__acme__corp__query"
    assert public_tool("mcp__acme2__query", allowed) == "mcp__*__query"
    assert public_tool("mcp__nothing__query", allowed) == "mcp__*__query"
    assert public_tool("mcp__acme__/etc/passwd", allowed) == "mcp__acme__masked"


@given(st.text(max_size=200))
def test_what_is_shown_is_the_name_itself_or_nothing_of_it(name: str) -> None:
    assert public_name(name) in {name, MASKED}


@given(st.from_regex(r"[a-z]{1,8}(__[a-z-]{1,8}){0,3}", fullmatch=True))
def test_of_an_mcp_tool_only_what_follows_the_last_separator_is_shown(name: str) -> None:
    shown = public_tool(f"mcp__{name}", frozenset())
    assert shown == MASKED or shown == f"mcp__*__{public_name(re.split('__', name)[-1])}"


@pytest.mark.needs_shared_data
def test_every_name_in_the_real_data_is_shown(shared_data: Path) -> None:
    """All but the servers of MCP tools."""
    names = set()
    for source, path in (
        ("claude-code", "claude-code-sessions"),
        ("aider", "aider/events.jsonl"),
        ("terminal-bench", "terminal-bench"),
    ):
        reader = SOURCES[source]
        for event in reader.read(reader.files(shared_data / path), Report()):
            if isinstance(event, Event):
                names |= names_in(event)
    assert {name for name in names if MASKED in public_tool(name, frozenset())} == set()
    assert len(names) > 150


def names_in(event: Event) -> set[str]:
    """Every name of an event that a pattern may hold."""
    data = event.data
    if isinstance(data, ToolCalled):
        return {data.agent, data.tool}
    if isinstance(data, ModelCalled):
        return {data.agent, data.model}
    return {data.agent, data.task_type} if isinstance(data, TaskCompleted) else set()
