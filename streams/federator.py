"""The federator: of each contributor the greatest version, of all contributors the sum.

It reads `pattern.contributions`, keeps per pattern what each contributor said last, and writes the
row of every pattern that changed, coalesced: one row a pattern and step, however often it changed.
Whatever it reads is true, so reading late or twice does no harm.
"""

from collections.abc import Iterable, Iterator
from sys import intern
from typing import Final

from schemas.failpoint import reach
from schemas.log import Log, Outgoing, Owner, Record, left
from schemas.topics import LEARNER_CHECKPOINTS, PATTERN_CONTRIBUTIONS, PATTERNS
from streams.change import Pattern
from streams.contribution import FORK, LABEL, Contribution, contributor_of, readable
from streams.federated import Held, row_of
from streams.progress import Written, federator_key, progress_of

CHUNK = 4_096
FORMAT = 1
"""Of the rows; another one, and every row is written again."""

_NOTHING: Final[tuple[Pattern, dict[str, Held]]] = ((), {})


class Federator:
    """Federates one partition of `pattern.contributions`."""

    def __init__(self, log: Log, partition: int) -> None:
        """Bind to a partition; nothing is read or owned before the first step."""
        self._log = log
        self._partition = partition
        self._held: dict[str, tuple[Pattern, dict[str, Held]]] | None = None
        self._owner: Owner | None = None
        self._position = 0

    def step(self) -> int:
        """Read what is new, write the rows it changes; how many records were read, 0 at the end.

        After an error nothing is kept in memory: what was read but not written is read again.

        Raises:
            Fenced: another federator took over; this one must be dropped.
        """
        partition = self._partition
        if self._held is None and not self._due():
            return 0
        try:
            owner = self._restored()
            end = self._log.end(PATTERN_CONTRIBUTIONS.name, partition)
            changed, read = self._take(_records(self._log, partition, self._position, end))
            if read:
                owner.append(self._effects(changed))
                reach("federator.after_commit")
        except BaseException:
            self.release()
            raise
        return read

    def versions(self, wanted: Iterable[str]) -> dict[str, dict[str, Held]]:
        """What is held of these patterns, by contributor; for whoever brings contributions."""
        self.step()
        self._restored()
        assert self._held is not None, "it was read just now"
        return {identity: dict(self._held.get(identity, _NOTHING)[1]) for identity in wanted}

    def release(self) -> None:
        """Forget what is held; it is read again from the log when it is needed."""
        owner, self._owner, self._held = self._owner, None, None
        if owner is not None:
            owner.close()

    def _restored(self) -> Owner:
        """The partition's owner, who took it before reading: nobody writes older rows later."""
        if self._held is None or self._owner is None:
            self._owner = self._log.owner(f"federator/{self._partition}")
            self._position = self._written()
            self._held = {}
            self._take(_records(self._log, self._partition, 0, self._position))
        return self._owner

    def _take(self, records: Iterator[Record]) -> tuple[dict[str, None], int]:
        assert self._held is not None, "what is held was read before"
        changed: dict[str, None] = {}
        read = 0
        for record in records:
            read += 1
            self._position = max(self._position, record.offset + 1)
            if record.value is None:
                self._forget(record, changed)
                continue
            contribution = readable(record.value)
            if contribution is None:
                continue
            identity, contributor = contribution.pattern_id, intern(contribution.contributor)
            known = self._held.get(identity)
            if known is None:
                known = self._held[identity] = (contribution.pattern, {})
            before = known[1].get(contributor)
            kept = newer_of(before, _held_of(record, contribution))
            if kept is not before:
                known[1][contributor] = kept
                changed[identity] = None
        return changed, read

    def _forget(self, record: Record, changed: dict[str, None]) -> None:
        """A tombstone: what stood before it may be gone with it, so it counts for nothing."""
        assert self._held is not None, "what is held was read before"
        identity = (record.key or b"").partition(b"/")[0].decode()
        _, by_contributor = self._held.get(identity, _NOTHING)
        if by_contributor.pop(contributor_of(record), None) is not None:
            changed[identity] = None

    def _effects(self, changed: Iterable[str]) -> Iterator[Outgoing]:
        assert self._held is not None, "what is held was read before"
        for identity in changed:
            row = row_of(identity, *self._held[identity])
            yield Outgoing(PATTERNS.name, self._partition, identity.encode(), row)
        reach("federator.before_position")
        value = Written(FORMAT, self._position).encode()
        key = federator_key(self._partition)
        yield Outgoing(LEARNER_CHECKPOINTS.name, self._partition, key, value)

    def _due(self) -> bool:
        """Whether there is anything that rows were not written of, without restoring."""
        return left(self._log, PATTERN_CONTRIBUTIONS.name, self._partition, self._written()) > 0

    def _written(self) -> int:
        """Up to where rows were written; 0 where they must be written again."""
        _, written = progress_of(self._log, self._partition)
        if written is None or written.format != FORMAT:
            return 0
        end = self._log.end(PATTERN_CONTRIBUTIONS.name, self._partition)
        return written.position if written.position <= end else 0


def newer_of(held: Held | None, came: Held) -> Held:
    """The greater version; equal versions of different content are a fork, and stay one."""
    if held is None:
        return came
    if came.version != held.version:
        return came if came.version > held.version else held
    if held.forked or (came.tally == held.tally and not came.forked):
        return held
    return held._replace(forked=True)


def _held_of(record: Record, contribution: Contribution) -> Held:
    headers = dict(record.headers)
    label = intern(headers.get(LABEL, b"").decode("utf-8", "replace"))
    return Held(contribution.version, bytes(contribution.tally), label, FORK in headers)


def _records(log: Log, partition: int, start: int, end: int) -> Iterator[Record]:
    offset = start
    while offset < end:
        records = log.read(PATTERN_CONTRIBUTIONS.name, partition, offset, CHUNK)
        if not records:
            return
        for record in records:
            if record.offset >= end:
                return
            yield record
        offset = records[-1].offset + 1
