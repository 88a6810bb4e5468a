"""How sure it is that an operation deserves a tool of its own: 0 to 100, as first designed.

Three parts are added: how often it occurred, how alike the durations were, how well it went.
It is kept for comparison with the numbers of that design; it depends on whole numbers only, which
add up, so it is the same in whatever order the runs arrived.
"""

from decimal import Decimal
from typing import Final

SCORE_WITHOUT_RUNS: Final = Decimal("10.0")
"""What an operation has whose runs nobody knows, however often it was seen."""

_US2_PER_S2: Final = 10**12
_VARIANCE_NEEDS: Final = 2

_FREQUENCY: Final = ((10, 40), (5, 30), (3, 20))
"""Points by the least number of occurrences."""
_CONSISTENCY: Final = ((100, 30), (1_000, 20))
"""Points by the variance in square seconds that is not reached."""


def score(
    occurrences: int,
    runs: int,
    *,
    n_nonzero: int,
    total_us: int,
    squares_us2: int,
    errors_total: int,
    retries_total: int,
) -> Decimal:
    """Frequency (10 to 40), consistency (10 to 30) and success (5 to 30), added up.

    Durations that are not known or zero are left out before: of `n_nonzero` others these are the
    sum and the sum of squares. A run without errors or retries stated has none.

    >>> once = {"n_nonzero": 1, "total_us": 5, "squares_us2": 25}
    >>> score(1, 1, **once, errors_total=0, retries_total=0)
    Decimal('55.0')
    """
    if not runs:
        return SCORE_WITHOUT_RUNS
    points = (
        _frequency(occurrences)
        + _consistency(n_nonzero, total_us, squares_us2)
        + _success(runs, errors_total, retries_total)
    )
    return Decimal(points).quantize(SCORE_WITHOUT_RUNS)


def _frequency(occurrences: int) -> int:
    return next((points for least, points in _FREQUENCY if occurrences >= least), 10)


def _consistency(n: int, total_us: int, squares_us2: int) -> int:
    """By the population variance in square seconds, compared without a division."""
    if n < _VARIANCE_NEEDS:
        return 15
    variance = n * squares_us2 - total_us * total_us  # in square microseconds, times n * n
    unit = n * n * _US2_PER_S2
    return next((points for below, points in _CONSISTENCY if variance < below * unit), 10)


def _success(runs: int, errors: int, retries: int) -> int:
    """By the mean errors and the mean retries of a run."""
    if not errors and not retries:
        return 30
    if errors < runs and retries < 2 * runs:
        return 20
    return 10 if errors < 3 * runs else 5
