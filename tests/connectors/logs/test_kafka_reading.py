"""Reading a log on Kafka goes on where a fetch of a moment ago ended, and misses nothing."""

import pytest

from connectors.logs import kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from schemas.log import Outgoing, Record
from schemas.topics import AGENT_EVENTS

TOPIC = AGENT_EVENTS.name


def records(first: int, count: int) -> list[Outgoing]:
    return [Outgoing(TOPIC, 0, b"k", b"%d" % number) for number in range(first, first + count)]


@pytest.mark.needs_kafka
@pytest.mark.parametrize("owned", [True, False])
def test_a_reader_that_drew_all_of_a_fetch_sees_what_came_after_it(
    kafka: str, kafka_prefix: str, owned: bool
) -> None:
    """What is left of the fetch may be the marker of its transaction, and then there is more."""
    settings = KafkaSettings(kafka, prefix=kafka_prefix)
    kafka_topics.create(settings, partitions=1)
    with KafkaLog.open(settings) as writing, KafkaLog.open(settings) as reading:
        append = writing.owner("somebody").append if owned else writing.append
        append(records(0, 3))
        drawn = reading.read(TOPIC, 0, 0, 3)
        while len(drawn) < 3:  # It shows a moment later.
            drawn += reading.read(TOPIC, 0, drawn[-1].offset + 1 if drawn else 0, 3 - len(drawn))
        append(records(3, 1))
        end = writing.end(TOPIC, 0)
        while reading.end(TOPIC, 0) < end:  # As above.
            continue

        assert [one.value for one in reading.read(TOPIC, 0, drawn[-1].offset + 1, 10)] == [b"3"]


@pytest.mark.needs_kafka
def test_many_partitions_are_read_at_once_as_each_alone(kafka: str, kafka_prefix: str) -> None:
    """Of a partition that was emptied, or that the answer had no room for, nothing is claimed."""
    settings = KafkaSettings(kafka, prefix=kafka_prefix)
    kafka_topics.create(settings, partitions=4)
    large = [Outgoing(TOPIC, at, b"k", b"x" * 900_000) for at in (1, 2) for _ in range(12)]
    with KafkaLog.open(settings) as log:
        owner = log.owner("somebody")
        owner.append(records(0, 5))
        owner.append([*records(5, 5), *large])
        alone = {at: log.read(TOPIC, at, 0, 100) for at in range(4)}

        found: dict[int, list[Record]] = {at: [] for at in range(4)}
        ended: set[int] = set()
        while len(ended) < len(found):
            positions = {
                (TOPIC, at): read[-1].offset + 1 if read else 0 for at, read in found.items()
            }
            for (_, at), read in log.read_each(positions, 3).items():
                found[at] += read
                ended |= set() if read else {at}

        assert found == alone
        assert [len(read) for read in found.values()] == [10, 12, 12, 0]


@pytest.mark.needs_kafka
def test_what_this_log_appended_is_not_missed_by_reading_many(
    kafka: str, kafka_prefix: str
) -> None:
    settings = KafkaSettings(kafka, prefix=kafka_prefix)
    kafka_topics.create(settings, partitions=1)
    with KafkaLog.open(settings) as log:
        owner = log.owner("somebody")
        for number in range(20):
            (offset,) = owner.append(records(number, 1))

            found = log.read_each({(TOPIC, 0): offset}, 10).get((TOPIC, 0))

            assert found is None or [one.offset for one in found] == [offset]
