"""Kind `agent_usage`: what a use of an agent took, each measure only where it is stated."""

from typing import Any

from schemas.events import AgentUsed
from streams.change import Change
from streams.recognise.agent_usage import KIND, recognise


def change(allowed: frozenset[str] = frozenset(), **fields: Any) -> Change:
    stated = {"agent_type": "a", "task_type": "t", "success": True, "duration_us": 7} | fields
    [found] = recognise(AgentUsed.model_validate(stated), 5, allowed)
    return found


def test_a_use_is_an_occurrence_with_its_outcome_and_duration() -> None:
    pattern = ("agent_usage", "a", "t")

    assert change() == Change(pattern, 5, 1, 1, 0, (), (("duration", 7),))
    assert change(success=False)[2:5] == (1, 0, 1)


def test_every_measure_is_exact_and_has_a_unit() -> None:
    found = change(
        retry_count=1,
        files_accessed=8,
        api_calls=3,
        tokens_used=4_200,
        memory_mb=125.5,
        cpu_percent=45.2,
        parallel_tasks=2,
    )

    assert dict(found.measures) == {
        "duration": 7,
        "tokens": 4_200,
        "api_calls": 3,
        "files_accessed": 8,
        "parallel_tasks": 2,
        "retries": 1,
        "memory": 125_500_000,
        "cpu": 452_000,
    }
    assert dict(found.measures).keys() == KIND.units.keys()


def test_a_tool_counts_once_and_a_private_one_is_masked() -> None:
    tools = ["Read", "Read", "mcp__acme__find", "/home/ann/tool"]

    assert change(tools_used=tools).counts == ("tool.Read", "tool.masked", "tool.mcp__*__find")
    assert "tool.mcp__acme__find" in change(frozenset({"acme"}), tools_used=tools).counts


def test_private_names_are_masked() -> None:
    assert change(agent_type="ann@example.com").pattern == ("agent_usage", "masked", "t")
