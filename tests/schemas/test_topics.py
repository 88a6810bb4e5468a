"""The topics: what they are called, and which keep only the latest, is a promise to consumers."""

import pytest

from schemas.errors import WrongUse
from schemas.topics import TOPICS, by_name

GOLDEN = {  # whether it is compacted, private, and an input
    "device.probes": (False, True, True),
    "workflow.runs": (False, True, True),
    "agent.events": (False, True, True),
    "pattern.definitions": (False, False, True),
    "pattern.usages": (False, False, True),
    "pattern.contributions": (True, False, False),
    "patterns": (True, False, False),
    "learner.checkpoints": (True, True, False),
    "event.duplicates": (True, False, False),
    "dead.letters": (False, True, False),
}


def test_the_topics_are_these() -> None:
    found = {topic.name: (topic.compacted, topic.private, topic.input) for topic in TOPICS}

    assert found == GOLDEN


def test_a_topic_is_found_by_its_name() -> None:
    assert [by_name(topic.name) for topic in TOPICS] == list(TOPICS)


def test_an_unknown_topic_names_the_known_ones() -> None:
    with pytest.raises(WrongUse, match=r"'nonsense'.*agent\.events"):
        by_name("nonsense")


def test_every_topic_says_what_it_holds_and_by_which_key() -> None:
    assert all(topic.holds and topic.key for topic in TOPICS)


def test_truth_is_never_compacted() -> None:
    """Compaction forgets, and what is learned must be learnable again."""
    assert not [topic.name for topic in TOPICS if topic.input and topic.compacted]
