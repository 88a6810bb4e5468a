"""What reports consist of. Every number stands beside the `n` it was made of; None is not known.

Durations are microseconds, money is US dollars, shares are from 0 to 1, intervals hold 95 of 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections.reports import Amounts, Rows, Window
from streams.statistics import rate, wilson

ROWS_SHOWN = 20
"""Rows of a table in text and HTML; JSON and the library have all."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many successes of `n`, with the Wilson interval of the share."""

    successes: int
    n: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, successes: int, n: int) -> "Rate":
        """The share of successes in n.

        >>> Rate.of(3, 4).share
        0.75
        """
        low, high = wilson(successes, n) or (None, None)
        return cls(successes, n, rate(successes, n), low, high)

    @property
    def failures(self) -> "Rate":
        """The share of failures."""
        return Rate.of(self.n - self.successes, self.n)


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record is found again."""

    source: str
    event_id: str
    session_id: str | None
    happened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A record far outside of what is usual for its pattern.

    `median` (of logarithms) and `factor`, one spread to the value's side on their scale, are of the
    pattern's `n` positive values; `spreads` says how many the value is away, below zero for less.
    """

    kind: str
    pattern: str
    measure: str
    unit: str
    record: Record
    value: float
    n: int
    median: float
    factor: float
    spreads: float


@dataclass(frozen=True, slots=True)
class Anomalies:
    """The farthest of all that were `found`, beyond `threshold` spreads of `least_n` values."""

    found: int
    farthest: Sequence[Anomaly]
    threshold: float
    least_n: int


@dataclass(frozen=True, slots=True)
class Trend:
    """A change of a pattern over time: medians or shares of the values before and since `at`.

    `p` is the test's own, `q` the false discovery rate at which it is a finding of its report.
    """

    kind: str
    pattern: str
    measure: str
    unit: str
    at: datetime
    n_before: int
    n_after: int
    before: float
    after: float
    ratio: float | None
    p: float
    q: float


@dataclass(frozen=True, slots=True)
class Trends:
    """The changes found among all candidates, by which test, and how false ones are held down."""

    test: str
    control: str
    alpha: float
    least_n: int
    candidates: int
    found: Sequence[Trend]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A sentence that names its evidence, what it is about, and the n it stands on."""

    topic: str
    about: str
    n: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What every report has: its window, the rows it read, and what follows from them."""

    name: str
    window: Window
    since: datetime | None
    rows: Sequence[Rows]
    anomalies: Anomalies
    trends: Trends
    recommendations: Sequence[Recommendation]


@dataclass(frozen=True, slots=True)
class AgentRow:
    """What one agent did."""

    agent: str
    n: int
    success: Rate
    duration_us: Amounts
    tokens: Amounts
    retries: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsReport(Report):
    """Agents by the tasks they completed, and by the uses that were stated of them.

    The two are kept apart: a use and a completed task may be about the same work.
    """

    tasks: Sequence[AgentRow]
    uses: Sequence[AgentRow]


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Tasks of one type completed by one agent, and the slowest of them."""

    agent: str
    task_type: str
    n: int
    success: Rate
    duration_us: Amounts
    slowest: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksReport(Report):
    """Agents' types of tasks, those first that surely fail most."""

    tasks: Sequence[TaskRow]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What resolved an error most often: `n` of the `of` resolutions that were put into words."""

    text: str
    n: int
    of: int


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """Errors of one class and one form of message; `error_type` is how most of them call it."""

    error_class: str
    template: str
    error_type: str
    n: int
    resolved: Rate
    auto_resolved: Rate
    user_intervention: Rate
    time_to_resolve_us: Amounts
    best_resolution: Resolution | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsReport(Report):
    """Errors, the most frequent first."""

    errors: Sequence[ErrorRow]


@dataclass(frozen=True, slots=True)
class OperationRow:
    """Runs of the window that performed one operation, and what is known of it altogether.

    Savings, score and status are of everything that was learned, from every site: `savings_usd` is
    what a tool would have saved in the 30 days that end with the report's window, in which the
    operation occurred `occurrences_30_days` times; both are None where runs of them were pruned.
    """

    operation: str
    n: int
    success: Rate
    duration_us: Amounts
    tokens: Amounts
    cost_usd: Amounts
    occurrences_30_days: int | None
    savings_usd: float | None
    annual_savings_usd: float | None
    savings_cost_n: int | None
    score: float | None
    automation_status: str | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Requests in which operations were recognised, and the frequent words of the others."""

    recognised: Rate
    unmatched: int
    words: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsReport(Report):
    """Operations, the most valuable first, and how many requests no rule knows."""

    operations: Sequence[OperationRow]
    coverage: Coverage
