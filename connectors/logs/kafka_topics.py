"""The topics of a log on Kafka: made with their settings, compared with what they should be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import TopicPartition

from connectors.logs.checks import checked_partitions
from connectors.logs.kafka_entering import let_in
from connectors.logs.kafka_loop import EventLoop
from connectors.logs.kafka_settings import KafkaSettings, check_installed
from schemas.clock import monotonic_s
from schemas.errors import LogIncompatible, LogUnavailable
from schemas.topics import PARTITIONS, TOPICS, Topic

logging.getLogger("aiokafka").addHandler(logging.NullHandler())

GROUP: Final = "motif-learner"
"""The consumer group among whose members the input partitions are shared out."""

PAUSE_S: Final = 0.05

GONE_S: Final = 60.0
"""How long topics may be listed after they were deleted."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Difference:
    """Something about a topic that is not as it should be."""

    topic: str
    what: str
    found: str
    wanted: str

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.topic}: {self.what} is {self.found}; it must be {self.wanted}"


def config_of(topic: Topic) -> dict[str, str]:
    """Kafka's settings of a topic, by their names.

    Compacted topics get small segments, as only whole segments that are closed are compacted.

    >>> from schemas.topics import DEAD_LETTERS
    >>> config_of(DEAD_LETTERS)["retention.ms"]
    '-1'
    """
    config = {
        "max.message.bytes": str(topic.record_bytes),
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
    }
    if topic.compacted:
        config["cleanup.policy"] = "compact"
        config["segment.bytes"] = str(64 << 20)
        config["min.cleanable.dirty.ratio"] = "0.2"
    return config


def create(
    settings: KafkaSettings,
    *,
    partitions: int | None = None,
    replication: int | None = None,
    otherwise: int = PARTITIONS,
) -> list[str]:
    """Make the topics that are missing; the names of those that were made.

    Args:
        settings: how to reach the cluster.
        partitions: of every topic; by default as many as those that exist have.
        replication: how many brokers hold each; by default the cluster's own default.
        otherwise: partitions of every topic where none are asked for and none exist.

    Raises:
        LogUnavailable: the cluster does not answer or refuses.
        LogIncompatible: topics exist with another number of partitions.
    """
    if partitions is not None:
        checked_partitions(partitions)

    async def make(admin: AIOKafkaAdminClient) -> list[str]:
        there = await _partitions(admin, settings.prefix)
        number = _one_number(there, partitions, otherwise)
        wanted = [topic for topic in TOPICS if topic.name not in there]
        if wanted:
            await _make(
                admin, [_new(settings.prefix, topic, number, replication) for topic in wanted]
            )
        return [settings.prefix + topic.name for topic in wanted]

    return _ask(settings, make)


def create_compacted(
    settings: KafkaSettings, name: str, *, partitions: int, replication: int
) -> None:
    """Make a compacted topic that is none of the log's own, unless it is there, and wait for it.

    Args:
        settings: how to reach the cluster.
        name: the topic's whole name, prefix included.
        partitions: of the topic.
        replication: how many brokers hold each.

    Raises:
        LogUnavailable: the cluster does not answer or refuses.
    """

    async def make(admin: AIOKafkaAdminClient) -> None:
        new = NewTopic(name, partitions, replication, topic_configs={"cleanup.policy": "compact"})
        await _make(admin, [new])

    _ask(settings, make)


def check(settings: KafkaSettings, *, partitions: int | None = None) -> list[Difference]:
    """What differs from the table of topics; nothing where all is as it should be.

    Raises:
        LogUnavailable: the cluster does not answer or refuses.
    """

    async def compare(admin: AIOKafkaAdminClient) -> list[Difference]:
        there = await _partitions(admin, settings.prefix)
        numbers = sorted(set(there.values()))
        number = partitions or (numbers[0] if numbers else PARTITIONS)
        found = []
        for topic in TOPICS:
            name = settings.prefix + topic.name
            if topic.name not in there:
                found.append(Difference(name, "the topic", "missing", "there"))
            elif there[topic.name] != number:
                stated = str(there[topic.name])
                found.append(Difference(name, "the number of partitions", stated, str(number)))
        present = [topic for topic in TOPICS if topic.name in there]
        return found + await _configured(admin, settings.prefix, present)

    return _ask(settings, compare)


def missing(settings: KafkaSettings) -> list[str]:
    """The topics that are not there.

    Raises:
        LogUnavailable: the cluster does not answer or refuses.
    """
    return [one.topic for one in check(settings) if one.found == "missing"]


def delete(settings: KafkaSettings) -> list[str]:
    """Delete the topics of a log and wait until none is left; the names of those that were there.

    Raises:
        LogUnavailable: the cluster does not answer, or refuses to delete one.
    """

    async def remove(admin: AIOKafkaAdminClient) -> list[str]:
        there = [settings.prefix + name for name in await _partitions(admin, settings.prefix)]
        if there:
            response = await admin.delete_topics(there)
            _check(response.topic_error_codes, "delete", UnknownTopicOrPartitionError)
            await _gone(admin, settings.prefix)
        return there

    return _ask(settings, remove)


def prune(settings: KafkaSettings, topic: str, partition: int, before: int) -> None:
    """Have the cluster delete all records of a partition below an offset, whole segments on disk.

    Raises:
        LogUnavailable: the cluster does not answer or refuses.
    """
    place = TopicPartition(settings.prefix + topic, partition)

    async def remove(admin: AIOKafkaAdminClient) -> None:
        try:
            await admin.delete_records({place: RecordsToDelete(before)})
        except KafkaError as error:
            message = f"Kafka did not delete records of {place.topic}/{partition}: {error}"
            raise LogUnavailable(message) from error

    _ask(settings, remove)


def owners(settings: KafkaSettings, group: str = GROUP) -> dict[tuple[str, int], str]:
    """Which member of the learners' group has which partition; its client id and address."""

    async def describe(admin: AIOKafkaAdminClient) -> dict[tuple[str, int], str]:
        found: dict[tuple[str, int], str] = {}
        (response,) = await admin.describe_consumer_groups([settings.prefix + group])
        members = [member for described in response.groups for member in described[5]]
        for member in members:
            client_id, host, assignment = member[1], member[2], member[4]
            if assignment:
                taken = ConsumerProtocolMemberAssignment.decode(assignment)
                for topic, partitions in taken.assignment:
                    for partition in partitions:
                        place = (topic.removeprefix(settings.prefix), partition)
                        found[place] = f"{client_id} at {host.lstrip('/')}"
        return found

    return _ask(settings, describe)


def _ask(
    settings: KafkaSettings, question: Callable[[AIOKafkaAdminClient], Awaitable[Answer]]
) -> Answer:
    check_installed()
    options = settings.client_options()
    loop = EventLoop("kafka-admin", settings.bootstrap)

    async def asked() -> Answer:
        admin = AIOKafkaAdminClient(**options, request_timeout_ms=20_000)
        try:
            await let_in(admin.start(), settings)
            return await question(admin)
        finally:
            await admin.close()

    try:
        return loop.run(asked())
    finally:
        loop.stop()


async def _partitions(admin: AIOKafkaAdminClient, prefix: str) -> dict[str, int]:
    """The topics of ours that exist, with their numbers of partitions."""
    known = set(await admin.list_topics())
    wanted = [prefix + topic.name for topic in TOPICS if prefix + topic.name in known]
    if not wanted:
        return {}
    return {
        one["topic"].removeprefix(prefix): len(one["partitions"])
        for one in await admin.describe_topics(wanted)
    }


def _one_number(there: dict[str, int], asked: int | None, otherwise: int) -> int:
    numbers = sorted(set(there.values()))
    number = asked or (numbers[0] if numbers else otherwise)
    if any(one != number for one in numbers):
        found = ", ".join(f"{name} has {there[name]}" for name in sorted(there))
        raise LogIncompatible(
            f"every topic must have {number} partitions, and {found}; the number is fixed when a "
            "topic is made: copy the log into a new one to change it"
        )
    return number


def _new(prefix: str, topic: Topic, partitions: int, replication: int | None) -> NewTopic:
    return NewTopic(
        prefix + topic.name,
        partitions,
        -1 if replication is None else replication,
        replica_assignments={} if replication is None else None,
        topic_configs=config_of(topic),
    )


async def _make(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    """Make topics that may be there already, and wait until each is led."""
    response = await admin.create_topics(topics)
    _check(response.topic_errors, "make", TopicAlreadyExistsError)
    await _led(admin, [topic.name for topic in topics])


def _check(answers: Iterable[Any], what: str, done: type[KafkaError]) -> None:
    """Refuse where a topic is not as it was asked for; `done` says that it was so already."""
    for name, code, *rest in answers:
        error = for_code(code)
        if error not in {NoError, done}:
            said = next((one for one in rest if one), error.__name__)
            raise LogUnavailable(f"Kafka did not {what} the topic {name}: {said}")


async def _led(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """Wait until the cluster says of every partition who leads it."""
    while True:
        described = await admin.describe_topics(names)
        leaders = [partition["leader"] for topic in described for partition in topic["partitions"]]
        if all(topic["partitions"] for topic in described) and min(leaders, default=-1) >= 0:
            return
        await asyncio.sleep(PAUSE_S)


async def _gone(admin: AIOKafkaAdminClient, prefix: str) -> None:
    """Wait until the cluster names no topic of the log."""
    until_s = monotonic_s() + GONE_S
    while left := await _partitions(admin, prefix):
        if monotonic_s() > until_s:
            raise LogUnavailable(
                f"Kafka still has the topic {prefix}{min(left)}, told to delete it"
            )
        await asyncio.sleep(PAUSE_S)


async def _configured(
    admin: AIOKafkaAdminClient, prefix: str, topics: Iterable[Topic]
) -> list[Difference]:
    wanted = {prefix + topic.name: config_of(topic) for topic in topics}
    if not wanted:
        return []
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(config))
        for name, config in wanted.items()
    ]
    found = []
    for response in await admin.describe_configs(asked):
        for _, _, _, name, entries in response.resources:
            stated = {entry[0]: entry[1] for entry in entries}
            found += [
                Difference(name, key, str(stated.get(key)), value)
                for key, value in wanted[name].items()
                if stated.get(key) != value
            ]
    return found
