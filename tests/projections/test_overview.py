"""What the front door asks beside lists: measures, lift, one digest of all, examples."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import motif
from connectors.generate import sessions
from motif.node import Node
from motif.questions import examples_of, fingerprint, lift_of, measures_of, tool_lifts
from streams.recognise import KINDS


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that learned from three sessions; only to be asked."""
    with motif.open(tmp_path_factory.mktemp("overview")) as node:
        node.publish(sessions(3, 3))
        yield node


def test_measures_are_those_of_each_pattern(node: Node) -> None:
    patterns = node.patterns(limit=40)

    found = measures_of(node, [one.pattern_id for one in patterns])

    for one in patterns:
        measures = {measure.measure: measure for measure in node.pattern(one.pattern_id).measures}
        assert found.get(one.pattern_id, {}) == measures


def test_lifts_are_shares_over_baselines_most_frequent_first(node: Node) -> None:
    lifts = tool_lifts(node, 50)

    assert [one.n for one in lifts] == sorted((one.n for one in lifts), reverse=True)
    assert all(one.lift == pytest.approx(one.share / one.baseline) for one in lifts)
    assert lift_of(node, lifts[0].pattern_id) == lifts[0]


def test_a_pattern_of_another_kind_has_no_lift(node: Node) -> None:
    (best,) = node.patterns("tool", limit=1)

    assert lift_of(node, best.pattern_id) is None


def test_the_digest_is_that_of_the_numbers_and_not_of_who_learned_them(
    node: Node, tmp_path: Path
) -> None:
    with motif.open(tmp_path / "same", partitions=2, label="elsewhere") as other:
        other.publish(reversed(list(sessions(3, 3))))
        assert fingerprint(other) == fingerprint(node)
        other.publish(sessions(4, 1))
        assert fingerprint(other) != fingerprint(node)


def test_nothing_learned_has_a_digest_too(tmp_path: Path) -> None:
    with motif.open(tmp_path / "one") as one, motif.open(tmp_path / "two") as two:
        assert fingerprint(one) == fingerprint(two)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_leads_back_to_what_it_was_learned_from(node: Node, kind: str) -> None:
    """Also where the name of an MCP server is masked in the pattern and stands in the record."""
    for pattern in node.patterns(kind, limit=60):
        found = examples_of(node, pattern, 1_000)

        assert len(found) == pattern.occurrences, pattern.signature
        times = [one.happened_at for one in found if one.happened_at is not None]
        assert times == sorted(times, reverse=True)
