"""Fifty real sessions through the whole way, asked twice: what was learned, and the raw tables.

Every number is known from a program that shares nothing with this one. The names of MCP servers
are masked in what is learned, so known numbers are compared under the same mask.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, isclose
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.node import Node
from tests.integration.rows import asked, assert_same, assert_settled, stored, tally
from tests.integration.sources import (
    masked,
    recoveries,
    runs_of,
    transcripts,
    truths_of,
    under_mask,
)

pytestmark = pytest.mark.needs_shared_data

QUANTILE_ERROR = 0.008
NANO = Decimal("1e-9")


@pytest.fixture(scope="module")
def node(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with motif.open(tmp_path_factory.mktemp("sessions")) as opened:
        opened.import_files("claude-code", [shared_data / "claude-code-sessions"])
        yield opened


@pytest.fixture(scope="module")
def sessions(shared_data: Path) -> dict[str, Any]:
    return truths_of(shared_data, "claude_code_sessions")


def test_nothing_waits_contradicts_or_is_refused(node: Node) -> None:
    assert_settled(node)

    assert not node.dead_letters(open_only=False)
    assert not any(one.refused or one.repeats for one in node.status().partitions)


def test_the_projection_made_again_is_the_live_one(node: Node) -> None:
    live = stored(node)

    assert node.verify() == []
    node.rebuild()

    assert_same(stored(node), live)


def test_there_are_fifty_sessions(node: Node, sessions: dict[str, Any]) -> None:
    query = "SELECT count(*) FROM sessions WHERE agent = 'claude-code'"

    assert asked(node, query) == [(sessions["sessions"],)] == [(50,)]


def test_no_session_is_said_to_have_ended(node: Node) -> None:
    """A transcript states no end; a missing one is not a failed one."""
    query = "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL OR complete IS NOT NULL"

    assert asked(node, query) == [(0,)]


@pytest.mark.parametrize(
    ("learned", "raw", "known", "total"),
    [
        ("occurrences", "count(*)", "tool_calls", 3_612),
        ("failures", "count(*) FILTER (ok = false)", "tool_errors", 174),
    ],
)
def test_calls_and_errors_of_every_tool(
    node: Node, sessions: dict[str, Any], learned: str, raw: str, known: str, total: int
) -> None:
    by_pattern = tally(
        node, f"SELECT (attributes ->> 'tool'), {learned} FROM patterns WHERE kind = 'tool'"
    )
    by_row = tally(node, f"SELECT tool, {raw} FROM tool_calls GROUP BY tool")

    truth = dict(sessions[f"{known}_by_tool"])
    assert sum(truth.values()) == sessions[known] == total
    assert +Counter(by_pattern) == under_mask(truth.items())
    assert +Counter(by_row) == truth


def test_api_calls_and_their_tokens(node: Node, sessions: dict[str, Any]) -> None:
    truth = {
        "input_tokens": sessions["tokens"]["input"],
        "cache_write_tokens": sessions["tokens"]["cache_creation"],
        "cache_read_tokens": sessions["tokens"]["cache_read"],
        "output_tokens": sessions["tokens"]["output"],
    }

    calls = asked(
        node,
        "SELECT sum(occurrences) FROM patterns"
        " WHERE kind = 'model' AND (attributes ->> 'agent') = 'claude-code'",
    )
    measured = tally(
        node,
        "SELECT measure, sum(total) FROM pattern_measures JOIN patterns USING (pattern_id)"
        " WHERE kind = 'model' AND (attributes ->> 'agent') = 'claude-code' GROUP BY measure",
    )
    raw = asked(
        node,
        "SELECT count(*), sum(input_tokens), sum(cache_write_tokens), sum(cache_read_tokens),"
        " sum(output_tokens) FROM model_calls WHERE agent = 'claude-code'",
    )

    assert list(truth.values()) == [65_493, 11_733_196, 316_934_226, 233_848]
    assert calls == [(sessions["api_calls"],)] == [(3_409,)]
    assert {**measured, "total_tokens": sum(truth.values())} == measured
    assert {name: measured[name] for name in truth} == truth
    assert raw == [(3_409, *truth.values())]


def test_every_transition(node: Node, sessions: dict[str, Any]) -> None:
    by_pattern = tally(
        node,
        "SELECT (attributes ->> 'tool_a'), (attributes ->> 'tool_b'), occurrences"
        " FROM patterns WHERE kind = 'tool_usage'",
    )
    by_row = tally(
        node,
        "SELECT before.tool, after.tool, count(*) FROM tool_calls before JOIN tool_calls after"
        " ON after.previous_event_id = before.event_id AND after.session_id = before.session_id"
        " GROUP BY ALL",
    )

    truth = {tuple(pair): count for pair, count in sessions["transitions"]}
    assert sum(truth.values()) == sessions["transitions_total"] == 3_562
    assert len(truth) == sessions["transitions_distinct"] == 154
    assert by_pattern == under_mask(sessions["transitions"])
    assert by_row == truth


def test_every_pair_after_an_error_and_the_parallel_ones(
    node: Node, sessions: dict[str, Any]
) -> None:
    by_pattern = tally(
        node,
        "SELECT (attributes ->> 'tool_a'), (attributes ->> 'tool_b'), sum(occurrences)"
        " FROM patterns WHERE kind = 'error_recovery' GROUP BY ALL",
    )
    parallel = asked(
        node,
        "SELECT sum((counters ->> 'parallel')::BIGINT) FROM patterns WHERE kind = 'error_recovery'",
    )
    pairs = (
        "FROM tool_calls before JOIN tool_calls after"
        " ON after.previous_event_id = before.event_id AND after.session_id = before.session_id"
        " WHERE before.ok = false"
    )
    by_row = tally(node, f"SELECT before.tool, after.tool, count(*) {pairs} GROUP BY ALL")
    parallel_rows = asked(node, f"SELECT count(*) {pairs} AND after.called_at < before.finished_at")

    truth = {tuple(pair): count for pair, count in sessions["after_error"]}
    assert sum(truth.values()) == sessions["after_error_total"] == 170
    assert by_pattern == under_mask(sessions["after_error"])
    assert by_row == truth
    assert parallel == parallel_rows == [(16,)]


def test_what_became_of_every_error(node: Node, shared_data: Path) -> None:
    """Recovered, failed, attempts and time, computed again from the raw files by the same rule."""
    expected: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in (one for session in transcripts(shared_data) for one in recoveries(session)):
        expected[one.pair] += Counter(
            {one.outcome: 1, "attempts": one.attempts, "elapsed_us": one.elapsed_us}
        )

    outcomes = asked(
        node,
        "SELECT (attributes ->> 'tool_a'), (attributes ->> 'tool_b'),"
        " sum(successes), sum(failures), sum(coalesce((counters ->> 'parallel')::BIGINT, 0))"
        " FROM patterns WHERE kind = 'error_recovery' GROUP BY ALL",
    )
    measured = tally(
        node,
        "SELECT (attributes ->> 'tool_a'), (attributes ->> 'tool_b'), measure, sum(total)"
        " FROM pattern_measures JOIN patterns USING (pattern_id)"
        " WHERE kind = 'error_recovery' GROUP BY ALL",
    )

    found = {
        (a, b): Counter(
            {
                "recovered": int(recovered),
                "failed": int(failed),
                "parallel": int(parallel),
                "attempts": int(measured.get((a, b, "attempts"), 0)),
                "elapsed_us": int(measured.get((a, b, "time_to_recovery"), 0)),
            }
        )
        for a, b, recovered, failed, parallel in outcomes
    }
    totals = sum(expected.values(), Counter())
    assert (totals["recovered"], totals["failed"], totals["parallel"]) == (122, 21, 16)
    for counts in expected.values():
        del counts["undecided"]
    assert {pair: +counts for pair, counts in found.items()} == {
        pair: +counts for pair, counts in expected.items()
    }


@pytest.mark.parametrize("length", [3, 4, 5])
def test_every_run_of_tools_and_the_sessions_that_contain_it(
    node: Node, shared_data: Path, length: int
) -> None:
    runs: Counter[tuple[str, ...]] = Counter()
    containing: Counter[tuple[str, ...]] = Counter()
    for session in transcripts(shared_data):
        of_session = [run for run in runs_of(session) if len(run) == length]
        runs.update(of_session)
        containing.update(set(of_session))

    found = asked(
        node,
        "SELECT (attributes ->> 'tools'), occurrences, (counters ->> 'sessions')"
        " FROM patterns WHERE kind = 'task_sequence'"
        f" AND json_array_length((attributes -> 'tools')) = {length}",
    )

    expected = {run: (count, containing[run]) for run, count in runs.items()}
    assert expected == {
        tuple(json.loads(tools)): (count, int(sessions)) for tools, count, sessions in found
    }


def test_sessions_that_contain_a_transition(node: Node, shared_data: Path) -> None:
    containing: Counter[tuple[str, str]] = Counter()
    for session in transcripts(shared_data):
        tools = [call.tool for call in session]
        containing.update(set(pairwise(tools)))

    found = tally(
        node,
        "SELECT (attributes ->> 'tool_a'), (attributes ->> 'tool_b'),"
        " (counters ->> 'sessions')::BIGINT"
        " FROM patterns WHERE kind = 'tool_usage'",
    )

    assert found == containing


def test_latency_of_every_tool_as_learned(node: Node, sessions: dict[str, Any]) -> None:
    rows = asked(
        node,
        "SELECT (attributes ->> 'tool'), n, total, mean, stddev, p50, p90, p99, minimum, maximum"
        " FROM pattern_measures JOIN patterns USING (pattern_id) WHERE measure = 'latency'",
    )

    truth = sessions["latency_ms_by_tool"]
    assert {row[0] for row in rows} == set(map(masked, truth))
    for tool, n, total, mean, stddev, *quantiles, minimum, maximum in rows:
        known = truth[_unmasked(truth, tool)]
        assert (n, total) == (known["n"], known["sum"] * 1_000), tool
        assert isclose(mean, Fraction(known["sum"] * 1_000, n), rel_tol=1e-12), tool
        if n > 1:
            assert isclose(stddev**2, _variance_us(known), rel_tol=1e-12), tool
        for found, name in zip(quantiles, ("p50", "p90", "p99"), strict=True):
            assert isclose(found, known[name] * 1_000, rel_tol=QUANTILE_ERROR), (tool, name)
        assert (minimum, maximum) == (known["min"] * 1_000, known["max"] * 1_000), tool


def test_latency_of_every_tool_in_the_raw_table(node: Node, sessions: dict[str, Any]) -> None:
    rows = tally(
        node,
        "SELECT tool, list(duration_us ORDER BY duration_us) FROM tool_calls"
        " WHERE duration_us IS NOT NULL GROUP BY tool",
    )

    truth = sessions["latency_ms_by_tool"]
    assert rows.keys() == truth.keys()
    for tool, durations in rows.items():
        known, n = truth[tool], len(durations)
        assert (n, sum(durations)) == (known["n"], known["sum"] * 1_000), tool
        assert sum(us * us for us in durations) == known["sum_of_squares"] * 1_000_000, tool
        for name, part in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            assert durations[ceil(part * n) - 1] == known[name] * 1_000, (tool, name)


def _variance_us(known: dict[str, int]) -> Fraction:
    """The sample variance in square microseconds, from whole milliseconds."""
    n, total, squares = known["n"], known["sum"], known["sum_of_squares"]
    return Fraction((n * squares - total * total) * 1_000_000, n * (n - 1))


def _unmasked(names: Iterable[str], shown: str) -> str:
    """The one name that is shown so."""
    (name,) = (name for name in names if masked(name) == shown)
    return name
