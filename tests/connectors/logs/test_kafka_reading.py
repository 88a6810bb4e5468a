"""Reading a log on Kafka goes on where a fetch of a moment ago ended, and misses nothing."""

import pytest

from connectors.logs import kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from schemas.log import Outgoing
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
