"""Plausible agent records out of a seed, as `connectors.generate` makes sessions.

Tasks, errors, uses of agents and corrections, some of them saved again with more known.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from connectors.generate import DAYS, SOURCE, START_US
from schemas.clock import DAY_US
from schemas.envelope import Event
from schemas.events import AgentUsed, ErrorOccurred, Payload, TaskCompleted, UserCorrected

_AGAIN: Final = 0.25  # of records saved a second time
_AGENTS: Final = ("demo-backend", "demo-frontend", "demo-tester")
_TASKS: Final = ("api-implementation", "code-generation", "write-tests")
_TOOLS: Final = ("Read", "Write", "Edit", "Bash", "Grep", "mcp__docs__search")
_ERRORS: Final = (
    ("TypeError", "unsupported operand type(s) for +: 'int' and 'str'", "Convert before adding"),
    ("FileNotFoundError", "No such file or directory: 'data/{}.csv'", "Write the file first"),
    ("KeyError", "'user_{}'", "Use a default"),
    ("TimeoutError", "request timed out after {} seconds", None),
    ("PaymentDeclined", "card was declined", None),
)
_CORRECTIONS: Final = (("type_safety", "code_quality"), ("naming", None), ("logic", "correctness"))
_SEVERITIES: Final = ("minor", "minor", "moderate", "critical")


def records(seed: int, count: int) -> Iterator[Event]:
    """This many records, and some of them a second time, as revisions."""
    randomness = Random(f"records/{seed}")
    for number in range(count):
        thing, session = f"record-{seed}-{number}", f"records-{seed}-{number // 10}"
        time_us = START_US + number * DAYS * DAY_US // count
        made = (_task, _error, _usage, _correction)[number % 4]
        yield _event(thing, 1, made(randomness, session), time_us)
        if randomness.random() < _AGAIN:
            yield _event(thing, 2, made(randomness, session), time_us)


def _event(thing: str, revision: int, data: Payload, time_us: int) -> Event:
    return Event(SOURCE, f"{thing}@{revision}", data, time_us, thing, revision)


def _happens(randomness: Random, share: float) -> bool:
    return randomness.random() < share


def _context(randomness: Random, session: str) -> dict[str, Any]:
    return {
        "session_id": session,
        "project_name": "demo",
        "environment": randomness.choice(("development", "staging", "production")),
        "tags": ["demo", randomness.choice(("backend", "frontend"))],
    }


def _task(randomness: Random, session: str) -> TaskCompleted:
    return TaskCompleted(
        agent=randomness.choice(_AGENTS),
        task_type=randomness.choice(_TASKS),
        success=_happens(randomness, 0.8),
        duration_us=randomness.randrange(500_000, 90_000_000),
        files_modified=randomness.randrange(9),
        coverage_percent=randomness.randrange(1_000) / 10,
        retry_count=randomness.randrange(3),
        **_context(randomness, session),
    )


def _error(randomness: Random, session: str) -> ErrorOccurred:
    name, message, resolution = randomness.choice(_ERRORS)
    resolved = resolution is not None and _happens(randomness, 0.7)
    return ErrorOccurred(
        error_type=name,
        error_message=message.format(randomness.randrange(100)),
        line_number=randomness.randrange(1, 400),
        resolution=resolution if resolved else None,
        resolution_time_us=randomness.randrange(60_000_000) if resolved else None,
        auto_resolved=resolved and _happens(randomness, 0.5),
        user_intervention=_happens(randomness, 0.3),
        **_context(randomness, session),
    )


def _usage(randomness: Random, session: str) -> AgentUsed:
    return AgentUsed(
        agent_type=randomness.choice(_AGENTS),
        task_type=randomness.choice(_TASKS),
        success=_happens(randomness, 0.85),
        duration_us=randomness.randrange(500_000, 90_000_000),
        tools_used=randomness.sample(_TOOLS, randomness.randrange(1, 4)),
        files_accessed=randomness.randrange(20),
        api_calls=randomness.randrange(1, 12),
        tokens_used=randomness.randrange(200, 9_000),
        memory_mb=randomness.randrange(4_000) / 8,
        cpu_percent=randomness.randrange(1_000) / 10,
        parallel_tasks=randomness.randrange(1, 4),
        **_context(randomness, session),
    )


def _correction(randomness: Random, session: str) -> UserCorrected:
    correction_type, category = randomness.choice(_CORRECTIONS)
    return UserCorrected(
        original_output="def f(x): return x",
        corrected_output="def f(x: int) -> int: return x",
        correction_type=correction_type,
        correction_category=category,
        agent=randomness.choice(_AGENTS),
        severity=randomness.choice(_SEVERITIES),
        **_context(randomness, session),
    )
