"""The publisher: events into the log in transactions, what cannot be read into `dead.letters`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from connectors.contract import Unreadable
from schemas.clock import Clock, now_us
from schemas.collector import uncollected
from schemas.envelope import SIZE_MAX, Event, check_producer, unplaced
from schemas.errors import Refused
from schemas.forgotten import Forgotten
from schemas.ids import letter_id, partitions_of
from schemas.letters import letter
from schemas.log import Log, Outgoing, outgoing_of
from schemas.topics import AGENT_EVENTS, DEAD_LETTERS

BATCH_RECORDS = 8_192
"""Records of one append at most."""

BATCH_BYTES = 16 << 20
"""Bytes of one append, about, at most; one larger record is an append of its own."""


@dataclass(slots=True)
class Published:
    """What was appended: events, letters, and of each partition where that begins and ends.

    `starts` has the offset of the first record, `positions` the one behind the last. `forgotten`
    counts events that were left out, as the log forgot them or what they are about.
    """

    appended: int = 0
    refused: int = 0
    forgotten: int = 0
    starts: dict[tuple[str, int], int] = field(default_factory=dict)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, batch: Sequence[Outgoing], offsets: Sequence[int]) -> None:
        """Count a batch that was appended at these offsets, which rise in each partition."""
        places = [(record[0], record[1]) for record in batch]  # by index: this is a hot path
        firsts = dict(zip(reversed(places), reversed(offsets), strict=True))
        self.starts = firsts | self.starts
        self.positions |= {place: last + 1 for place, last in zip(places, offsets, strict=True)}
        letters = sum(topic == DEAD_LETTERS.name for topic, _ in places)
        self.appended += len(batch) - letters


class Publisher:
    """Appends events, each where its key says, and letters for what is none.

    A letter that stands in the log already is not written again, and what the log forgot is not
    appended again.
    """

    def __init__(self, log: Log, *, forgets: bool = False, clock: Clock = now_us) -> None:
        """Bind to a log, which may forget something; nothing is read before it is needed."""
        self.log = log
        self._clock = clock
        self._forgets = forgets
        self._forgotten: Forgotten | None = None
        self._letters: set[str] | None = None

    def publish(
        self,
        items: Iterable[Event | Unreadable],
        *,
        origin: str,
        heed: Callable[[int], None] | None = None,
    ) -> Published:
        """Append everything, batch by batch; each batch is durable before the next is read.

        `heed` is told after each how many records it held.
        """
        published = Published()
        batches = _batches(self._records(items, origin, published))
        while True:
            with uncollected():
                batch = next(batches, None)
                if batch is None:
                    return published
                batch = _placed(batch, self.log.partitions)
                published.add(batch, self.log.append(batch))
                records = len(batch)
                del batch  # Else the collector goes through all of it when it comes back.
            if heed is not None:
                heed(records)

    def _records(
        self, items: Iterable[Event | Unreadable], origin: str, published: Published
    ) -> Iterator[Outgoing]:
        for item in items:
            if isinstance(item, Unreadable):
                refused = Refused(item.reason, item.detail)
                record = self._letter(Outgoing("", 0, None, item.value), refused, origin)
            elif self.forgot(item):
                published.forgotten += 1
                continue
            else:
                record = unplaced(item)
                if item.data.reserved or len(record.value or b"") > SIZE_MAX:
                    record = self._letter(record, _refused(item), origin)
            published.refused += record is None or record.topic == DEAD_LETTERS.name
            if record is not None:
                yield record

    def forgot(self, event: Event) -> bool:
        """Whether the log forgot an event or what it is about, so that it is not appended."""
        if not self._forgets:
            return False
        if self._forgotten is None:
            self._forgotten = Forgotten.of(self.log)
        return self._forgotten.holds(event)

    def _letter(self, record: Outgoing, refused: Refused, origin: str) -> Outgoing | None:
        topic = record.topic or AGENT_EVENTS.name
        value = record.value or b""
        if self._letters is None:
            self._letters = _letters_in(self.log)
        identity = letter_id(topic, value, record.headers)
        if identity in self._letters:
            return None
        self._letters.add(identity)
        return letter(
            value,
            refused,
            self.log.partitions,
            origin=origin,
            origin_topic=topic,
            refused_at_us=self._clock(),
            key=record.key,
            headers=record.headers,
        )


def _refused(event: Event) -> Refused:
    try:
        check_producer(event)
    except Refused as refused:
        return refused
    return Refused("too_large", f"its data is over {SIZE_MAX} bytes")


def _placed(batch: list[Outgoing], partitions: int) -> list[Outgoing]:
    """The records of events where their keys say; letters know their own places."""
    right = partitions_of([key or b"" for _, _, key, _, _ in batch], partitions)
    return [
        outgoing_of((topic, at if topic == DEAD_LETTERS.name else place, key, value, headers))
        for (topic, at, key, value, headers), place in zip(batch, right, strict=True)
    ]


def _batches(records: Iterator[Outgoing]) -> Iterator[list[Outgoing]]:
    batch: list[Outgoing] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.value or b"") + 256
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield _taken(batch)
            size = 0
    if batch:
        yield _taken(batch)


def _taken(batch: list[Outgoing]) -> list[Outgoing]:
    """What stands in a batch, which is empty then, so that nobody else keeps it."""
    taken = batch.copy()
    batch.clear()
    return taken


def _letters_in(log: Log) -> set[str]:
    found: set[str] = set()
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(DEAD_LETTERS.name, partition, offset, 256):
            offset = records[-1].offset + 1
            found.update((record.key or b"").decode() for record in records)
    return found
