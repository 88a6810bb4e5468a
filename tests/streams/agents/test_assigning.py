"""Every member of the learners' group has its share of every topic, whoever came first."""

from collections import Counter
from types import SimpleNamespace

from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import LEARNED_TOPICS
from streams.agents.assigning import StickyByTopic

TOPICS = [topic.name for topic in LEARNED_TOPICS]

Assigned = dict[str, set[tuple[str, int]]]


def assigned(partitions: int, before: Assigned, generation: int) -> Assigned:
    """What members have who had something before, in this generation of their group."""
    numbers = set(range(partitions))
    cluster = SimpleNamespace(topics=lambda: TOPICS, partitions_for_topic=lambda _: numbers)
    members = {
        name: StickyByTopic._metadata(
            TOPICS, [TopicPartition(*place) for place in places] or None, generation
        )
        for name, places in before.items()
    }
    found = StickyByTopic.assign(cluster, members)
    return {
        name: {(one.topic, one.partition) for one in found[name].partitions()} for name in members
    }


@given(
    partitions=st.integers(1, 13),
    groups=st.lists(st.sets(st.sampled_from("abcde"), min_size=1), min_size=1, max_size=5),
)
def test_members_share_every_topic_whoever_comes_and_goes(
    partitions: int, groups: list[set[str]]
) -> None:
    everything = {(topic, number) for topic in TOPICS for number in range(partitions)}
    has: Assigned = {}
    for generation, names in enumerate(groups):
        has = assigned(partitions, {name: has.get(name, set()) for name in names}, generation)

        assert Counter(place for places in has.values() for place in places) == Counter(everything)
        for topic in TOPICS:
            each = [sum(of == topic for of, _ in places) for places in has.values()]
            assert max(each) - min(each) <= 1
        assert assigned(partitions, has, generation + 1) == has  # who stays keeps what it has


def test_who_joins_a_lone_member_does_not_take_a_topic_whole() -> None:
    alone = assigned(12, {"first": set()}, 1)

    both = assigned(12, {**alone, "second": set()}, 2)

    assert Counter(topic for topic, _ in both["first"]) == Counter(dict.fromkeys(TOPICS, 6))
    assert both["first"] < alone["first"]
