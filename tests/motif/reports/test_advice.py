"""Recommendations: what they say, on which evidence, and when nothing is said."""

from collections.abc import Sequence
from random import Random

import pytest

from motif.reports import advice
from motif.reports.contents import Coverage, ErrorRow, OperationRow, Rate, Resolution
from projections.reports import Amounts, Group

NOTHING = Amounts(0, None, None, None, None, None)


def group(agent: str, task_type: str, failed: int, of: int) -> Group:
    return Group((agent, task_type), of, of, of - failed, {"duration": NOTHING})


def error(n: int, resolved: int, best: Resolution | None = None) -> ErrorRow:
    taken = Amounts(resolved, None, 2e6, 2e6, 2e6, 2e6) if best else NOTHING
    rate, none = Rate.of(resolved, n), Rate.of(0, 0)
    return ErrorRow("KeyError", "*", "KeyError", n, rate, none, none, taken, best)


def operation(**changed: object) -> OperationRow:
    row: dict[str, object] = {
        "operation": "test:pytest:all",
        "n": 40,
        "success": Rate.of(40, 40),
        "duration_us": NOTHING,
        "tokens": NOTHING,
        "cost_usd": NOTHING,
        "occurrences_30_days": 40,
        "savings_usd": 12.5,
        "annual_savings_usd": 150.0,
        "savings_cost_n": 30,
        "score": 80.0,
        "automation_status": "detected",
    }
    return OperationRow(**(row | changed))  # type: ignore[arg-type]  # a table of cases


def test_among_many_agents_who_fail_alike_nobody_is_named() -> None:
    """Of 2,000 comparisons many differ by luck; control over all of them keeps those out."""
    drawn = Random(1)
    groups = [
        group(f"a{agent}", f"t{number}", sum(drawn.random() < 0.3 for _ in range(20)), 20)
        for agent in range(10)
        for number in range(200)
    ]

    assert list(advice.about_failures(groups, "tasks")) == []


def test_those_named_first_are_the_surest() -> None:
    groups = [group("x", "hard", 9, 20), group("y", "hard", 2, 60)]
    groups += [group("x", "other", 19, 20), group("y", "other", 2, 60)]

    found = list(advice.about_failures(groups, "tasks"))

    assert [one.about for one in found] == ["x / other", "x / hard"]


@pytest.mark.parametrize(
    ("failed", "of", "named"),
    [(12, 40, False), (20, 60, True), (4, 4, False), (5, 5, True)],
    ids=["80 % may be", "surely less", "too few", "all of five"],
)
def test_tasks_that_surely_fail_too_often_are_named(failed: int, of: int, named: bool) -> None:
    found = list(advice.about_failing([group("x", "deploy", failed, of)]))

    assert [one.n for one in found] == ([of] if named else [])


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            error(12, 9, Resolution("Use a default", 6, 8)),
            (
                '"KeyError: *" occurred 12 times and was resolved in 9 of 12, in a median of 2 s '
                '(n = 9); most often by "Use a default" (6 of 8).'
            ),
        ),
        (error(12, 3), '"KeyError: *" occurred 12 times and was resolved in 3 of 12, nobody says'),
        (error(12, 0), '"KeyError: *" occurred 12 times and was never resolved.'),
    ],
)
def test_frequent_errors_are_named_with_what_resolved_them(row: ErrorRow, sentence: str) -> None:
    (found,) = advice.about_errors([row, error(4, 0)])

    assert found.sentence.startswith(sentence)
    assert found.n == 12


def test_only_the_most_frequent_errors_are_named() -> None:
    assert len(list(advice.about_errors([error(9, 0)] * 10))) == advice.ERRORS_NAMED


@pytest.mark.parametrize(
    "changed",
    [
        {"score": 69.0},
        {"savings_usd": 0.49},
        {"savings_usd": None},
        {"savings_cost_n": 4},
        {"automation_status": "automated"},
        {"automation_status": None},
    ],
    ids=str,
)
def test_an_operation_is_worth_a_tool_by_all_its_numbers(changed: dict[str, object]) -> None:
    (found,) = advice.about_operations([operation()])

    assert "$12.50 in 30 days, in which it occurred 40 times" in found.sentence
    assert "30 known costs; its score is 80 of 100" in found.sentence
    assert list(advice.about_operations([operation(**changed)])) == []


@pytest.mark.parametrize(
    ("found", "of", "sentences"),
    [
        (
            (20, 60),
            [("database", 30), ("seed", 9)],
            [
                (
                    "No rule recognises 40 of 60 requests (67 %, 54-77 %); "
                    'frequent in them: "database" (30), "seed" (9).'
                )
            ],
        ),
        ((55, 60), [("x", 5)], []),
        ((0, 4), [("x", 4)], []),
    ],
)
def test_requests_that_no_rule_knows_are_named_where_they_are_many(
    found: tuple[int, int], of: Sequence[tuple[str, int]], sentences: list[str]
) -> None:
    coverage = Coverage(Rate.of(*found), found[1] - found[0], of)

    assert [one.sentence for one in advice.about_coverage(coverage)] == sentences
