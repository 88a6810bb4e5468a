"""Real analytics and trials through the whole way, asked twice as in `test_truths.py`."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from math import isclose
from pathlib import Path
from random import Random
from typing import Any

import pytest

import motif
from motif.node import Node
from tests.integration.rows import asked, assert_settled, tally
from tests.integration.sources import truths_of

pytestmark = pytest.mark.needs_shared_data

NANO = Decimal("1e-9")


@pytest.fixture(scope="module")
def node(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with motif.open(tmp_path_factory.mktemp("tasks")) as opened:
        opened.import_files("aider", [shared_data / "aider" / "events.jsonl"])
        opened.import_files("terminal-bench", [shared_data / "terminal-bench"])
        yield opened


@pytest.fixture(scope="module")
def aider(shared_data: Path) -> dict[str, Any]:
    return truths_of(shared_data, "aider_events")


@pytest.fixture(scope="module")
def submissions(shared_data: Path) -> dict[str, Any]:
    return truths_of(shared_data, "terminal_bench")


def test_nothing_waits_contradicts_or_is_refused(node: Node) -> None:
    assert_settled(node)

    assert not node.dead_letters(open_only=False)
    assert not any(one.refused or one.repeats for one in node.status().partitions)


@pytest.mark.parametrize("order", ["in order", "backwards", "shuffled"])
def test_overlapping_snapshots_are_each_line_once(
    shared_data: Path, tmp_path: Path, order: str
) -> None:
    """Twelve files of a thousand lines each, most of which stand in several of them."""
    files = sorted((shared_data / "aider" / "overlapping-snapshots").glob("*.jsonl"))
    if order == "backwards":
        files.reverse()
    elif order == "shuffled":
        Random(12).shuffle(files)

    with motif.open(tmp_path) as fresh:
        fresh.import_files("aider", files)

        assert asked(fresh, "SELECT count(*) FROM interactions") == [(2_016,)]
        assert_settled(fresh)


def test_analytics_events_by_name(node: Node, aider: dict[str, Any]) -> None:
    found = tally(node, "SELECT task, count(*) FROM interactions GROUP BY task")

    assert found == dict(aider["by_event"])
    assert sum(found.values()) == aider["events"] == 28_279


def test_cost_and_tokens_of_every_model(
    node: Node, aider: dict[str, Any], shared_data: Path
) -> None:
    exact = _exact_costs(shared_data)
    learned = {
        (model, measure): row
        for model, measure, *row in asked(
            node,
            "SELECT (attributes ->> 'model'), measure, n, total, mean, stddev"
            " FROM pattern_measures JOIN patterns USING (pattern_id)"
            " WHERE kind = 'model' AND (attributes ->> 'agent') = 'aider'",
        )
    }
    raw = {
        model: row
        for model, *row in asked(
            node,
            "SELECT model, count(*), sum(cost_usd), sum(total_tokens), var_samp(total_tokens)"
            " FROM model_calls WHERE agent = 'aider' GROUP BY model",
        )
    }

    assert {model for model, _ in learned} == raw.keys() == exact.keys()
    for model, known in aider["cost_by_model"].items():
        n, total, mean, stddev = learned[model, "cost"]
        assert (n, total) == (known["n"], exact[model]), model
        assert isclose(mean, known["mean"], rel_tol=1e-9, abs_tol=1e-12), model
        assert n < 2 or isclose(stddev**2, known["var_sample"], rel_tol=1e-9), model
        assert raw[model][:2] == [n, total], model
    for model, known in aider["tokens_by_model"].items():
        n, total, mean, stddev = learned[model, "total_tokens"]
        assert (n, total) == (known["n"], int(known["sum"])), model
        assert isclose(mean, known["mean"], rel_tol=1e-9), model
        assert n < 2 or isclose(stddev**2, known["var_sample"], rel_tol=1e-9), model
        assert raw[model][2] == total, model
        assert n < 2 or isclose(raw[model][3], known["var_sample"], rel_tol=1e-9), model


def test_trials_of_every_submission_as_learned(node: Node, submissions: dict[str, Any]) -> None:
    trials = {
        agent: tuple(map(int, counts))
        for agent, *counts in asked(
            node,
            "SELECT (attributes ->> 'agent'), sum(occurrences), sum(successes), count(*)"
            " FROM patterns WHERE kind = 'task' GROUP BY ALL",
        )
    }
    measures: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for agent, measure, *row in asked(
        node,
        "SELECT (attributes ->> 'agent'), measure, n, total, stddev"
        " FROM pattern_measures JOIN patterns USING (pattern_id) WHERE kind = 'task'",
    ):
        measures[agent, measure].append(row)

    assert trials == {
        name: (known["trials"], known["harness_resolved_sum"], known["tasks"])
        for name, known in submissions.items()
    }
    assert {counts[0] for counts in trials.values()} == {400}
    for name, known in submissions.items():
        tokens_in, tokens_out = (
            known["input_tokens_nonzero"],
            known["output_tokens_where_input_nonzero"],
        )
        _assert_tokens(_joined(measures[name, "input_tokens"]), tokens_in)
        _assert_tokens(_joined(measures[name, "output_tokens"]), tokens_out)
        _assert_seconds(_joined(measures[name, "duration"]), known["agent_seconds"])
        for measure in ("tests_passed", "tests_failed"):
            stated = known["tests_passed" if measure == "tests_passed" else "tests_not_passed"]
            assert _joined(measures[name, measure])[1] == stated, (name, measure)


def test_trials_of_every_submission_in_the_raw_table(
    node: Node, submissions: dict[str, Any]
) -> None:
    rows = asked(
        node,
        "SELECT submission, count(*), count(*) FILTER (success),"
        " list(input_tokens) FILTER (input_tokens IS NOT NULL),"
        " list(output_tokens) FILTER (output_tokens IS NOT NULL),"
        " list(duration_us) FILTER (duration_us IS NOT NULL)"
        " FROM task_completions GROUP BY submission",
    )

    assert {row[0] for row in rows} == submissions.keys()
    for name, trials, resolved, tokens_in, tokens_out, durations in rows:
        known = submissions[name]
        assert (trials, resolved) == (400, known["harness_resolved_sum"]), name
        _assert_tokens(_summed(tokens_in), known["input_tokens_nonzero"])
        _assert_tokens(_summed(tokens_out), known["output_tokens_where_input_nonzero"])
        _assert_seconds(_summed(durations), known["agent_seconds"])


def test_trials_without_a_time_are_counted_and_not_dated(node: Node) -> None:
    learned = asked(node, "SELECT sum(undated) FROM patterns WHERE kind = 'task'")
    raw = asked(node, "SELECT count(*) FROM task_completions WHERE happened_at IS NULL")

    assert learned == raw == [(472,)]


Sums = tuple[int, int, Fraction | None]
"""How many values, their sum, their sample variance."""


def _summed(values: Iterable[int] | None) -> Sums:
    numbers = list(values or [])
    n, total, squares = len(numbers), sum(numbers), sum(value * value for value in numbers)
    return n, total, Fraction(n * squares - total * total, n * (n - 1)) if n > 1 else None


def _joined(rows: list[Any]) -> Sums:
    """The numbers of several patterns as those of one: squares from each one's deviation."""
    n = sum(row[0] for row in rows)
    total = sum(int(row[1]) for row in rows)
    squares = Fraction(0)
    for count, summed, stddev in rows:
        squares += Fraction(int(summed) ** 2, count) + (count - 1) * Fraction(stddev or 0.0) ** 2
    return n, total, (squares - Fraction(total**2, n)) / (n - 1) if n > 1 else None


def _assert_tokens(found: Sums, known: dict[str, Any]) -> None:
    n, total, variance = found
    assert (n, total) == (known["n"], int(known.get("sum", 0)))
    assert variance is None or isclose(variance, known["var_sample"], rel_tol=1e-9)


def _assert_seconds(found: Sums, known: dict[str, Any]) -> None:
    n, total_us, variance = found
    assert n == known["n"]
    assert abs(total_us / 1e6 - known.get("sum", 0.0)) <= 1e-5
    assert variance is None or isclose(variance, known["var_sample"] * 1e12, rel_tol=1e-9)


def _exact_costs(data: Path) -> dict[str, Decimal]:
    """Costs by model, added as decimals from the raw file, and only then rounded."""
    costs: Counter[str] = Counter()
    for text in (data / "aider" / "events.jsonl").read_bytes().splitlines():
        line = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        if line["event"] == "message_send":
            properties = line["properties"]
            costs[properties["main_model"]] += properties["cost"]
    return {model: Decimal(cost).quantize(NANO, ROUND_HALF_EVEN) for model, cost in costs.items()}
