"""False findings among many tests, against definitions counted the plain way."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.discoveries import more_often, q_values


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0.001, 0.5))
def test_findings_are_those_of_the_stepwise_procedure(chances: list[float], alpha: float) -> None:
    """All up to the greatest p-value with p <= alpha k / m, where it is the k-th of m."""
    m = len(chances)
    passing = [p for k, p in enumerate(sorted(chances), 1) if p * m / k <= alpha]

    found = [p for p, q in zip(chances, q_values(chances), strict=True) if q <= alpha]

    assert sorted(found) == sorted(p for p in chances if passing and p <= max(passing))


@given(st.lists(st.floats(0, 1), max_size=20))
def test_a_finding_is_never_surer_than_its_own_test(chances: list[float]) -> None:
    for p, q in zip(chances, q_values(chances), strict=True):
        assert p <= q * (1 + 1e-12)
        assert q <= 1


@given(st.data())
def test_luck_is_counted_over_all_ways_to_draw(data: st.DataObject) -> None:
    n, other_n = data.draw(st.integers(0, 30)), data.draw(st.integers(0, 60))
    times, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, other_n))
    together = times + other
    ways = sum(
        comb(n, k) * comb(other_n, together - k)
        for k in range(times, min(n, together) + 1)
        if together - k <= other_n
    )

    found = more_often(times, n, other, other_n)

    assert found == pytest.approx(float(Fraction(ways, comb(n + other_n, together))), rel=1e-9)


def test_what_cannot_have_been_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot have"):
        more_often(3, 2, 0, 1)
