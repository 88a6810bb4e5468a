"""Plausible agent sessions out of a seed: for the demo, for tests and for benchmarks.

Nothing here happened. The same seed gives the same events on every machine; another seed gives
other sessions of the same world: which tool follows which, how often and why a tool fails, how
long it takes. The world is a first-order chain over 22 tools with 140 transitions.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import accumulate
from math import sqrt
from random import Random
from typing import Final

from schemas.clock import DAY_US
from schemas.envelope import Event
from schemas.events import (
    ErrorClass,
    ModelCalled,
    SessionEnded,
    SessionStarted,
    TaskCompleted,
    ToolCalled,
    ToolFinished,
    UserInterrupted,
    UserPrompted,
)
from schemas.fact import Payload

SOURCE: Final = "motif-demo"
"""Source of every generated event, so that none is ever taken for a real one."""

START_US: Final = 1_767_225_600_000_000
"""When generated time begins: 2026-01-01, a constant so that nothing depends on today."""

DAYS: Final = 30
"""Days over which generated events are spread."""

CALLS_MEAN: Final = 72
"""Tool calls of a session, on average."""

TRANSITIONS: Final = 140
"""Transitions of the chain that can happen at all."""

_WORLD_SEED: Final = 22
_RETRIED: Final = 0.35  # of failed calls, beyond what the chain would repeat anyway
_PARALLEL: Final = 0.06  # of calls whose result the next call does not wait for
_REVISED: Final = 0.1  # of API responses stated before their last token
_INTERRUPTED: Final = 0.3  # of sessions that do not succeed
_CALLS_A_PROMPT: Final = 24

# Twenty quantiles of a log-normal amount with median 1. A table, since logarithms differ in the
# last digit from one machine to another and generated events must not.
_QUANTILES: Final = (
    *(0.141, 0.237, 0.317, 0.395, 0.470, 0.550, 0.635, 0.727, 0.828, 0.939),
    *(1.065, 1.208, 1.376, 1.575, 1.818, 2.128, 2.547, 3.158, 4.221, 7.099),
)


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool of the generated world: how often, how long, how it fails."""

    name: str
    weight: int
    median_us: int
    failing: float
    errors: tuple[ErrorClass, ...]


_TOOLS = (
    _Tool("Bash", 300, 2_700_000, 0.10, ("exit_code", "exit_code", "exit_code", "rejected")),
    _Tool("Read", 240, 50_000, 0.02, ("tool_use_error",)),
    _Tool("Edit", 200, 120_000, 0.04, ("tool_use_error", "tool_use_error", "rejected")),
    _Tool("Grep", 130, 450_000, 0.02, ("sibling_error", "tool_use_error")),
    _Tool("TodoWrite", 50, 20_000, 0.0, ("other",)),
    _Tool("Glob", 30, 500_000, 0.01, ("tool_use_error",)),
    _Tool("Write", 30, 60_000, 0.03, ("rejected", "tool_use_error")),
    _Tool("Task", 15, 58_000_000, 0.01, ("other",)),
    _Tool("WebFetch", 12, 6_000_000, 0.12, ("other",)),
    _Tool("WebSearch", 10, 4_000_000, 0.03, ("other",)),
    _Tool("MultiEdit", 10, 150_000, 0.05, ("tool_use_error",)),
    _Tool("NotebookEdit", 6, 90_000, 0.04, ("tool_use_error",)),
    _Tool("BashOutput", 8, 15_000, 0.01, ("other",)),
    _Tool("KillShell", 4, 12_000, 0.02, ("other",)),
    _Tool("LS", 12, 30_000, 0.01, ("tool_use_error",)),
    _Tool("Skill", 5, 40_000, 0.0, ("other",)),
    _Tool("AskUserQuestion", 5, 44_000_000, 0.15, ("rejected",)),
    _Tool("ExitPlanMode", 8, 78_000_000, 0.45, ("rejected",)),
    _Tool("mcp__tracker__get_issue", 6, 1_300_000, 0.05, ("other",)),
    _Tool("mcp__tracker__create_issue", 5, 10_000_000, 0.30, ("other",)),
    _Tool("mcp__docs__search", 5, 900_000, 0.04, ("other",)),
    _Tool("mcp__docs__fetch", 4, 2_000_000, 0.06, ("other",)),
)
_AGENTS = ("demo-coder", "demo-reviewer")
_MODELS = (("demo-large", 15), ("demo-small", 2))  # with micro-dollars an output token
_TASKS = ("fix-bug", "add-feature", "write-tests", "refactor", "review", "update-docs")


def sessions(seed: int, count: int) -> Iterator[Event]:
    """Sessions of about 72 tool calls each, in order of their start.

    Each has its start, prompts, API calls (some stated twice, as tokens grow), tool calls with
    their results, now and then an interrupt, an end, and one completed task.
    """
    randomness = Random(f"sessions/{seed}")
    for number in range(count):
        start_us = START_US + number * DAYS * DAY_US // count
        yield from _Session(randomness, f"demo-{seed}-{number}", start_us).events()


def tool_events(seed: int, calls: int, session_calls: int = CALLS_MEAN) -> Iterator[Event]:
    """This many tool calls, two events each, in sessions of `session_calls`: cheap to make."""
    randomness = Random(f"tools/{seed}")
    chance = randomness.random
    successors = _chain()
    spacing_us = DAYS * DAY_US // max(1, -(-calls // session_calls))
    for first in range(0, calls, session_calls):
        session = f"bench-{seed}-{first // session_calls}"
        time_us = START_US + first // session_calls * spacing_us
        tool, previous = int(chance() * 4), None
        for seq in range(min(session_calls, calls - first)):
            names, bounds = successors[tool]
            tool = names[bisect(bounds, chance())]
            kind = _TOOLS[tool]
            identity = f"{session}/{seq}"
            called = ToolCalled(
                session_id=session,
                agent="bench",
                tool=kind.name,
                previous_event_id=previous,
                seq=seq,
            )
            yield Event(SOURCE, identity, called, time_us)
            time_us += int(kind.median_us * _spread(chance())) + 1_000
            yield _finished(session, identity, time_us, _failure(kind, chance()))
            time_us += 1_000
            previous = identity


def task_completions(
    seed: int, count: int, patterns: int = 10_000, *, skew: float = 1.0
) -> Iterator[Event]:
    """This many completed tasks of `patterns` pairs of agent and task type: cheap to make.

    With a `skew` above 1 some pairs are much more frequent than others.
    """
    randomness = Random(f"tasks/{seed}")
    chance = randomness.random
    costs = [Decimal(micro).scaleb(-6) for micro in range(0, 1_000_000, 997)]
    spacing_us = DAYS * DAY_US // max(1, count)
    for number in range(count):
        pattern = int(chance() ** skew * patterns)
        input_tokens = int(20_000 * _spread(chance()))
        completed = TaskCompleted(
            task_type=f"task-{pattern // 100}",
            agent=f"agent-{pattern % 100}",
            success=chance() < 0.3 + pattern % 7 / 10,
            duration_us=int(90_000_000 * _spread(chance())),
            input_tokens=input_tokens,
            output_tokens=input_tokens // 9,
            cost_usd=costs[number % len(costs)],
        )
        yield Event(SOURCE, f"task-{seed}-{number}", completed, START_US + number * spacing_us)


@cache
def _chain() -> tuple[tuple[tuple[int, ...], tuple[float, ...]], ...]:
    """For each tool its successors and the upper bounds of their cumulative probabilities.

    Every tool may be repeated, lead to the next in the list, so that all are reached, and lead to
    the most common one; other successors are drawn. All weigh by how common they are.
    """
    randomness = Random(_WORLD_SEED)
    size = len(_TOOLS)
    fewest, with_one_more = divmod(TRANSITIONS, size)
    rows = []
    for tool in range(size):
        wanted = fewest + (tool < with_one_more)
        successors = sorted({0, tool, (tool + 1) % size})
        others = [other for other in range(size) if other not in successors]
        successors += randomness.sample(others, wanted - len(successors))
        weights = [sqrt(_TOOLS[successor].weight) for successor in successors]
        bounds = list(accumulate(weights))
        # The last bound is left out: whatever chance exceeds the others falls to the last.
        rows.append((tuple(successors), tuple(bound / bounds[-1] for bound in bounds[:-1])))
    return tuple(rows)


def _spread(chance: float) -> float:
    """A log-normal factor, mostly between a fifth and five, out of chance in [0, 1)."""
    place = chance * len(_QUANTILES)
    slot = int(place)
    return _QUANTILES[slot] * (0.9 + 0.2 * (place - slot))


def _failure(kind: _Tool, chance: float) -> ErrorClass | None:
    """How a call fails, if chance in [0, 1) lets it fail."""
    if chance >= kind.failing:
        return None
    return kind.errors[int(chance / kind.failing * len(kind.errors))]


def _finished(session: str, call: str, time_us: int, failure: ErrorClass | None) -> Event:
    result = ToolFinished(session_id=session, call_id=call, ok=failure is None, error_class=failure)
    return Event(SOURCE, f"{call}/result", result, time_us)


class _Session:
    """One generated session, its clock and what it has used up."""

    def __init__(self, randomness: Random, session: str, start_us: int) -> None:
        self.randomness = randomness
        self.session = session
        self.agent = randomness.choice(_AGENTS)
        self.model, self.price = randomness.choice(_MODELS)
        self.start_us = self.time_us = start_us
        self.input_tokens = self.output_tokens = self.failures = 0
        self.cost = Decimal(0)

    def events(self) -> Iterator[Event]:
        """All that happens, from start to end."""
        randomness, session, agent = self.randomness, self.session, self.agent
        count = CALLS_MEAN // 2 + int(randomness.random() * (CALLS_MEAN + 1))
        yield self._now("started", SessionStarted(session_id=session, agent=agent))
        tool, failure, previous = int(randomness.random() * 4), None, None
        for seq in range(count):
            if seq % _CALLS_A_PROMPT == 0:
                self.time_us += self._amount(30_000_000)
                prompt = UserPrompted(session_id=session, agent=agent, characters=self._amount(80))
                yield self._now(f"prompt-{seq}", prompt)
            if failure is None or randomness.random() >= _RETRIED:
                names, bounds = _chain()[tool]
                tool = names[bisect(bounds, randomness.random())]
            failure = _failure(_TOOLS[tool], randomness.random())
            yield from self._model_call(seq)
            yield from self._tool_call(seq, tool, failure, previous)
            previous = f"{session}/{seq}"
        yield from self._end(count)

    def _model_call(self, seq: int) -> Iterator[Event]:
        """One API response; now and then stated early, with the tokens so far, and again."""
        written = 1 + self._amount(90)
        started_us = self.time_us
        self.time_us += 40_000 * written
        read = self._amount(60_000)
        cost = Decimal(written * self.price + read * self.price // 50).scaleb(-6)
        self.input_tokens += 5
        self.output_tokens += written
        self.cost += cost
        for output in (
            (written // 2, written) if self.randomness.random() < _REVISED else (written,)
        ):
            message = f"{self.session}/message-{seq}"
            called = ModelCalled(
                session_id=self.session,
                agent=self.agent,
                message_id=message,
                model=self.model,
                input_tokens=5,
                output_tokens=output,
                cache_read_tokens=read,
                cache_write_tokens=read // 30,
                cost_usd=cost,
            )
            yield Event(SOURCE, f"{message}@{output}", called, started_us, message, output)

    def _tool_call(
        self, seq: int, tool: int, failure: ErrorClass | None, previous: str | None
    ) -> Iterator[Event]:
        """A call and its result; some are not waited for, and the next is made meanwhile."""
        kind, identity = _TOOLS[tool], f"{self.session}/{seq}"
        called = ToolCalled(
            session_id=self.session,
            agent=self.agent,
            tool=kind.name,
            previous_event_id=previous,
            seq=seq,
        )
        yield Event(SOURCE, identity, called, self.time_us)
        finished_us = self.time_us + 1_000 + self._amount(kind.median_us)
        yield _finished(self.session, identity, finished_us, failure)
        self.failures += failure is not None
        if self.randomness.random() >= _PARALLEL:
            self.time_us = finished_us

    def _end(self, count: int) -> Iterator[Event]:
        """How it ends: perhaps by an interrupt, and with a task that is done or is not."""
        success = self.randomness.random() < 0.95 - 2 * self.failures / count
        self.time_us += self._amount(5_000_000)
        if not success and self.randomness.random() < _INTERRUPTED:
            stopped = UserInterrupted(session_id=self.session, agent=self.agent)
            yield self._now("interrupted", stopped)
        completed = TaskCompleted(
            session_id=self.session,
            task_type=self.randomness.choice(_TASKS),
            agent=self.agent,
            success=success,
            duration_us=self.time_us - self.start_us,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost,
        )
        yield self._now("task", completed)
        ended = SessionEnded(
            session_id=self.session,
            agent=self.agent,
            outcome="completed" if success else "abandoned",
            complete=True,
        )
        yield self._now("ended", ended)

    def _amount(self, median: int) -> int:
        return int(median * _spread(self.randomness.random()))

    def _now(self, name: str, data: Payload) -> Event:
        return Event(SOURCE, f"{self.session}/{name}", data, self.time_us)
