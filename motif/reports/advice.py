"""Recommendations: sentences that name what they stand on.

Whoever is compared is compared with all others together: their rates are pooled, not averaged. Two
are said to differ only where their intervals do not touch; nothing is said about fewer than five.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from motif.display import words
from motif.reports.contents import (
    Coverage,
    ErrorRow,
    OperationRow,
    Rate,
    Recommendation,
    Trend,
)
from projections.reports import Group, Series
from streams import discoveries
from streams.discoveries import more_often
from streams.robust import median_interval

LEAST_N: Final = 5
"""Nothing is recommended on fewer."""

FALSE_SHARE: Final = 0.05
"""The share of false ones that is accepted among agents that are said to fail more often."""

SLOWER: Final = 1.3
"""How many times as long as the others' median is worth a sentence."""

FAILING: Final = 0.8
"""A type of tasks whose success is surely below this share is named."""

SAVINGS_LEAST_USD: Final = 0.50
"""A month's savings that are worth a sentence."""

SCORE_LEAST: Final = 70.0
"""The score from which an operation is worth automating."""

ERRORS_NAMED: Final = 3
"""The most frequent errors are named, so many at most."""

OPERATIONS_NAMED: Final = 5
"""The most valuable operations are named, so many at most."""

UNKNOWN_LEAST: Final = 0.2
"""The share of requests that no rule knows which is worth a sentence."""

_WORDS_NAMED: Final = 5
_OPEN: Final = ("detected", "candidate")


def about_failures(groups: Iterable[Group], noun: str) -> Iterator[Recommendation]:
    """Agents that fail more often than all others together in the same type of task.

    So many pairs are compared that some differ by luck: those are named whose intervals do not
    touch, and which Fisher's exact test finds too, with false discoveries held down.
    """
    by_type: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        by_type[group.names[1]].append(group)
    pairs = [pair for of_type in by_type.values() for pair in _against_others(of_type)]
    q_values = discoveries.q_values(
        [more_often(own.successes, own.n, rest.successes, rest.n) for _, own, rest in pairs]
    )
    surest = sorted(zip(q_values, pairs, strict=True), key=lambda one: (one[0], one[1][0]))
    for q, ((agent, task_type), own, others) in surest:
        if q <= FALSE_SHARE and _above(own, others):
            yield Recommendation(
                "failures",
                f"{agent} / {task_type}",
                own.n,
                f'Agent "{agent}" fails {_of(own)} "{task_type}" {noun} ({_share(own)}); '
                f"the others {_of(others)} ({_share(others)}).",
            )


def _against_others(groups: Sequence[Group]) -> Iterator[tuple[tuple[str, ...], Rate, Rate]]:
    """The failures of each agent, and those of all others together, where both are enough."""
    decided = sum(one.decided for one in groups)
    failed = sum(one.decided - one.successes for one in groups)
    for one in groups:
        own = Rate.of(one.decided - one.successes, one.decided)
        others = Rate.of(failed - own.successes, decided - own.n)
        if min(own.n, others.n) >= LEAST_N:
            yield one.names, own, others


def about_slowness(series: Iterable[Series], noun: str) -> Iterator[Recommendation]:
    """Agents whose median takes longer than that of all others together, in the same task type."""
    by_type: dict[str, list[tuple[str, NDArray[Any]]]] = defaultdict(list)
    for one in series:
        values = one.values["duration"]
        by_type[one.names[1]].append((one.names[0], values[~np.isnan(values)]))
    for task_type, of_type in sorted(by_type.items()):
        for place, (agent, own) in enumerate(of_type):
            rest = [values for at, (_, values) in enumerate(of_type) if at != place]
            others = np.concatenate(rest) if rest else np.empty(0)
            mine, theirs = median_interval(own.tolist()), median_interval(others.tolist())
            if mine is None or theirs is None or not theirs[1]:
                continue
            if mine[0] > theirs[2] and mine[1] >= SLOWER * theirs[1]:
                yield Recommendation(
                    "duration",
                    f"{agent} / {task_type}",
                    len(own),
                    f'Agent "{agent}" takes {mine[1] / theirs[1]:.1f} times as long for '
                    f'"{task_type}" {noun}: median {_median(mine)} of {len(own):,}; '
                    f"the others {_median(theirs)} of {len(others):,}.",
                )


def about_failing(groups: Iterable[Group]) -> Iterator[Recommendation]:
    """Types of tasks that surely fail too often, whoever else does better."""
    rates = [(Rate.of(one.successes, one.decided), one) for one in groups]
    rates.sort(key=lambda pair: (pair[0].high or 0.0, -pair[0].n, pair[1].names))
    for success, one in rates:
        if success.n >= LEAST_N and success.high is not None and success.high < FAILING:
            yield Recommendation(
                "failing",
                " / ".join(one.names),
                success.n,
                f'"{one.names[1]}" tasks of agent "{one.names[0]}" succeed in {_of(success)} '
                f"({_share(success)}), below {words.percent(FAILING)} even at the upper end.",
            )


def about_errors(rows: Sequence[ErrorRow]) -> Iterator[Recommendation]:
    """The most frequent errors, with what resolved them most often."""
    for one in [row for row in rows if row.n >= LEAST_N][:ERRORS_NAMED]:
        name = f'"{one.error_type}: {one.template}"'
        occurred = f"{name} occurred {one.n:,} times"
        if not one.resolved.successes:
            sentence = f"{occurred} and was never resolved."
        elif one.best_resolution is None:
            sentence = f"{occurred} and was resolved in {_of(one.resolved)}, nobody says how."
        else:
            best = one.best_resolution
            taken = one.time_to_resolve_us
            time = (
                f", in a median of {words.duration(taken.median)} (n = {taken.n:,})"
                if taken.n
                else ""
            )
            sentence = (
                f"{occurred} and was resolved in {_of(one.resolved)}{time}; "
                f'most often by "{best.text}" ({best.n:,} of {best.of:,}).'
            )
        yield Recommendation("error", f"{one.error_class}: {one.template}", one.n, sentence)


def about_operations(rows: Sequence[OperationRow]) -> Iterator[Recommendation]:
    """The most valuable operations that are worth a tool and have none."""
    named = 0
    for one in rows:
        score, savings, costs = one.score or 0.0, one.savings_usd or 0.0, one.savings_cost_n or 0
        is_worth = score >= SCORE_LEAST and savings >= SAVINGS_LEAST_USD and costs >= LEAST_N
        if is_worth and one.automation_status in _OPEN and named < OPERATIONS_NAMED:
            named += 1
            yield Recommendation(
                "savings",
                one.operation,
                costs,
                f'A tool for "{one.operation}" would have saved {words.dollars(savings)} in '
                f"30 days, in which it occurred {words.count(one.occurrences_30_days)} times, by "
                f"the mean of {words.plural(costs, 'known cost')}; "
                f"its score is {score:.0f} of 100.",
            )


def about_coverage(coverage: Coverage) -> Iterator[Recommendation]:
    """That many requests are of no known operation, and which words stand in them."""
    unknown = coverage.recognised.failures
    if unknown.n >= LEAST_N and unknown.low is not None and unknown.low >= UNKNOWN_LEAST:
        named = ", ".join(f'"{word}" ({n:,})' for word, n in coverage.words[:_WORDS_NAMED])
        frequent = f"; frequent in them: {named}" if named else ""
        yield Recommendation(
            "coverage",
            "requests",
            unknown.n,
            f"No rule recognises {_of(unknown)} requests ({_share(unknown)}){frequent}.",
        )


def about_trends(found: Iterable[Trend]) -> Iterator[Recommendation]:
    """What became slower, or fails more often, and since when."""
    for one in found:
        is_share = one.unit == "share"
        if (one.after < one.before) != is_share:
            continue
        show = words.percent if is_share else words.duration
        what = "Fewer succeed" if one.measure == "success" else "Fewer are resolved"
        yield Recommendation(
            "trend",
            one.pattern,
            one.n_before + one.n_after,
            f"{what if is_share else 'It takes longer'} since {words.minute_of(one.at)}: "
            f'"{one.pattern}" went from {show(one.before)} (n = {one.n_before:,}) to '
            f"{show(one.after)} (n = {one.n_after:,}); look for what changed then.",
        )


def _above(one: Rate, other: Rate) -> bool:
    return one.low is not None and other.high is not None and one.low > other.high


def _of(rate: Rate) -> str:
    return f"{rate.successes:,} of {rate.n:,}"


def _share(rate: Rate) -> str:
    return f"{words.percent(rate.share)}, {words.interval(rate.low, rate.high)}"


def _median(interval: tuple[float, float, float]) -> str:
    low, middle, high = map(words.duration, interval)
    return f"{middle} ({low} to {high})"
