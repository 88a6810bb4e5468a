"""Kind `operation`: what runs of workflows did, with their tokens, cost, duration, errors, retries.

An occurrence is one run that performed the operation, be that recognised in its request or asserted
by somebody. The confidence is that of its successes; the score is the one that seed 003 defines.
"""

from functools import lru_cache

from schemas.ids import pattern_id
from schemas.ids import signature as canonical
from schemas.workflows import WorkflowRunFinished
from streams.change import Change, Pattern, change_of
from streams.fixedpoint import nano_usd
from streams.names import public_name
from streams.operations import Recognised, score
from streams.recognise.kind import Kind
from streams.tally import Tally

RUNS, INSTANT = "runs", "instant"
"""Counters: runs that stated themselves, and those of them that took no time at all."""

_COUNTED, _TIMELESS = (RUNS,), (RUNS, INSTANT)


def score_of(tally: Tally) -> float | None:
    """The score from 0 to 100 of what was learned; None without anything.

    Missing errors and retries count as none there, and a duration of zero as not known.
    """
    if not tally.occurrences:
        return None
    duration, errors = tally.measures.get("duration"), tally.measures.get("errors")
    retries, extra = tally.measures.get("retries"), tally.extra
    points = score(
        tally.occurrences,
        extra.get(RUNS, 0),
        n_nonzero=0 if duration is None else duration.n - extra.get(INSTANT, 0),
        total_us=0 if duration is None else duration.total,
        squares_us2=0 if duration is None else duration.squares,
        errors_total=0 if errors is None else errors.total,
        retries_total=0 if retries is None else retries.total,
    )
    return float(points)


KIND = Kind(
    name="operation",
    parts=("category", "subcategory", "target"),
    describes="runs of workflows that performed an operation; `runs` counts those with data",
    outcomes=True,
    title=":".join,
    units={
        "tokens": "tokens",
        "cost": "usd",
        "duration": "us",
        "errors": "count",
        "retries": "count",
    },
    score=score_of,
)


def of_run(pattern: Pattern, run: WorkflowRunFinished, at_us: int | None) -> Change:
    """What a run adds to an operation; each measure only where the source states it."""
    measures: list[tuple[str, int]] = []
    tokens, cost, duration_us = run.total_tokens, run.cost_usd, run.duration_us
    if tokens is None:
        tokens = total_tokens(run)
    if tokens is not None:
        measures.append(("tokens", tokens))
    if cost is not None:
        measures.append(("cost", nano_usd(cost)))
    if duration_us is not None:
        measures.append(("duration", duration_us))
    errors, retries = run.error_count, run.retry_count
    if errors is not None:
        measures.append(("errors", errors))
    if retries is not None:
        measures.append(("retries", retries))
    outcome = run.outcome
    ok, failed = int(outcome == "success"), int(outcome == "failure")
    counts = _TIMELESS if duration_us == 0 else _COUNTED
    return change_of((pattern, at_us, 1, ok, failed, counts, tuple(measures)))


def total_tokens(run: WorkflowRunFinished) -> int | None:
    """The total the source states, else the sum of input and output where both are known."""
    if run.total_tokens is not None or run.input_tokens is None or run.output_tokens is None:
        return run.total_tokens
    return run.input_tokens + run.output_tokens


@lru_cache(1 << 12)
def pattern_of(signature: str) -> Pattern:
    """The pattern of a signature; a part that may be private is masked."""
    return ("operation", *map(public_name, signature.split(":")))


@lru_cache(1 << 12)
def patterns_of(found: tuple[Recognised, ...]) -> tuple[Pattern, ...]:
    """The patterns of what was recognised, each once, in order."""
    return tuple(dict.fromkeys(pattern_of(one.signature) for one in found))


@lru_cache(1 << 12)
def identity_of(signature: str) -> str:
    """The id of the pattern of a signature."""
    return pattern_id("operation", canonical(*pattern_of(signature)[1:]))
