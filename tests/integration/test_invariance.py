"""What is learned is a function of what happened: not of order, repeats, partitions or sites.

All of three real sources, more than 46,000 events, in every way they can come; and the rows that
were learned compared by hash. Each way is a claim of its own, so that a failure names it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

import motif
from connectors.generate import task_completions
from connectors.sources import by_name
from motif.node import Node
from schemas.envelope import Event
from schemas.ids import murmur2
from tests.integration.rows import (
    LEARNED,
    Tables,
    asked,
    assert_same,
    assert_settled,
    fingerprint,
    learned,
    rows_of,
)
from tests.integration.sources import REAL, RUNS, events_of, import_all

SITES = (4, 1, 16)
"""The partitions of each site's log."""
PREFIXES = 10

SOME_SESSIONS = (
    "2026-01-19-8b418ea5-895d-4ad5-abe8-4489d36e454f.jsonl",
    "5a6312ee-5752-4b7a-9ad2-6c3b1b5f4c8a.jsonl",
    "9b76dc0f-dc1b-4822-ac56-53cfa3fbc032.jsonl",
    "bc3bf53b-19fe-4209-b30a-a1acffaf6703.jsonl",
    "d46bf731-66ab-4dd4-83e4-e764cf54f818.jsonl",
)
"""A handful, small and middling, for the ordinary run."""


@pytest.fixture(scope="module")
def events(shared_data: Path) -> list[Event]:
    return events_of(shared_data)


@pytest.fixture(scope="module")
def once(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What is learned from one plain import into the usual four partitions."""
    with motif.open(tmp_path_factory.mktemp("once"), partitions=4) as node:
        import_all(node, shared_data)
        assert_settled(node)
        return learned(node)


@pytest.mark.needs_shared_data
def test_an_import_learns_from_every_source(once: Tables) -> None:
    """So that nothing below compares empty tables."""
    assert {table: len(rows) for table, rows in once.items()} == {
        "patterns": 3_440,
        "pattern_measures": len(once["pattern_measures"]),
        "pattern_days": len(once["pattern_days"]),
    }
    assert len(once["pattern_measures"]) > 1_000
    assert len(once["pattern_days"]) > 5_000


@pytest.mark.needs_shared_data
@pytest.mark.parametrize("partitions", [1, 4, 16])
def test_order_and_partitions_change_nothing(
    events: list[Event], once: Tables, tmp_path: Path, partitions: int
) -> None:
    """Results come before their calls, and calls before their predecessors."""
    shuffled = _shuffled(events, seed=partitions)

    with motif.open(tmp_path, partitions=partitions) as node:
        node.publish(shuffled)

        assert_settled(node)
        assert_same(learned(node), once)


@pytest.mark.needs_shared_data
def test_repeats_in_another_order_change_nothing(
    events: list[Event], once: Tables, tmp_path: Path
) -> None:
    """Every event twice, both times shuffled, half of them learned in between."""
    with motif.open(tmp_path) as node:
        node.publish(_shuffled(events, seed=1))
        node.settle()
        node.publish(_shuffled(events, seed=2))

        assert_settled(node)
        assert sum(one.repeats for one in node.status().partitions) == len(events)
        assert_same(learned(node), once)


@pytest.mark.needs_shared_data
def test_the_same_data_under_another_path_are_repeats_only(
    shared_data: Path, once: Tables, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "deep"
    _copy(shared_data, moved)

    with motif.open(tmp_path / "node") as node:
        import_all(node, shared_data)
        before = _repeats(node)
        import_all(node, moved)

        appended = sum(one.end for one in node.status().partitions)
        assert (before, 2 * (_repeats(node) - before)) == (0, appended)
        assert_settled(node)
        assert_same(learned(node), once)


@pytest.mark.needs_shared_data
def test_three_sites_together_know_what_one_would(
    events: list[Event], once: Tables, tmp_path: Path
) -> None:
    """Split by session, in logs of unlike shape, and brought together in both orders, twice."""
    nodes = [
        motif.open(tmp_path / f"site-{partitions}", partitions=partitions) for partitions in SITES
    ]
    try:
        for number, node in enumerate(nodes):
            node.publish(event for event in events if murmur2(event.key) % len(SITES) == number)
            assert_settled(node)
        for to, others in ((0, (1, 2)), (1, (2, 0)), (0, (2, 1))):
            for other in others:
                nodes[to].take_in(nodes[other].contributions())

        for node in nodes[:2]:
            assert_same(learned(node), once)
        assert fingerprint(learned(nodes[2])) != fingerprint(once)
        assert asked(nodes[0], "SELECT max(site_count) FROM patterns") == [(len(SITES),)]
    finally:
        for node in nodes:
            node.close()


@pytest.mark.needs_shared_data
@pytest.mark.parametrize(
    "sessions", [SOME_SESSIONS, pytest.param((), marks=pytest.mark.campaign, id="all")]
)
def test_a_transcript_that_grows_is_the_transcript(
    shared_data: Path, tmp_path: Path, sessions: Sequence[str]
) -> None:
    """Ten prefixes, cut anywhere, also within a line, imported one after the other."""
    files = sorted((shared_data / "claude-code-sessions").glob("*.jsonl"))
    files = [path for path in files if not sessions or path.name in sessions]
    assert len(files) == (len(sessions) or 50)
    with motif.open(tmp_path / "whole") as node:
        node.import_files("claude-code", files)
        expected = rows_of(node, GROWN)

    growing = tmp_path / "growing"
    growing.mkdir()
    with motif.open(tmp_path / "grown") as node:
        for part in range(1, PREFIXES + 1):
            for path in files:
                content = path.read_bytes()
                (growing / path.name).write_bytes(content[: len(content) * part // PREFIXES])
            node.import_files("claude-code", [growing])
            assert not any(one.conflicting or one.late for one in node.status().partitions)

        assert_settled(node)
        assert_same(rows_of(node, GROWN), expected)


def test_fourteen_completions_told_five_thousand_times_are_fourteen(tmp_path: Path) -> None:
    tasks = list(task_completions(seed=14, count=14))

    with motif.open(tmp_path) as node:
        node.publish(task for _ in range(5_000) for task in tasks)

        assert asked(node, "SELECT sum(occurrences) FROM patterns") == [(14,)]
        assert asked(node, "SELECT count(*) FROM task_completions") == [(14,)]
        assert _repeats(node) == 70_000 - 14
        assert_settled(node)


_PLACE = ("offset", "appended_at")

GROWN = {
    **LEARNED,
    "tool_calls": _PLACE,
    "model_calls": _PLACE,
    "user_prompts": _PLACE,
    "user_interrupts": _PLACE,
    "sessions": _PLACE,
}
"""What a transcript becomes: what is learned of it, and its rows."""


def _shuffled(events: Sequence[Event], seed: int) -> Iterator[Event]:
    order = list(range(len(events)))
    Random(seed).shuffle(order)
    return (events[place] for place in order)


def _repeats(node: Node) -> int:
    node.settle()
    return sum(one.repeats for one in node.status().partitions)


def _copy(data: Path, folder: Path) -> None:
    """The sources under the same names, elsewhere."""
    for name, place in (*REAL, *RUNS):
        for path in by_name(name).files(data / place):
            copied = folder / path.relative_to(data)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(path.read_bytes())
