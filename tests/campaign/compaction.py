"""Has the broker compact topics now, by settings that make it, and other short ways to change one.

What is set to have a topic cleaned is set back afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from connectors.logs.kafka_settings import KafkaSettings
from connectors.logs.kafka_topics import config_of
from schemas.log import Outgoing
from schemas.topics import (
    AGENT_EVENTS,
    EVENT_DUPLICATES,
    LEARNER_CHECKPOINTS,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    TOPICS,
)
from tests.campaign.site import Site

Answer = TypeVar("Answer")

SOON = {
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.0001",
    "delete.retention.ms": "100",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1",
}
USUAL = {
    "segment.ms": "604800000",
    "delete.retention.ms": "86400000",
    "max.compaction.lag.ms": "9223372036854775807",
}
NOBODY = f"{AGENT_EVENTS.name}/0/{2**40}"
COMPACTED = {
    PATTERN_CONTRIBUTIONS: "nobody/nobody",
    PATTERNS: "nobody",
    LEARNER_CHECKPOINTS: NOBODY,
    EVENT_DUPLICATES: NOBODY,
}
"""Each with a key that nobody has, to be deleted from it: an append that changes nothing."""

LIMIT_S = 90.0


def compact(here: Site) -> str:
    """Have every compacted topic cleaned; a sentence that says how much is gone."""
    assert {topic for topic in TOPICS if topic.compacted} == set(COMPACTED)
    before = {topic.name: _held(here, topic.name) for topic in COMPACTED}
    names = [here.settings.prefix + topic.name for topic in COMPACTED]
    configure(here.settings, dict.fromkeys(names, SOON))

    def cleaned() -> bool:
        # Only a segment that is closed is cleaned, and an append closes the one before.
        here.made.log.append(
            Outgoing(topic.name, partition, key.encode(), None)
            for topic, key in COMPACTED.items()
            for partition in range(here.made.partitions)
        )
        return all(has_repeats(here, topic.name) is False for topic in COMPACTED)

    took_s = here.wait_for(cleaned, LIMIT_S, "cleaning every compacted topic")
    configure(
        here.settings,
        {here.settings.prefix + one.name: {**config_of(one), **USUAL} for one in COMPACTED},
    )
    after = {topic.name: _held(here, topic.name) for topic in COMPACTED}
    gone = ", ".join(f"{name} {before[name]} to {after[name]}" for name in before)
    return f"compacted within {took_s:.0f} s, records: {gone}"


def has_repeats(here: Site, topic: str, fresh: int = 200) -> bool:
    """Whether a key stands twice in a partition, but for its youngest records."""
    for partition in range(here.made.partitions):
        keys = [record.key for record in _records(here, topic, partition)]
        old = keys[: max(0, len(keys) - fresh)]
        if len(set(old)) < len(old):
            return True
    return False


def configure(settings: KafkaSettings, configs: Mapping[str, Mapping[str, str]]) -> None:
    """Set the settings of topics, by their full names; what is not named gets its default."""

    async def alter(admin: AIOKafkaAdminClient) -> None:
        resources = [
            ConfigResource(
                ConfigResourceType.TOPIC, name, configs={**_whole(name, settings), **one}
            )
            for name, one in configs.items()
        ]
        for response in await admin.alter_configs(resources):
            for code, said, *_ in response.resources:
                assert code == 0, said

    ask(settings, alter)


def delete_records(settings: KafkaSettings, topic: str, share: float) -> None:
    """Cut the first part of every partition of a topic, named in full."""

    async def cut(admin: AIOKafkaAdminClient) -> None:
        described = await admin.describe_topics([topic])
        places = [TopicPartition(topic, one["partition"]) for one in described[0]["partitions"]]
        ends = await _ends(settings, places)
        await admin.delete_records(
            {place: RecordsToDelete(before_offset=int(ends[place] * share)) for place in places}
        )

    ask(settings, cut)


def delete_topic(settings: KafkaSettings, topic: str) -> None:
    """Delete a topic, named in full, and come back when it is gone."""

    async def remove(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_topics([topic])
        async with asyncio.timeout(30):
            while topic in await admin.list_topics():
                await asyncio.wait([asyncio.ensure_future(admin.list_topics())])

    ask(settings, remove)


def ask(
    settings: KafkaSettings, question: Callable[[AIOKafkaAdminClient], Awaitable[Answer]]
) -> Answer:
    """Ask the cluster."""

    async def asked() -> Answer:
        admin = AIOKafkaAdminClient(**settings.client_options())
        await admin.start()
        try:
            return await question(admin)
        finally:
            await admin.close()

    return asyncio.run(asked())


async def _ends(settings: KafkaSettings, places: list[TopicPartition]) -> dict[Any, int]:
    consumer = AIOKafkaConsumer(**settings.client_options())
    await consumer.start()
    try:
        ends: dict[Any, int] = await consumer.end_offsets(places)
        return ends
    finally:
        await consumer.stop()


def _whole(name: str, settings: KafkaSettings) -> dict[str, str]:
    """What a topic of ours has by the table, since setting some settings resets the others."""
    for topic in TOPICS:
        if settings.prefix + topic.name == name:
            return config_of(topic)
    return {"cleanup.policy": "compact"}


def _held(here: Site, topic: str) -> int:
    return sum(
        sum(1 for _ in _records(here, topic, partition))
        for partition in range(here.made.partitions)
    )


def _records(here: Site, topic: str, partition: int) -> Any:
    offset = 0
    while records := here.made.log.read(topic, partition, offset, 4_096):
        yield from records
        offset = records[-1].offset + 1
