"""The publisher: what it says of a batch, and where records stand."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Unreadable
from connectors.logs.memory import MemoryLog
from connectors.publisher import Published, Publisher
from schemas.envelope import Event, outgoing
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS, WORKFLOW_RUNS
from tests.strategies import events

PLACES = st.tuples(
    st.sampled_from([AGENT_EVENTS.name, WORKFLOW_RUNS.name, DEAD_LETTERS.name]), st.integers(0, 2)
)
UNREADABLE = st.builds(Unreadable, st.binary(max_size=9), st.just("not_json"), st.just("no JSON"))


@given(st.lists(st.lists(PLACES, min_size=1, max_size=9), max_size=3))
def test_each_partition_is_said_to_begin_and_end_where_it_does(
    batches: list[list[tuple[str, int]]],
) -> None:
    published, plain = Published(), Published()
    ends: dict[tuple[str, int], int] = {}
    for places in batches:
        offsets = []
        for place in places:
            offsets.append(ends.get(place, 5))
            ends[place] = offsets[-1] + 1
            plain.starts.setdefault(place, offsets[-1])
            plain.positions[place] = offsets[-1] + 1
            plain.appended += place[0] != DEAD_LETTERS.name
        published.add([Outgoing(topic, at, None, None) for topic, at in places], offsets)

    assert published == plain


@given(st.lists(events() | UNREADABLE, max_size=4), st.sampled_from([1, 20]))
def test_events_of_many_kinds_stand_where_their_keys_say(
    items: list[Event | Unreadable], times: int
) -> None:
    log = MemoryLog(3)

    published = Publisher(log).publish(items * times, origin="test")

    wanted = [outgoing(one, 3) for one in items if isinstance(one, Event) and not one.data.reserved]
    for topic in {one.topic for one in wanted}:
        for partition in range(3):
            stored = log.read(topic, partition, 0, 1_000)
            those = [
                one for one in wanted * times if (one.topic, one.partition) == (topic, partition)
            ]
            assert [(one.key, one.value, one.headers) for one in stored] == [
                (one.key, one.value, one.headers) for one in those
            ]
    assert published.appended == len(wanted) * times
    letters = [one for at in range(3) for one in log.read(DEAD_LETTERS.name, at, 0, 1_000)]
    assert len({one.key for one in letters}) == len(letters)
