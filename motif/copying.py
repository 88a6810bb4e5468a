"""Copying a whole log into a new one: the same site and the same truths, as another log.

What is carried are the input topics and the dead letters, the only truth, and what other sites
contributed; everything else is learned again. First the contributors of the old log are retired,
and last the new log says who it is: before that nobody learns it.

Every batch says in its own transaction how far it has come. So a copy that was ended at any moment
goes on where it was when it is started again, and nothing stands in the new log twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from motif.carrying import Carrier, Counts
from motif.forgetting import Forgetting
from schemas.clock import Clock, now_us
from schemas.errors import LogDamaged, LogIncompatible, WrongUse
from schemas.failpoint import reach
from schemas.log import Log, Outgoing, Owner, Record, records_between
from schemas.topics import DEAD_LETTERS, LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS, TOPICS
from streams.identity import Identity, identity_of, is_empty, successor

CHUNK: Final = 1_024
"""Records read at once."""

LETTERS: Final = 16
"""Letters read at once, as one may be large."""

BATCH_RECORDS: Final = 8_192
BATCH_BYTES: Final = 8 << 20
"""Records and bytes of one append, about, at most; one larger record is an append of its own."""

_NOBODY: Final = b"{}"
"""What stands in a copy that is made to forget nobody."""

Progress = Callable[[str, int, int], None]


class OtherPurpose(WrongUse):
    """The target is an unfinished copy of the same log that was to forget others, or less."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a copy: who the old log was, who the new one is, what was carried."""

    copied: Identity
    made: Identity
    partitions: int
    counts: Counts
    resumed: bool


class _Done(msgspec.Struct):
    """How far one partition of the old log was copied, and what was carried from it."""

    position: int
    counts: Counts


def copy(
    source: Log,
    target: Log,
    *,
    clock: Clock = now_us,
    progress: Progress | None = None,
    forgetting: Forgetting | None = None,
) -> Copied:
    """Copy a log, up to where it ends now, into one that holds nothing or a part of this copy.

    Of what is about those who are to be forgotten only hashes are carried.

    Raises:
        OtherPurpose: the target is an unfinished copy that was to forget others, or less.
        WrongUse: the target is a log already, or holds something else.
        LogIncompatible: the source does not say who it is.
        LogDamaged: the source lost what must be copied.
    """
    copied = identity_of(source)
    if copied is None:
        raise LogIncompatible("the log to copy does not say who it is; name one that was used")
    _check_not_founded(target)
    owner = target.owner("copy")
    try:
        _check_not_founded(target)  # by a run whose place this one has just taken
        things = frozenset[bytes]() if forgetting is None else forgetting.things_in(source)
        carrier = Carrier(copied.log_id, source.partitions, target, clock, forgetting, things)
        return _Copying(source, target, owner, carrier, progress).run(copied)
    finally:
        owner.close()


@dataclass(slots=True)
class _Copying:
    source: Log
    target: Log
    owner: Owner
    carrier: Carrier
    progress: Progress | None
    done: dict[str, _Done] = field(default_factory=dict)
    told: int = 0
    whole: int = 0

    @property
    def claim(self) -> str:
        """What the keys of a copy of this log begin with."""
        return f"copy/{self.carrier.log_id}"

    @property
    def purpose(self) -> bytes:
        """What the copy is made for, and what goes: an interrupted one goes on for just that."""
        forgetting = self.carrier.forgetting
        if forgetting is None:
            return _NOBODY
        return msgspec.json.encode([forgetting.digest, self.carrier.things_digest])

    def run(self, copied: Identity) -> Copied:
        """Copy all; the order matters."""
        resumed = self._resume()
        # Letters end before the events do: what was put back by a decision is then there as well.
        letters = self._ends([DEAD_LETTERS.name])
        inputs = self._ends([topic.name for topic in TOPICS if topic.input])
        self._check_whole(inputs)
        self.whole = sum(letters.values()) + sum(inputs.values())
        for partition in range(self.source.partitions):
            self._contributions(partition)
        reach("copy.after_contributions")
        for (topic, partition), end in letters.items():
            self._stream(topic, partition, end, LETTERS, self.carrier.letter)
        reach("copy.after_letters")
        for (topic, partition), end in inputs.items():
            self._stream(topic, partition, end, CHUNK, self.carrier.event)
        self._check_whole(inputs)  # It may have been pruned meanwhile, and so not all was read.
        reach("copy.before_identity")
        counts = sum((one.counts for one in self.done.values()), Counts())
        made = self._found()
        return Copied(copied, made, self.target.partitions, counts, resumed)

    def _resume(self) -> bool:
        """Take up what an earlier run has done; whether there was one.

        Raises:
            WrongUse: something else stands in the target.
        """
        found = _progress_in(self.target)
        for key, value in found.items():
            log_id = key.split("/")[1]
            if log_id != self.carrier.log_id:
                message = (
                    f"the new log is an unfinished copy of log {log_id}, not of "
                    f"{self.carrier.log_id}: copy that one to its end, or name another place"
                )
                raise WrongUse(message)
            if key == self.claim and value != self.purpose:
                kind = OtherPurpose if _NOBODY not in {value, self.purpose} else WrongUse
                raise kind(
                    "the new log is an unfinished copy that forgets somebody else, or nobody, or "
                    "the same before more was said of them: delete it, or name another place"
                )
            if key != self.claim:
                self.done[key] = msgspec.json.decode(value, type=_Done)
        if found:
            return True
        if not is_empty(self.target):
            message = (
                "the new log already holds records, and no copy of this one: name another place"
            )
            raise WrongUse(message)
        self.owner.append([self._note(self.claim, self.purpose)])
        reach("copy.after_claim")
        return False

    def _ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        source = self.source
        return {
            (topic, partition): source.end(topic, partition)
            for topic in topics
            for partition in range(source.partitions)
        }

    def _check_whole(self, ends: dict[tuple[str, int], int]) -> None:
        """Refuse a source from which the same could not be learned any more."""
        for (topic, partition), end in ends.items():
            below, pruned = self.source.pruned(topic, partition)
            if pruned:
                message = (
                    f"{topic}/{partition} is not whole below offset {below}: what was pruned "
                    "cannot be copied, and less would be learned"
                )
                raise LogDamaged(message)
            position = self._position(topic, partition)
            if position > end:
                message = (
                    f"{topic}/{partition} ends at {end}, but {position} of it were copied: "
                    "the log lost its end; restore it, or copy it to another place"
                )
                raise LogDamaged(message)

    def _position(self, topic: str, partition: int) -> int:
        done = self.done.get(self._key(topic, partition))
        return 0 if done is None else done.position

    def _contributions(self, partition: int) -> None:
        """Retire the contributors of the old log, and carry what others contributed.

        A partition is done as a whole: of a compacted topic what was written twice counts once.
        """
        name, source = PATTERN_CONTRIBUTIONS.name, self.source
        end = source.end(name, partition)
        if end == self._position(name, partition):
            return
        latest: dict[bytes, Record] = {}
        for record in records_between(source, name, partition, 0, end, CHUNK):
            latest[record.key or b""] = record
        counts, batch = Counts(), _Batch()
        for record in latest.values():
            outgoing = self.carrier.contribution(record, counts)
            if outgoing is not None:
                batch.add(outgoing)
            if batch.full:
                self.owner.append(batch.taken())
                reach("copy.after_batch")
        self._commit(name, partition, batch, _Done(end, counts))

    def _stream(
        self,
        topic: str,
        partition: int,
        end: int,
        at_once: int,
        carried: Callable[[Record, Counts], Outgoing | None],
    ) -> None:
        """Carry the rest of one partition, batch by batch, each with its position."""
        position = self._position(topic, partition)
        self._tell(position)
        if position >= end:
            return
        counts, batch = self._counts(topic, partition), _Batch()
        for record in records_between(self.source, topic, partition, position, end, at_once):
            outgoing = carried(record, counts)
            if outgoing is not None:
                batch.add(outgoing)
            if batch.full:
                self._commit(topic, partition, batch, _Done(record.offset + 1, counts))
                self._tell(record.offset + 1 - position)
                position = record.offset + 1
        self._commit(topic, partition, batch, _Done(end, counts))
        self._tell(end - position)

    def _counts(self, topic: str, partition: int) -> Counts:
        done = self.done.get(self._key(topic, partition))
        return Counts() if done is None else done.counts

    def _commit(self, topic: str, partition: int, batch: "_Batch", done: _Done) -> None:
        key = self._key(topic, partition)
        self.owner.append([*batch.taken(), self._note(key, msgspec.json.encode(done))])
        self.done[key] = done
        reach("copy.after_batch")

    def _found(self) -> Identity:
        """Let the new log say who it is, and forget how it came about, in one transaction."""
        made, records = successor(
            self.source, self.target.partitions, forgets=self.carrier.forgetting is not None
        )
        cleared = [self._note(key, None) for key in (self.claim, *self.done)]
        self.owner.append([*cleared, *records])
        reach("copy.after_identity")
        return made

    def _key(self, topic: str, partition: int) -> str:
        return f"{self.claim}/{topic}/{partition}"

    def _note(self, key: str, value: bytes | None) -> Outgoing:
        return Outgoing(LEARNER_CHECKPOINTS.name, 0, key.encode(), value)

    def _tell(self, more: int) -> None:
        self.told += more
        if self.progress is not None:
            self.progress("copy", self.told, self.whole)


class _Batch:
    """Records on their way into one append."""

    def __init__(self) -> None:
        self._records: list[Outgoing] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether it is large enough to be appended."""
        return len(self._records) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES

    def add(self, record: Outgoing) -> None:
        """Put one more in."""
        self._records.append(record)
        self._bytes += len(record.value or b"") + 256

    def taken(self) -> list[Outgoing]:
        """All that is in it, which is then empty."""
        records, self._records, self._bytes = self._records, [], 0
        return records


def _check_not_founded(target: Log) -> None:
    found = identity_of(target)
    if found is not None:
        message = f"the new log already holds a log, {found.log_id}: name another place"
        raise WrongUse(message)


def _progress_in(log: Log) -> dict[str, bytes]:
    """What copies say in the log of how far they are."""
    found: dict[str, bytes] = {}
    name = LEARNER_CHECKPOINTS.name
    for record in records_between(log, name, 0, 0, log.end(name, 0), CHUNK):
        key = (record.key or b"").decode("utf-8", "replace")
        if key.startswith("copy/"):
            found.pop(key, None)
            if record.value is not None:
                found[key] = record.value
    return found
