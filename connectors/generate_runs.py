"""Plausible runs of workflows out of a seed, as `connectors.generate` makes sessions.

Most runs perform an operation that their request names, some none; a few are stated again when
their cost is known, a few are deleted, and of a few somebody asserts what they did.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Final

from connectors.generate import DAYS, SOURCE, START_US
from schemas.clock import DAY_US
from schemas.envelope import Event, time_text
from schemas.workflows import WorkflowOperationAsserted, WorkflowRunDeleted, WorkflowRunFinished

_REQUESTS: Final = (
    ("Run the backend tests with pytest", None),
    ("Run the frontend tests with vitest and fix what fails", "adw_test_iso"),
    ("Build the app", None),
    ("Type check the server", None),
    ("Format the code with black", None),
    ("Update the readme", None),
    ("Run tests, then build", "adw_plan_build_test"),
    ("Show the git log of last week", None),
    ("Fix the login bug", None),
    ("Implement user authentication with JWT", "adw_sdlc_iso"),
    ("Ship it", "adw_ship_iso"),
    (None, None),
)
_WEIGHTS: Final = tuple(accumulate((30, 14, 12, 9, 8, 6, 6, 4, 20, 12, 4, 3)))
_ERRORS: Final = ("vitest: 2 tests failed", "TypeError: x is undefined", "timeout after 600 s")
_FAILED, _PRICED, _COUNTED, _TIMED, _SMALL = 0.2, 0.8, 0.9, 0.95, 0.4
"""Shares of runs: that failed, that state their cost, tokens, duration, and of the small model."""

_ISSUES: Final = 1_000
"""Each request is made about one of so many issues; the same one comes again and again."""

_MODELS: Final = ("demo-large", "demo-small")


def workflow_runs(seed: int, count: int, *, amended: float = 0.05) -> Iterator[Event]:
    """So many runs of workflows, and a share of them stated again later, or deleted.

    The same seed gives the same events; two runs of a hundred are asserted to have done something.
    """
    randomness = Random(f"runs/{seed}")
    chance = randomness.random
    spacing_us = max(1, DAYS * DAY_US // max(1, count))
    for number in range(count):
        name = f"run-{seed}-{number}"
        ended_us = START_US + number * spacing_us
        run = _run(randomness, name, number)
        yield Event(SOURCE, f"{name}@0", run, ended_us, name, 0)
        if chance() < amended:
            known = run.model_copy(update={"cost_usd": Decimal(randomness.randrange(1, 900)) / 100})
            changed = {"amendedtime": time_text(ended_us + DAY_US)}
            yield Event(SOURCE, f"{name}@1", known, ended_us, name, 1, extensions=changed)
        if chance() < amended / 5:
            gone = WorkflowRunDeleted(workflow_id=name, run_id=name)
            yield Event(SOURCE, f"{name}@2", gone, None, name, 2)
        if chance() < amended / 3:
            said = WorkflowOperationAsserted(
                workflow_id=name, run_id=name, signature="review:code:all"
            )
            yield Event(SOURCE, f"{name}/review:code:all", said, ended_us)


def _run(randomness: Random, name: str, number: int) -> WorkflowRunFinished:
    chance = randomness.random
    drawn = chance() * _WEIGHTS[-1]
    text, template = _REQUESTS[next(at for at, upto in enumerate(_WEIGHTS) if drawn < upto)]
    failed = chance() < _FAILED
    has_cost = chance() < _PRICED
    return WorkflowRunFinished(
        workflow_id=name,
        run_id=name,
        group_id=f"demo-{number // 10}",
        ordinal=number % 10,
        model=_MODELS[chance() < _SMALL],
        project="demo",
        branch=f"feature-{number % 7}",
        input_text=None if text is None else f"{text} (#{randomness.randrange(_ISSUES)})",
        template=template,
        error_message=randomness.choice(_ERRORS) if failed else None,
        status="failed" if failed else "completed",
        outcome="failure" if failed else "success",
        total_tokens=randomness.randrange(500, 90_000) if chance() < _COUNTED else None,
        cost_usd=Decimal(randomness.randrange(1, 4_000)) / 1_000 if has_cost else None,
        cost_provenance="reported" if has_cost else None,
        duration_us=randomness.randrange(0, 1_200) * 1_000_000 if chance() < _TIMED else None,
        error_count=int(failed),
        retry_count=randomness.choice((0, 0, 0, 1, 3)),
    )
