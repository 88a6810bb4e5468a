"""Reports say what the events say: the same numbers, counted from the same events another way."""

from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

import motif
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.node import Node
from motif.reports import REPORTS
from motif.reports.errors import best_resolution
from projections.reports import Amounts
from schemas.clock import DAY_US, from_us, to_us
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.events import ErrorOccurred, TaskCompleted
from schemas.workflows import WorkflowOperationAsserted
from streams.operations import BUILT_IN, recognise
from streams.statistics import wilson
from tests.motif.reports import counted

EVENTS = [*records(5, 1_200), *workflow_runs(5, 300)]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that learned the events, in another order than they happened in."""
    events = EVENTS.copy()
    Random(1).shuffle(events)
    with motif.open(tmp_path_factory.mktemp("reports")) as opened:
        opened.publish(events)
        yield opened


def numbers(amounts: Amounts) -> tuple[float | None, ...]:
    return tuple(None if one is None else float(one) for one in astuple(amounts))


def check_amounts(found: Amounts, expected: tuple[float | None, ...]) -> None:
    for one, other in zip(numbers(found), expected, strict=True):
        assert (one is None) == (other is None)
        assert other is None or one == pytest.approx(other, rel=1e-12)


def task(
    number: int,
    *,
    agent: str = "a",
    task_type: str = "t",
    ok: bool = True,
    at: datetime | None = NOON,
    duration_us: int = 1_000_000,
) -> Event:
    data = TaskCompleted(agent=agent, task_type=task_type, success=ok, duration_us=duration_us)
    return Event("src", f"task-{number}", data, None if at is None else to_us(at))


def told(tmp_path: object, events: list[Event]) -> Node:
    opened = motif.open(str(tmp_path))
    opened.publish(events)
    return opened


def test_agents_are_counted_as_their_tasks_and_uses_say(node: Node) -> None:
    report = node.report("agents")

    tasks, uses = counted.by_agent(EVENTS), counted.by_use(EVENTS)
    assert {one.agent for one in report.tasks} == set(tasks)
    assert {one.agent for one in report.uses} == set(uses)
    for row in report.tasks:
        n, ok, durations, retries = tasks[row.agent]
        assert (row.n, row.success.successes, row.success.n) == (n, ok, n)
        assert (row.success.low, row.success.high) == wilson(ok, n)
        check_amounts(row.duration_us, durations)
        check_amounts(row.retries, retries)
        assert numbers(row.tokens) == (0, None, None, None, None, None)
    for row in report.uses:
        n, ok, tokens = uses[row.agent]
        assert (row.n, row.success.successes) == (n, ok)
        check_amounts(row.tokens, tokens)


def test_tasks_are_counted_by_agent_and_type_the_surest_failures_first(node: Node) -> None:
    report = node.report("tasks")

    expected = counted.by_task(EVENTS)
    assert {(one.agent, one.task_type) for one in report.tasks} == set(expected)
    for row in report.tasks:
        n, ok, durations, slowest = expected[row.agent, row.task_type]
        assert (row.n, row.success.successes) == (n, ok)
        check_amounts(row.duration_us, durations)
        assert row.slowest is not None
        assert row.slowest.event_id == slowest
    highs = [one.success.high for one in report.tasks]
    assert highs == sorted(high for high in highs if high is not None)


def test_errors_are_counted_with_how_they_ended_and_what_resolved_most(node: Node) -> None:
    report = node.report("errors")

    expected = counted.by_error(EVENTS)
    assert {one.error_type for one in report.errors} == set(expected)
    for row in report.errors:
        n, resolved, auto, user, durations, best = expected[row.error_type]
        assert (row.n, row.resolved.successes, row.resolved.n) == (n, resolved, n)
        assert row.auto_resolved.successes == auto
        assert row.user_intervention.successes == user
        check_amounts(row.time_to_resolve_us, durations)
        found = row.best_resolution
        assert ([] if found is None else [(found.text, found.n)]) == best
    counts = [one.n for one in report.errors]
    assert counts == sorted(counts, reverse=True)


def test_operations_are_counted_over_the_runs_that_stand(node: Node) -> None:
    report = node.report("operations")

    runs = counted.runs(EVENTS)
    performed = {
        name: {
            one.signature
            for one in recognise(BUILT_IN, run.input_text, run.error_message, run.template)
        }
        for name, run in runs.items()
    }
    for event in EVENTS:
        if isinstance(event.data, WorkflowOperationAsserted) and event.data.run_id in runs:
            performed[event.data.run_id].add(event.data.signature)
    assert {one.operation for one in report.operations} == set.union(*performed.values())
    for row in report.operations:
        of = [run for name, run in runs.items() if row.operation in performed[name]]
        assert row.n == len(of)
        assert row.success.n == sum(run.outcome is not None for run in of)
        assert row.success.successes == sum(run.outcome == "success" for run in of)
        check_amounts(row.tokens, counted.amounts(run.total_tokens for run in of))
        check_amounts(row.duration_us, counted.amounts(run.duration_us for run in of))
        costs = [None if run.cost_usd is None else float(run.cost_usd) for run in of]
        check_amounts(row.cost_usd, counted.amounts(costs))
        assert row.automation_status == "detected"
        if row.savings_usd is not None:
            assert row.annual_savings_usd == pytest.approx(12 * row.savings_usd)


def test_requests_without_an_operation_are_counted_with_their_words(node: Node) -> None:
    coverage = node.report("operations").coverage

    texts = [run for run in counted.runs(EVENTS).values() if run.input_text is not None]
    missed = [
        run.input_text
        for run in texts
        if not recognise(BUILT_IN, run.input_text, run.error_message, run.template)
    ]
    assert coverage.recognised.n == len(texts)
    assert coverage.unmatched == len(missed) == coverage.recognised.failures.successes
    assert missed
    for word, n in coverage.words:
        assert n == sum(word in (text or "").lower().split() for text in missed)


def test_days_are_whole_days_up_to_the_latest_event(node: Node) -> None:
    report = node.report("agents", days=7)

    latest = max(event.time_us for event in EVENTS if event.time_us is not None)
    since = latest // DAY_US * DAY_US - 6 * DAY_US
    assert report.window.as_of == from_us(latest)
    assert report.since == from_us(since)
    expected = counted.by_agent(EVENTS, (since, latest))
    assert {one.agent: one.n for one in report.tasks} == {
        agent: numbers[0] for agent, numbers in expected.items()
    }
    assert sum(one.n for one in report.tasks) == report.rows[0].counted


def test_a_day_named_by_as_of_counts_whole_and_later_ones_do_not(node: Node) -> None:
    last = date(2026, 1, 10)
    midnight = to_us(datetime(2026, 1, 10, tzinfo=UTC))

    report = node.report("tasks", days=3, as_of=last)

    span = (midnight - 2 * DAY_US, midnight + DAY_US - 1)
    expected = counted.by_task(EVENTS, span)
    assert {(one.agent, one.task_type): one.n for one in report.tasks} == {
        names: numbers[0] for names, numbers in expected.items()
    }


def test_savings_are_those_of_the_day_that_the_report_ends_with(node: Node) -> None:
    ends = datetime(2026, 1, 15, 23, 59, 59, 999_999, tzinfo=UTC)

    report = node.report("operations", as_of=date(2026, 1, 15))

    rows = node.sql(
        "SELECT pattern_signature AS name, potential_monthly_savings AS savings FROM"
        f" operation_patterns_at(TIMESTAMPTZ '{ends.isoformat()}')"
    ).to_pylist()
    savings = {row["name"]: row["savings"] for row in rows}
    assert report.operations
    assert {one.operation: one.savings_usd for one in report.operations}.items() <= savings.items()


def test_what_has_no_time_counts_in_everything_and_in_no_days(tmp_path: object) -> None:
    future = datetime(2199, 1, 1, tzinfo=UTC)
    events = [task(1), task(2, at=None), task(3, at=future), task(4, at=NOON - timedelta(days=9))]
    with told(tmp_path, events) as node:
        everything, lately = node.report("tasks"), node.report("tasks", days=7)

    (read,) = everything.rows
    assert everything.window.as_of == NOON
    assert (read.counted, read.undated, read.undated_counted) == (4, 2, True)
    (read,) = lately.rows
    assert (read.counted, read.undated, read.undated_counted) == (1, 2, False)


def test_agents_that_surely_fail_more_are_named_with_the_evidence(tmp_path: object) -> None:
    events = [task(n, agent="x", task_type="deploy", ok=n >= 12) for n in range(40)]
    events += [task(100 + n, agent="y", task_type="deploy", ok=n >= 1) for n in range(20)]
    events += [task(200 + n, agent="z", task_type="deploy", ok=n >= 2) for n in range(40)]
    with told(tmp_path, events) as node:
        (said,) = [one for one in node.report("agents").recommendations if one.topic == "failures"]

    assert said.sentence == (
        'Agent "x" fails 12 of 40 "deploy" tasks (30 %, 18-45 %); the others 3 of 60 (5 %, 2-14 %).'
    )
    assert (said.about, said.n) == ("x / deploy", 40)


@pytest.mark.parametrize(
    ("failed", "of"),
    [(4, 4), (2, 40), (5, 40)],
    ids=["too few", "as often", "the intervals touch"],
)
def test_nothing_is_said_on_little_or_where_intervals_touch(
    tmp_path: object, failed: int, of: int
) -> None:
    events = [task(n, agent="x", ok=n >= failed) for n in range(of)]
    events += [task(100 + n, agent="y", ok=n >= 2) for n in range(40)]
    with told(tmp_path, events) as node:
        assert node.report("agents").recommendations == []


def test_agents_are_compared_by_pooled_rates_and_in_the_same_type_of_task(tmp_path: object) -> None:
    """Agent x does only what is hard; there it does as well as the others."""
    events = [task(n, agent="x", task_type="hard", ok=n % 2 == 0) for n in range(40)]
    events += [task(100 + n, agent="y", task_type="hard", ok=n % 2 == 0) for n in range(40)]
    events += [task(200 + n, agent="y", task_type="easy") for n in range(200)]
    with told(tmp_path, events) as node:
        assert node.report("agents").recommendations == []


def test_agents_that_take_longer_are_named_by_medians(tmp_path: object) -> None:
    durations = Random(1)
    events = [
        task(n, agent=agent, duration_us=int(durations.uniform(0.9, 1.1) * usual))
        for first, agent, usual in ((0, "x", 2_000_000), (100, "y", 1_000_000))
        for n in range(first, first + 30)
    ]
    with told(tmp_path, events) as node:
        (said,) = node.report("agents").recommendations

    assert said.topic == "duration"
    assert said.sentence.startswith('Agent "x" takes 2.0 times as long for "t" tasks: median ')
    assert "of 30; the others" in said.sentence


def test_a_change_over_time_is_dated_and_sized_and_a_wild_record_named(tmp_path: object) -> None:
    drawn = Random(3)
    events = []
    for n in range(200):
        usual = 1_000_000 if n < 100 else 1_600_000
        duration_us = 900_000_000 if n == 150 else int(usual * drawn.lognormvariate(0, 0.25))
        at = NOON + timedelta(hours=n)
        events.append(task(n, at=at, duration_us=duration_us, ok=n % 7 != 0))
    with told(tmp_path, events) as node:
        report = node.report("tasks")

    (trend,) = report.trends.found
    assert report.trends.candidates == 2
    assert (trend.kind, trend.pattern, trend.measure) == ("task", "a / t", "duration")
    assert abs(trend.n_before - 100) <= 5
    assert trend.n_before + trend.n_after == 200
    assert trend.at == NOON + timedelta(hours=trend.n_before)
    assert trend.ratio == pytest.approx(1.6, rel=0.1)
    assert trend.q <= 0.05
    assert [one.topic for one in report.recommendations] == ["trend"]
    (far,) = report.anomalies.farthest
    assert (far.record.source, far.record.event_id, far.record.session_id) == (
        "src",
        "task-150",
        None,
    )
    assert (far.value, far.n, report.anomalies.found) == (900_000_000, 200, 1)
    assert far.spreads > 5


def test_no_more_than_twenty_records_are_named_the_farthest_first(tmp_path: object) -> None:
    events = [task(n, duration_us=1_000_000 + 1_000 * n) for n in range(100)]
    events += [task(1_000 + n, duration_us=10**9 * (n + 1)) for n in range(30)]
    with told(tmp_path, events) as node:
        anomalies = node.report("tasks").anomalies

    assert anomalies.found == 30
    assert [one.value for one in anomalies.farthest] == [10**9 * n for n in range(30, 10, -1)]


def test_a_resolution_is_the_same_in_whatever_case_and_spacing() -> None:
    said = ["Use a default", "use  a default", "Use a default ", "retry", None]

    best = best_resolution(iter(said))

    assert best is not None
    assert (best.text, best.n, best.of) == ("Use a default", 3, 4)
    assert best_resolution(iter([None])) is None


def test_resolutions_stand_in_reports_and_in_no_pattern(tmp_path: object) -> None:
    secret = "ask Zaphod for the vault code"
    data = ErrorOccurred(error_type="KeyError", error_message="'x'", resolution=secret)
    with told(tmp_path, [Event("src", "e", data, to_us(NOON))]) as node:
        (row,) = node.report("errors").errors
        patterns = node.sql("SELECT to_json(p)::VARCHAR AS text FROM pattern_rows p").to_pylist()

    assert row.best_resolution is not None
    assert row.best_resolution.text == secret
    assert patterns
    assert not [row for row in patterns if "Zaphod" in row["text"]]


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_log_has_empty_reports(tmp_path: object, name: str) -> None:
    with told(tmp_path, []) as node:
        report = node.report(name, days=7)

    assert report.window.as_of is None
    assert [rows.counted for rows in report.rows] == [0] * len(report.rows)
    assert (report.anomalies.found, report.trends.found, report.recommendations) == (0, [], [])


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"name": "agent"}, "agents, errors, tasks, operations"),
        ({"name": "agents", "days": 0}, "days is 0"),
        ({"name": "agents", "days": 40_000}, "36,500"),
        ({"name": "agents", "as_of": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_reported_is_refused_with_a_sentence(
    node: Node, asked: dict[str, object], sentence: str
) -> None:
    with pytest.raises(WrongUse, match=sentence):
        node.report(**asked)  # type: ignore[call-overload]  # wrong on purpose
