"""The state of a partition's learner in the log: a head, and runs of what was added.

What a commit adds (ids, session facts, current statements) is one framed blob, a *run* of level 0.
Sixteen runs of a level are joined, byte behind byte, into one of the next, until a run has reached
512 KiB; so small commits cost little, and a run that is large is never written again. The head
names the position and every run with its checksum. Tallies are not repeated here: they stand on
`pattern.contributions`, and the head has their number and the sum of their digests.

A checkpoint is only a shortcut. One that is damaged or incomplete is thrown away, said aloud, and
the partition is learned again from its log.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np

from schemas.log import Log, Outgoing
from schemas.topics import LEARNER_CHECKPOINTS
from streams.contribution import Epoch
from streams.dedupe import Seen
from streams.sessions import FACT
from streams.state import Counts, Journal, State

SEGMENT_BYTES = 448 << 10
"""Bytes of a segment's value; with key and headers it stays below 512 KiB."""

RUN_BYTES = 512 << 10
"""A run of this size is left alone."""

FAN_IN = 16
"""Runs of one level that are joined."""

FORMAT = 1


class Damaged(Exception):
    """The checkpoint does not say what it should; the partition must be learned again."""


class Run(msgspec.Struct, array_like=True):
    """One run as the head names it."""

    number: int
    level: int
    size: int
    crc: int

    @property
    def segments(self) -> int:
        """Into how many records it is cut."""
        return max(1, -(-self.size // SEGMENT_BYTES))


class Head(msgspec.Struct):
    """Where a learner is and what its state is made of."""

    format: int
    position: int
    runs: list[Run]
    counts: list[int]
    contributions: int
    digest: int
    numbered: int = 0


class _Format(msgspec.Struct):
    """All that is known of a head before its format is."""

    format: int


class Added(msgspec.Struct, array_like=True):
    """What commits added up to a position."""

    position: int
    ids: bytes
    facts: bytes
    tools: list[str]
    current: list[tuple[bytes, bytes]]


class Owned(NamedTuple):
    """Which learner's checkpoint: topic, partition, epoch."""

    topic: str
    partition: int
    epoch: Epoch

    @property
    def prefix(self) -> str:
        """What all its keys begin with."""
        return f"{self.topic}/{self.partition}/{self.epoch[0]}.{self.epoch[1]}/"

    def clear(self, key: str) -> Outgoing:
        """The tombstone of a whole key, of whichever epoch."""
        return Outgoing(LEARNER_CHECKPOINTS.name, self.partition, key.encode(), None)

    def record(self, name: str, value: bytes | None) -> Outgoing:
        """A record of the checkpoint."""
        key = (self.prefix + name).encode()
        return Outgoing(LEARNER_CHECKPOINTS.name, self.partition, key, value)


class Checkpoint:
    """Writes and restores the checkpoint of one learner."""

    def __init__(self, owned: Owned) -> None:
        """Start with nothing written."""
        self.owned = owned
        self._runs: list[Run] = []
        self._bytes: dict[int, bytes] = {}
        self._numbered = 0

    def records(self, state: State, contributions: int, digest: int) -> Iterator[Outgoing]:
        """What the next commit writes, tombstones of joined runs and the head last."""
        journal = state.journal
        added = _added(journal, state.position)
        if added:
            yield from self._write(0, added)
            yield from self._join()
        counts = state.counts
        head = Head(
            format=FORMAT,
            position=state.position,
            runs=self._runs,
            counts=[
                counts.waiting,
                counts.late,
                counts.repeats,
                counts.conflicting,
                counts.refused,
            ],
            contributions=contributions,
            digest=digest,
            numbered=self._numbered,
        )
        body = msgspec.json.encode(head)
        yield self.owned.record("head", sealed(body))

    def restore(self, segments: dict[str, bytes]) -> tuple[State, Head]:
        """The state that the records of this checkpoint hold.

        Raises:
            Damaged: a record is missing or altered.
        """
        added, head = self.content(segments)
        self._runs, self._numbered = head.runs, head.numbered
        return state_of(added, head.counts), head

    def content(self, segments: dict[str, bytes]) -> tuple[Added, Head]:
        """All that the records of this checkpoint hold, and their head.

        Raises:
            Damaged: a record is missing or altered.
        """
        head = head_of(segments[self.owned.prefix + "head"])
        blobs = [blob for run in head.runs for blob in self._read(run, segments)]
        return joined(blobs, head.position), head

    def _write(self, level: int, content: bytes) -> Iterator[Outgoing]:
        run = Run(self._numbered, level, len(content), crc32(content))
        self._numbered += 1
        self._runs.append(run)
        if run.size < RUN_BYTES:
            self._bytes[run.number] = content
        for index in range(run.segments):
            part = content[index * SEGMENT_BYTES : (index + 1) * SEGMENT_BYTES]
            yield self.owned.record(f"{run.number}/{index}", part)

    def _join(self) -> Iterator[Outgoing]:
        level = 0
        while True:
            joined = [run for run in self._runs if run.level == level and run.number in self._bytes]
            if len(joined) < FAN_IN:
                return
            content = b"".join(self._bytes.pop(run.number) for run in joined)
            gone = {run.number for run in joined}
            self._runs = [run for run in self._runs if run.number not in gone]
            yield from self._write(level + 1, content)
            for run in joined:
                for index in range(run.segments):
                    yield self.owned.record(f"{run.number}/{index}", None)
            level += 1

    def _read(self, run: Run, segments: dict[str, bytes]) -> list[Added]:
        prefix = f"{self.owned.prefix}{run.number}/"
        try:
            content = b"".join(segments[f"{prefix}{index}"] for index in range(run.segments))
        except KeyError as missing:
            message = f"segment {missing} is missing"
            raise Damaged(message) from missing
        if len(content) != run.size or crc32(content) != run.crc:
            message = f"run {run.number} is not what was written"
            raise Damaged(message)
        if run.size < RUN_BYTES:
            self._bytes[run.number] = content
        return list(_frames(content))


def joined(blobs: list[Added], position: int) -> Added:
    """What several commits added, in their order."""
    blobs.sort(key=lambda blob: blob.position)
    current: dict[bytes, bytes] = {}
    for blob in blobs:
        current.update(blob.current)
    return Added(
        position,
        b"".join(blob.ids for blob in blobs),
        b"".join(blob.facts for blob in blobs),
        [tool for blob in blobs for tool in blob.tools],
        list(current.items()),
    )


def state_of(added: Added, counts: Sequence[int]) -> State:
    """The state that these additions make, without its tallies."""
    state = State()
    state.position = added.position
    state.counts = Counts(*counts)
    state.seen = Seen(added.ids)
    state.sessions.restore(by_session(added.facts), added.tools)
    state.current.update(added.current)
    return state


def read_segments(log: Log, topic: str, partition: int) -> dict[str, bytes]:
    """The records of all checkpoints of a partition that stand in the log, by key."""
    prefix = f"{topic}/{partition}/"
    found: dict[str, bytes] = {}
    offset = 0
    while records := log.read(LEARNER_CHECKPOINTS.name, partition, offset, 16):
        offset = records[-1].offset + 1
        for record in records:
            key = (record.key or b"").decode()
            if not key.startswith(prefix):
                continue
            if record.value is None:
                found.pop(key, None)
            else:
                found[key] = record.value
    return found


def epochs_in(segments: Iterable[str]) -> list[Epoch]:
    """The epochs that have a head among the keys."""
    epochs: list[Epoch] = []
    for key in segments:
        *_, epoch, name = key.split("/", 3)
        if name == "head":
            rules, _, settings = epoch.partition(".")
            epochs.append((int(rules), int(settings)))
    return sorted(epochs)


def head_of(value: bytes) -> Head:
    """The head a record holds.

    Raises:
        Damaged: it was altered, or written by another version.
    """
    body = unsealed(value)
    written = msgspec.json.decode(body, type=_Format).format
    if written != FORMAT:
        message = f"the checkpoint has format {written}, this version writes {FORMAT}"
        raise Damaged(message)
    return msgspec.json.decode(body, type=Head)


def sealed(body: bytes) -> bytes:
    """What says how far somebody has come, behind its checksum."""
    return b"%08x" % crc32(body) + body


def unsealed(value: bytes) -> bytes:
    """What was sealed.

    Raises:
        Damaged: it is something else.
    """
    crc, body = value[:8], value[8:]
    if b"%08x" % crc32(body) != crc:
        message = "the head is not what was written"
        raise Damaged(message)
    return body


def by_session(facts: bytes) -> dict[int, bytearray]:
    """Packed facts, apart by session and in order within each."""
    if not facts:
        return {}
    rows = np.frombuffer(facts, dtype=np.dtype((np.void, FACT.size)))
    keys = np.frombuffer(facts, dtype="<u8").reshape(-1, FACT.size // 8)[:, 1]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    ends = np.append(starts[1:], len(ordered))
    packed = rows[order].tobytes()
    width = FACT.size
    return {
        int(ordered[start]): bytearray(packed[start * width : end * width])
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    }


def _added(journal: Journal, position: int) -> bytes:
    if not (journal.ids or journal.facts or journal.tools or journal.current):
        return b""
    blob = msgspec.msgpack.encode(
        Added(
            position,
            bytes(journal.ids),
            bytes(journal.facts),
            journal.tools,
            list(journal.current.items()),
        )
    )
    return len(blob).to_bytes(4, "little") + blob


def _frames(content: bytes) -> Iterator[Added]:
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        yield msgspec.msgpack.decode(content[at + 4 : at + 4 + size], type=Added)
        at += 4 + size
