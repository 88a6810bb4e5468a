"""Control over false findings where many candidates are tested at once."""

from collections.abc import Sequence
from math import exp, lgamma
from typing import Final

__all__ = ["METHOD", "more_often", "q_values"]

METHOD: Final = "Benjamini-Hochberg"
"""The name of the procedure, for reports."""


def q_values(chances: Sequence[float]) -> list[float]:
    """Return for each p-value the smallest false discovery rate at which it is a finding.

    Formula: with p_(1) <= ... <= p_(m) in order, q_(i) = min over j >= i of m p_(j) / j.
    Calling all with q <= alpha findings keeps the expected share of false ones among them at
    alpha, where the tests are independent or positively dependent.

    Source: Y. Benjamini and Y. Hochberg, "Controlling the False Discovery Rate", Journal of the
    Royal Statistical Society B 57 (1995), 289-300.

    >>> q_values([0.01, 0.5, 0.02, 0.75])
    [0.04, 0.6666666666666666, 0.04, 0.75]
    >>> q_values([])
    []
    """
    candidates = len(chances)
    found = [1.0] * candidates
    least = 1.0
    order = sorted(range(candidates), key=lambda one: chances[one], reverse=True)
    for above, one in enumerate(order):
        least = min(least, chances[one] * candidates / (candidates - above))
        found[one] = least
    return found


def more_often(times: int, n: int, other_times: int, other_n: int) -> float:
    """Return the chance that one happens so often by luck, if both happen equally often.

    Formula: with N = n + other_n trials and K = times + other_times in all, the hypergeometric
    tail: the sum over k from `times` to min(n, K) of C(n, k) C(N - n, K - k) / C(N, K).

    Source: R. A. Fisher's exact test, one-sided; Statistical Methods for Research Workers (1934),
    section 21.02.

    >>> round(more_often(3, 3, 0, 3), 12)  # one of the C(6, 3) = 20 ways
    0.05
    >>> more_often(0, 4, 2, 4)
    1.0
    """
    if not (0 <= times <= n and 0 <= other_times <= other_n):
        raise ValueError(f"{n} and {other_n} trials cannot have {times} and {other_times}")
    together = times + other_times
    least = max(times, together - other_n)
    if least == max(0, together - other_n):
        return 1.0
    whole = _log_ways(n + other_n, together)
    chance = sum(
        exp(_log_ways(n, k) + _log_ways(other_n, together - k) - whole)
        for k in range(least, min(n, together) + 1)
    )
    return min(1.0, chance)


def _log_ways(n: int, k: int) -> float:
    """The logarithm of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
