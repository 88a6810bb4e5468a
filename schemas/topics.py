"""Which record travels on which topic, by which key, kept how long; nobody else names a topic."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from schemas.errors import WrongUse


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the log.

    `compacted` topics keep the latest record per key, the others keep everything. What is
    `private` may hold people's own text and never leaves a site. `input` topics are the only truth:
    all others can be made again from them. `record_bytes` is how large a record may be.
    """

    name: str
    key: str
    holds: str
    compacted: bool = False
    private: bool = False
    input: bool = False
    record_bytes: int = 4 << 20


DEVICE_PROBES: Final = Topic(
    "device.probes",
    "address + port + unit or slot",
    "one probe: raw request and response bytes, outcome, decoded identity",
    private=True,
    input=True,
)
WORKFLOW_RUNS: Final = Topic(
    "workflow.runs",
    "workflow id",
    "finished and amended runs",
    private=True,
    input=True,
)
AGENT_EVENTS: Final = Topic(
    "agent.events",
    "session id, else user id, else agent",
    "tool calls and results, model calls, sessions, prompts, task completions, interactions",
    private=True,
    input=True,
)
PATTERN_DEFINITIONS: Final = Topic(
    "pattern.definitions",
    "pattern id, or 'identity' for what concerns the whole log",
    "what people define and decide; how devices may be asked; the log's identity and settings",
    input=True,
)
PATTERN_USAGES: Final = Topic(
    "pattern.usages",
    "pattern id",
    "a pattern was applied, with its outcome",
    input=True,
)
PATTERN_CONTRIBUTIONS: Final = Topic(
    "pattern.contributions",
    "pattern id + contributor, partitioned by pattern id",
    "the latest tally per pattern and contributor, with its version",
    compacted=True,
)
PATTERNS: Final = Topic(
    "patterns",
    "pattern id",
    "the federated row of a pattern: what consumers subscribe to",
    compacted=True,
)
LEARNER_CHECKPOINTS: Final = Topic(
    "learner.checkpoints",
    "topic, partition, epoch, segment",
    "the state of a partition's learner in segments, and its position",
    compacted=True,
    private=True,
)
EVENT_DUPLICATES: Final = Topic(
    "event.duplicates",
    "topic, partition, offset",
    "this record repeats an earlier one or was refused; up to where the learner has come",
    compacted=True,
)
DEAD_LETTERS: Final = Topic(
    "dead.letters",
    "hash of source and bytes",
    "the refused record byte for byte, why, where it came from, and what was decided about it",
    private=True,
    record_bytes=18 << 20,
)

TOPICS: Final = (
    DEVICE_PROBES,
    WORKFLOW_RUNS,
    AGENT_EVENTS,
    PATTERN_DEFINITIONS,
    PATTERN_USAGES,
    PATTERN_CONTRIBUTIONS,
    PATTERNS,
    LEARNER_CHECKPOINTS,
    EVENT_DUPLICATES,
    DEAD_LETTERS,
)
"""All ten, in the order data flows through them."""

LEARNED_TOPICS: Final = (AGENT_EVENTS, WORKFLOW_RUNS, DEVICE_PROBES)
"""Input topics that are learned from."""

INPUT_TOPICS: Final = tuple(topic for topic in TOPICS if topic.input)
"""Topics of which every other one can be made again."""

PARTITIONS: Final = 12
"""Of every topic of a new log on Kafka, unless another number is asked for."""

_BY_NAME: Final = {topic.name: topic for topic in TOPICS}


def places(topics: Iterable[Topic], partitions: int) -> Iterator[tuple[str, int]]:
    """Every partition of topics, by its topic's name and its number.

    >>> list(places([DEAD_LETTERS], 2))
    [('dead.letters', 0), ('dead.letters', 1)]
    """
    return ((topic.name, partition) for topic in topics for partition in range(partitions))


def by_name(name: str) -> Topic:
    """The topic of that name.

    >>> by_name("patterns").compacted
    True

    Raises:
        WrongUse: there is no such topic.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(_BY_NAME)
        message = f"no topic is called {name!r}; the topics are {known}"
        raise WrongUse(message) from None
