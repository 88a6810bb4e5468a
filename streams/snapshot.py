"""All that was learned of a partition up to a position, sealed before its beginning is pruned.

A checkpoint is a shortcut while the log is whole: damaged, it is made again from the log. Where a
part of the log is pruned nothing could make it again, so what was learned of that part is kept a
second time, with its tallies and the ids that were folded. Of patterns that facts without revision
feed beside statements it also says what those facts alone amount to: a tally cannot forget an
extreme, and is then folded again from this and from the current statements.

It stands among the checkpoints, cut into parts; of a partition the last one counts.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from schemas.log import Log, Outgoing
from schemas.topics import LEARNER_CHECKPOINTS
from streams import statements
from streams.change import Pattern
from streams.checkpoint import SEGMENT_BYTES, Added, Damaged, sealed, state_of, unsealed
from streams.contribution import Epoch
from streams.dedupe import Seen
from streams.recognise import MIXED_KINDS
from streams.state import Learned, State
from streams.tally import Tally

FORMAT: Final = 1

_PIECE: Final = 8
"""Records read at once: parts are large."""


class Known(msgspec.Struct, array_like=True):
    """One pattern: its tally, the offset that last changed it, and what of it is never amended.

    `unamended` is None where all of it is current statements, and empty where none is.
    """

    pattern: tuple[str, ...]
    offset: int
    tally: bytes
    unamended: bytes | None = None


class Snapshot(msgspec.Struct):
    """What was learned by the rules of an epoch, all below `added.position`."""

    epoch: Epoch
    counts: list[int]
    added: Added
    patterns: list[Known]

    @property
    def position(self) -> int:
        """All below is in it."""
        return self.added.position

    def state(self) -> State:
        """The state at that position, all of which has yet to be written."""
        state = state_of(self.added, self.counts)
        for known in self.patterns:
            learned = Learned(known.pattern, known.tally)
            learned.offset = known.offset
            state.patterns[known.pattern] = state.changed[known.pattern] = learned
        state.journal.ids += self.added.ids
        state.journal.facts += self.added.facts
        state.journal.tools += self.added.tools
        state.journal.current |= dict(self.added.current)
        return state

    def unamended(self) -> dict[Pattern, Tally]:
        """Of each mixed pattern what facts without revision amount to."""
        return {
            known.pattern: Tally.decode(known.unamended or known.tally)
            for known in self.patterns
            if known.unamended is not None
        }


class LastSaid(NamedTuple):
    """The newest statement about a thing: its revision, and whether it says that it is gone."""

    revision: int
    is_deleted: bool


class Recalled:
    """What a snapshot knows of single events and things, to be asked for by their hashes."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Take over the ids and the current statements."""
        self.seen: Final = Seen(snapshot.added.ids)
        self._current: Final = dict(snapshot.added.current)

    def last(self, thing: bytes) -> LastSaid | None:
        """The newest statement about a thing; None where nothing was ever said."""
        packed = self._current.get(thing)
        if packed is None:
            return None
        revision, _, changes = statements.unpack(packed)
        return LastSaid(revision, any(one.pattern == (statements.DELETED,) for one in changes))


class _Seal(msgspec.Struct):
    format: int
    epoch: Epoch
    position: int
    parts: int
    size: int
    crc: int


def records_of(snapshot: Snapshot, topic: str, partition: int, former: int) -> Iterator[Outgoing]:
    """The records that say it, to be appended in one transaction, in place of `former` parts."""
    body = msgspec.msgpack.encode(snapshot)
    parts = [body[at : at + SEGMENT_BYTES] for at in range(0, len(body), SEGMENT_BYTES)]

    def record(name: str, value: bytes | None) -> Outgoing:
        key = _prefix(topic, partition) + name.encode()
        return Outgoing(LEARNER_CHECKPOINTS.name, partition, key, value)

    for number, part in enumerate(parts):
        yield record(str(number), part)
    for number in range(len(parts), former):
        yield record(str(number), None)
    seal = _Seal(FORMAT, snapshot.epoch, snapshot.position, len(parts), len(body), crc32(body))
    yield record("seal", sealed(msgspec.json.encode(seal)))


def read_snapshot(log: Log, topic: str, partition: int) -> Snapshot | None:
    """The snapshot of a partition; None where there is none that is whole."""
    found = _read(log, topic, partition)
    try:
        seal = msgspec.json.decode(unsealed(found.pop(b"seal")), type=_Seal)
        body = b"".join(found[b"%d" % number] for number in range(seal.parts))
    except (KeyError, Damaged, ValueError):
        return None
    if seal.format != FORMAT or len(body) != seal.size or crc32(body) != seal.crc:
        return None
    return msgspec.msgpack.decode(body, type=Snapshot)


def parts_in(log: Log, topic: str, partition: int) -> int:
    """How many parts of a snapshot stand in the log."""
    return sum(name != b"seal" for name in _read(log, topic, partition))


def amended_in(current: Iterable[bytes]) -> dict[Pattern, int]:
    """Of each mixed pattern how many of its occurrences are current statements."""
    found: dict[Pattern, int] = {}
    for packed in current:
        for change in statements.unpack(packed)[2]:
            if change.pattern and change.pattern[0] in MIXED_KINDS:
                pattern = tuple(change.pattern)
                found[pattern] = found.get(pattern, 0) + change.occurrences
    return found


def _prefix(topic: str, partition: int) -> bytes:
    return f"snapshot/{topic}/{partition}/".encode()


def _read(log: Log, topic: str, partition: int) -> dict[bytes, bytes]:
    prefix = _prefix(topic, partition)
    found: dict[bytes, bytes] = {}
    offset = 0
    while records := log.read(LEARNER_CHECKPOINTS.name, partition, offset, _PIECE):
        offset = records[-1].offset + 1
        for record in records:
            key = record.key or b""
            if not key.startswith(prefix):
                continue
            found.pop(key.removeprefix(prefix), None)
            if record.value is not None:
                found[key.removeprefix(prefix)] = record.value
    return found
