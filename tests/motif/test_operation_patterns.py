"""What the table of operations says: averages, savings over a stated window, scores, decisions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.lifecycle import Lifecycle
from motif.node import Node
from schemas.clock import DAY_US, now_us
from schemas.envelope import Event, outgoing
from schemas.errors import WrongUse
from schemas.events import LogPruned
from schemas.workflows import PatternReviewed, WorkflowRunFinished
from streams.recognise.operation import identity_of

PYTEST = "test:pytest:backend"
LAST_US = 1_767_268_800_000_000
"""2026-01-01 12:00 UTC."""


def run(name: str, days_ago: float | None = 0, **stated: Any) -> Event:
    """A run so many days before the last day; None for one without a time."""
    known: dict[str, Any] = {
        "workflow_id": name,
        "run_id": name,
        "input_text": "Run backend tests with pytest",
        "cost_usd": Decimal("0.5"),
        "outcome": "success",
    }
    at_us = None if days_ago is None else LAST_US - round(days_ago * DAY_US)
    return Event("test", name, WorkflowRunFinished(**known | stated), at_us)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with motif.open(tmp_path, partitions=2) as node:
        yield node


def row(node: Node, days_ago: float | None = None, signature: str = PYTEST) -> dict[str, Any]:
    """The operation's row, as of so many days before the last day or of the log's end."""
    table = "operation_patterns"
    if days_ago is not None:
        at = datetime.fromtimestamp(LAST_US / 1e6, UTC) - timedelta(days=days_ago)
        table = f"operation_patterns_at(TIMESTAMPTZ '{at.isoformat()}')"
    (found,) = node.sql(
        f"SELECT * FROM {table} WHERE pattern_signature = '{signature}'"
    ).to_pylist()
    return dict(found)


def test_each_average_is_of_the_runs_that_state_it(node: Node) -> None:
    node.publish(
        [
            run("a", cost_usd=Decimal("0.10"), total_tokens=100, duration_us=0),
            run("b", cost_usd=None, total_tokens=101, duration_us=None),
            run("c", cost_usd=Decimal("0.25"), input_tokens=3, output_tokens=4),
        ]
    )

    found = row(node)
    assert found["occurrence_count"] == 3
    assert (found["cost_n"], found["avg_cost_with_llm"]) == (2, 0.175)
    assert (found["tokens_n"], found["avg_tokens_with_llm"]) == (3, 208 / 3)
    assert (found["duration_n"], found["avg_duration_us"]) == (1, 0)


@pytest.mark.parametrize(
    ("days_ago", "counted"),
    [(0, 1), (29, 1), (29.5, 1), (29.51, 0), (30, 0), (35, 0), (400, 0), (None, 0)],
)
def test_the_window_is_the_30_days_that_end_with_the_last_one(
    node: Node, days_ago: float | None, counted: int
) -> None:
    """The last day ends what is counted for every pattern, whichever had it."""
    node.publish([run("a", days_ago), run("other", input_text="Build the app")])

    found = row(node)
    assert (found["occurrences_in_window"], found["window_days"]) == (counted, 30)
    assert found["potential_monthly_savings"] == pytest.approx(0.475 * counted)
    assert found["potential_total_savings"] == pytest.approx(0.475)


def test_an_operation_that_rested_for_31_days_saves_nothing(node: Node) -> None:
    node.publish([run(str(n), 31) for n in range(20)] + [run("x", input_text="Build the app")])

    assert row(node)["potential_monthly_savings"] == 0
    assert row(node, 31)["potential_monthly_savings"] == pytest.approx(9.5)


@pytest.mark.parametrize("as_of", [0, 1, 5, 6, 29, 34, 36, 60, 100, 131])
def test_a_window_in_the_past_counts_what_was_in_it(node: Node, as_of: int) -> None:
    """Within the days that are kept, and before them."""
    days = [0, 0, 1, 5, 20, 29, 30, 33, 35, 36, 59, 60, 61, 90, 101, 130]
    node.publish(run(f"{number}", day) for number, day in enumerate(days))

    found = row(node, as_of)
    assert found["occurrences_in_window"] == sum(as_of <= day <= as_of + 29 for day in days)


@pytest.mark.parametrize("as_of", [0, 1, 3, 40, 90, 200])
def test_what_was_known_in_the_past_is_counted_and_averaged(node: Node, as_of: int) -> None:
    """What has no time, or one in the future, is in every past; what stated no cost in no mean."""
    days = {0: "8", 2: "5", 40: None, 90: "2", 130: "1"}
    costs = {day: None if cost is None else Decimal(cost) for day, cost in days.items()}
    node.publish(run(f"{day}", day, cost_usd=cost, total_tokens=day) for day, cost in costs.items())
    node.publish([run("never", None, cost_usd=Decimal(3)), run("wrong", -9_999, cost_usd=None)])

    found = row(node, as_of)
    before = [day for day in days if day >= as_of]
    known = [3.0, *(float(cost) for day, cost in costs.items() if cost and day in before)]
    assert found["occurrence_count"] == len(before) + 2
    assert (found["cost_n"], found["tokens_n"]) == (len(known), len(before) or None)
    mean = sum(known) / len(known)
    assert found["avg_cost_with_llm"] == pytest.approx(mean)
    assert found["averages_until"] == found["window_ends"]
    window = float(found["occurrences_in_window"])
    assert found["potential_monthly_savings"] == pytest.approx(0.95 * mean * window)


def test_where_others_learned_too_the_past_is_said_to_be_of_all(node: Node, tmp_path: Path) -> None:
    with motif.open(tmp_path / "other", partitions=1) as other:
        other.publish(run("elsewhere", 20))
        contributions = other.contributions()
    node.publish([run("old", 60, cost_usd=Decimal(9)), run("new", 0)])
    node.take_in(contributions)

    found = row(node, 50)
    assert (found["occurrence_count"], found["occurrences_in_window"]) == (3, 1)
    assert str(found["window_ends"]) == "2025-11-12"
    assert str(found["averages_until"]) == "2026-01-01"


PRUNED_DAYS = (0, 1, 40, 45, 70, 100)
"""How many days ago runs were of which those that are more than 60 days old are pruned."""


def pruned(node: Node) -> None:
    node.publish([run(f"{ago}", ago) for ago in PRUNED_DAYS])
    node.publish(run("young", 20, input_text="deploy to staging"))
    node.prune(60, as_of_us=LAST_US)


def windows(node: Node, *days_ago: int, signature: str = PYTEST) -> list[tuple[Any, ...]]:
    names = ("occurrences_in_window", "potential_monthly_savings")
    found = [row(node, ago, signature) for ago in days_ago]
    return [tuple(one[name] for name in names) for one in found]


def test_a_window_that_reaches_back_to_what_was_pruned_has_no_numbers(node: Node) -> None:
    """2025-11-02 was pruned until noon, so the day after it is the first that is complete."""
    pruned(node)

    assert {row(node, ago)["complete_from"] for ago in (0, 99)} == {date(2025, 11, 3)}
    assert windows(node, 30, 31, 69, 99) == [(2, pytest.approx(0.95)), *[(None, None)] * 3]
    assert windows(node, 0, 5) == [(2, pytest.approx(0.95)), (0, 0)]
    assert windows(node, 10, 50, signature="deploy:ship:all") == [
        (1, pytest.approx(0.475)),
        (0, None),
    ]
    assert row(node, 99)["occurrence_count"] == len(PRUNED_DAYS)
    assert not node.verify()
    node.rebuild()
    assert windows(node, 30, 31) == [(2, pytest.approx(0.95)), (None, None)]


def test_the_first_complete_day_is_that_of_the_latest_cutoff(node: Node) -> None:
    pruned(node)
    node.publish(run("late", 90))
    node.prune(80, as_of_us=LAST_US)
    assert row(node)["complete_from"] == date(2025, 11, 3)
    node.prune(42, as_of_us=LAST_US)
    assert row(node)["complete_from"] == date(2025, 11, 21)
    assert windows(node, 30, 99) == [(None, None)] * 2


def test_that_it_will_be_pruned_is_said_before_and_counts_when_it_was(node: Node) -> None:
    node.publish([run("a"), run("b", 70)])
    said = Event("motif", "pruned/x", LogPruned(complete_from="2025-11-03"))
    node.log.append([outgoing(said, node.log.partitions)])

    assert row(node)["complete_from"] is None
    assert windows(node, 60) == [(1, pytest.approx(0.475))]


def test_a_log_that_was_pruned_without_a_word_is_complete_nowhere(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lifecycle, "tell_first", lambda _: None)
    pruned(node)

    assert row(node)["complete_from"] == date(2026, 1, 2)
    assert windows(node, 0, 30) == [(2, pytest.approx(0.95)), (None, None)]


@pytest.mark.parametrize("ahead", [0.9, 1.1, 365, 9_999])
def test_one_wrong_date_in_the_future_does_not_end_every_window(node: Node, ahead: float) -> None:
    today = (now_us() - LAST_US) / DAY_US
    node.publish([run("a", 1 - today), run("b", 2 - today)])
    node.publish([run("wrong", -ahead - today, input_text="Build the app")])

    assert row(node)["occurrences_in_window"] == 2
    assert row(node)["potential_monthly_savings"] == pytest.approx(0.95)


def test_without_a_cost_no_saving_is_known(node: Node) -> None:
    node.publish([run("a", cost_usd=None)])

    assert row(node)["potential_monthly_savings"] is None
    assert node.sql("SELECT * FROM v_high_value_patterns").num_rows == 0


@pytest.mark.parametrize(
    ("runs", "cost", "is_high"),
    [
        (10, "0.0526316", True),  # 0.50000020 a month
        (10, "0.0526315", False),  # 0.49999925
        (2, "9", True),  # a score of 70
        (1, "9", False),  # of 55
    ],
)
def test_what_is_of_high_value(node: Node, runs: int, cost: str, is_high: bool) -> None:
    node.publish(run(f"{n}", cost_usd=Decimal(cost), duration_us=n + 1) for n in range(runs))

    found = node.sql("SELECT * FROM v_high_value_patterns").to_pylist()
    assert len(found) == is_high
    for one in found:
        assert one["annual_savings"] == 12 * one["potential_monthly_savings"]


def test_failures_and_interval(node: Node) -> None:
    outcomes = ["success"] * 3 + ["failure"] + [None]
    node.publish(run(f"{n}", outcome=outcome) for n, outcome in enumerate(outcomes))

    found = row(node)
    assert found["success_rate"] == 0.75
    assert found["success_low"] < 0.75 < found["success_high"]
    assert found["confidence"] == found["success_low"]


def test_the_spread_of_durations_is_relative(node: Node) -> None:
    node.publish(run(f"{n}", duration_us=took) for n, took in enumerate((10, 20, 30)))

    assert row(node)["duration_cv"] == 0.5


def test_the_latest_decision_counts(node: Node) -> None:
    node.publish([run(f"{n}", duration_us=5) for n in range(10)])
    pattern = identity_of(PYTEST)
    assert row(node)["automation_status"] == "detected"
    assert node.sql("SELECT * FROM v_high_value_patterns").num_rows == 1

    node.review(pattern, "candidate", reviewed_by="ann")
    assert node.sql("SELECT * FROM v_high_value_patterns").num_rows == 1
    node.review(pattern, "approved", reviewed_by="bob", notes="fine", tool_name="t")

    found = row(node)
    assert (found["automation_status"], found["reviewed_by"]) == ("approved", "bob")
    assert (found["review_notes"], found["tool_name"]) == ("fine", "t")
    assert node.sql("SELECT * FROM v_high_value_patterns").num_rows == 0


def test_what_a_decision_does_not_say_stays_as_it_was(node: Node) -> None:
    node.publish(run("a"))
    pattern = identity_of(PYTEST)
    said = ("automation_status", "reviewed_by", "review_notes", "tool_name", "tool_script_path")

    def known() -> list[Any]:
        found = row(node)
        return [found[name] for name in said]

    node.review(pattern, "approved", reviewed_by="ann", notes="worth a script")
    node.review(pattern, "automated", tool_name="t", tool_script_path="t.py")
    assert known() == ["automated", "ann", "worth a script", "t", "t.py"]
    node.review(pattern, "detected")
    assert known() == ["detected", "ann", "worth a script", "t", "t.py"]
    node.review(pattern, "approved", reviewed_by="bob", notes="", tool_name="u")
    assert known() == ["approved", "bob", "", "u", "t.py"]
    assert node.sql("SELECT * FROM pattern_reviews").num_rows == 4


def test_decisions_have_the_order_of_their_times_and_then_of_their_ids(node: Node) -> None:
    def decision(name: str, at_us: int, status: str) -> Event:
        said = {"pattern_id": identity_of(PYTEST), "status": status}
        return Event("test", name, PatternReviewed.model_validate(said), at_us)

    node.publish(run("a"))
    node.publish(decision("b", 2, "approved"))
    node.publish(decision("c", 1, "deprecated"))
    assert row(node)["automation_status"] == "approved"
    node.publish(decision("a", 2, "candidate"))
    assert row(node)["automation_status"] == "approved"
    node.publish(decision("d", 2, "automated"))
    assert row(node)["automation_status"] == "automated"


def test_a_status_that_is_none_is_refused(node: Node) -> None:
    with pytest.raises(WrongUse, match="'done'; it must be one of detected, candidate"):
        node.review(identity_of(PYTEST), "done")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"reviewed_by": ""}, "reviewed_by is ''; it must be text in UTF-8 of 1 to 1,024 char"),
        ({"tool_name": "x" * 2_000}, "tool_name is 'xxx"),
        ({"tool_script_path": "n\udcff"}, r"tool_script_path is 'n\\udcff'; it must be text"),
        ({"notes": "\udcff"}, r"notes is '\\udcff'; it must be text in UTF-8$"),
    ],
)
def test_what_else_is_wrong_with_a_decision_is_named(
    node: Node, said: dict[str, str], sentence: str
) -> None:
    with pytest.raises(WrongUse, match=sentence) as raised:
        node.review(identity_of(PYTEST), "approved", **said)
    assert len(str(raised.value)) < 200
