"""Agent records through the whole way: learned, shown, and found again behind their patterns."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import motif
from connectors.generate_records import records
from motif.node import Node
from motif.questions import examples_of
from tests.integration.rows import asked, assert_settled

COUNT = 120
VIEWS = {
    "task_completions": "task",
    "error_occurrences": "error",
    "agent_usages": "agent_usage",
    "user_corrections": "correction",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with motif.open(tmp_path_factory.mktemp("records")) as opened:
        opened.publish(records(5, COUNT))
        opened.settle()
        yield opened


def test_of_every_thing_there_is_one_row_and_one_occurrence(node: Node) -> None:
    assert_settled(node)
    for view, kind in VIEWS.items():
        assert asked(node, f"SELECT count(*) FROM {view}") == [(COUNT // 4,)]
        learned = asked(node, f"SELECT sum(occurrences) FROM patterns WHERE kind = '{kind}'")
        assert learned == [(COUNT // 4,)]
    assert asked(node, "SELECT count(*) FROM task_completed WHERE revision > 1") != [(0,)]


def test_the_projection_made_again_is_the_live_one(node: Node) -> None:
    assert node.verify() == []


@pytest.mark.parametrize("kind", ["task", "agent_usage", "correction"])
def test_behind_a_pattern_stand_the_records_it_was_learned_from(node: Node, kind: str) -> None:
    for pattern in node.patterns(kind=kind):
        found = examples_of(node, pattern, limit=COUNT)
        assert len(found) == pattern.occurrences, pattern.signature


def test_learning_them_again_changes_nothing(node: Node, tmp_path: Path) -> None:
    with motif.open(tmp_path) as other:
        for event in reversed(list(records(5, COUNT))):
            other.publish([event, event])
        query = (
            "SELECT kind, signature, occurrences, measure, n, total, minimum, maximum"
            " FROM pattern_measures JOIN patterns USING (pattern_id) ORDER BY ALL"
        )
        assert asked(other, query) == asked(node, query)
