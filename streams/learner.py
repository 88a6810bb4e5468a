"""The learner of one partition: reads its log in order, folds, and commits all or nothing.

A commit holds the latest contribution of every pattern that changed, the checkpoint with its
position, the repeats and refusals up to there, and dead letters, in one transaction of the
partition's owner. Nothing else is ever written, so a crash between any two instructions leaves a
log from which the same is learned again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from schemas.collector import uncollected
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.failpoint import reach
from schemas.letters import letter_of
from schemas.log import Log, Outgoing, Owner, Record
from schemas.topics import EVENT_DUPLICATES
from streams.apply import Applier
from streams.checkpoint import Owned, read_segments
from streams.contributed import Contributed
from streams.contribution import (
    EMPTY,
    Contributor,
    Epoch,
    digest_of,
    encode,
    outgoing,
)
from streams.intake import examine
from streams.restore import Start, start_of
from streams.rules import Rules
from streams.runs import OfForgotten
from streams.state import State, Unamended
from streams.unamended import unamended

CHUNK = 4_096
"""Records decoded and looked up together."""

BATCH = 131_072
"""Records between two commits when there is that much to learn: the batch is the interval."""

_JSON = msgspec.json.Encoder()


class _Fact(msgspec.Struct):
    """What `event.duplicates` says of one record."""

    topic: str
    partition: int
    offset: int
    conflicting: bool
    refused: bool


class _Reached(msgspec.Struct):
    """What `event.duplicates` says of the learner: all below `position` is applied."""

    topic: str
    partition: int
    position: int
    epoch: Epoch
    waiting: int
    late: int
    repeats: int
    conflicting: int
    refused: int


@dataclass(slots=True)
class _Working:
    """A learner that has been restored, and what its next commit says of single records."""

    start: Start
    applier: Applier
    owner: Owner
    contributions: int
    digest: int
    facts: list[_Fact] = field(default_factory=list)
    letters: list[Outgoing] = field(default_factory=list)

    @property
    def state(self) -> State:
        """What is known."""
        return self.start.state


class Learner:
    """Learns from one partition and owns what is known about it.

    `notices` holds a sentence about anything out of the ordinary, such as a checkpoint that had to
    be thrown away; whoever runs the learner shows them. `contributed` is how many contributions the
    last commit held. Set `hurry`, from whatever thread, to have a step end soon; it stays set.
    """

    def __init__(
        self,
        log: Log,
        contributor: Contributor,
        rules: Rules,
        *,
        label: str = "",
        contributions: Contributed | None = None,
    ) -> None:
        """Bind to a partition; nothing is read or owned before the first step.

        `contributions` are read once for all learners that are restored at the same time.
        """
        self._log = log
        self._rules = rules
        self._label = label
        self._shared = contributions
        self._working: _Working | None = None
        self._forgot = False
        self.contributor = contributor
        self.notices: list[str] = []
        self.contributed = 0
        self.hurry = False

    def step(self, limit: int = BATCH) -> int:
        """Learn from at most `limit` records and commit; how many there were, 0 at the end.

        After an error nothing of the batch is kept, in the log or in memory.

        Raises:
            Fenced: another owner took over; this learner must be dropped.
            LogIncompatible: newer rules have learned this partition.
        """
        with uncollected():
            working = self._restored()
            try:
                return self._learn(working, limit)
            except BaseException:
                self.release()
                raise

    @property
    def position(self) -> int:
        """Everything below is learned; 0 where nothing was restored yet."""
        return 0 if self._working is None else self._working.state.position

    def release(self) -> None:
        """Forget what is known; it is restored from the checkpoint when it is needed."""
        working, self._working = self._working, None
        if working is not None:
            working.owner.close()

    def forget(self) -> None:
        """Give up the checkpoint: the next step learns from the beginning of the log.

        That is no notice then, as somebody asked for it.

        Raises:
            Fenced: another owner took over.
        """
        self.release()
        topic, partition = self.contributor.topic, self.contributor.partition
        owner = self._log.owner(f"learner/{topic}/{partition}")
        try:
            owned = Owned(topic, partition, self._rules.epoch)
            keys = read_segments(self._log, topic, partition)
            if keys:
                owner.append([owned.clear(key) for key in keys])
        finally:
            owner.close()
        self._forgot = True

    def _restored(self) -> _Working:
        if self._working is None:
            topic, partition = self.contributor.topic, self.contributor.partition
            owner = self._log.owner(f"learner/{topic}/{partition}")
            shared, self._shared = self._shared, None
            try:
                reach("learner.after_claim")
                start = start_of(self._log, self.contributor, self._rules.epoch, shared)
            except BaseException:
                owner.close()
                raise
            if start.notice and not self._forgot:
                self.notices.append(start.notice)
            self._forgot = False
            digests = [learned.digest for learned in start.state.patterns.values()]
            applier = Applier(start.state, self._rules)
            # Those of a snapshot were not contributed yet, and have no digest.
            contributed = sum(digest != 0 for digest in digests)
            self._working = _Working(start, applier, owner, contributed, sum(digests) % 2**64)
        return self._working

    def _learn(self, working: _Working, limit: int) -> int:
        state, start = working.state, working.start
        topic, partition = self.contributor.topic, self.contributor.partition
        goal = max(limit, start.publish_from - state.position)
        done = 0
        while done < goal and not self.hurry:
            size = min(CHUNK, goal - done)
            records = self._log.read(topic, partition, state.position, size)
            if not records:
                break
            self._fold(working, records)
            state.position = records[-1].offset + 1
            done += len(records)
        if state.position < start.publish_from and self.hurry:
            self.release()  # Readers see nothing before the old position is reached.
            return 0
        if done or start.relearning:
            self._commit(working)
        return done

    def _fold(self, working: _Working, records: Sequence[Record]) -> None:
        state, apply = working.state, working.applier.apply
        verdicts, ids = examine(records, state.seen, self._log.partitions)
        for record, identity, event, refused, repeat, conflicting in verdicts:
            if event is not None:
                try:
                    apply(event, record.offset, record.appended_at_us, identity)
                except Refused as late:
                    self._note(working, record, late, repeat=False, conflicting=False)
                except OfForgotten:  # as what was forgotten itself, it is no row of any table
                    self._note(working, record, None, repeat=False, conflicting=False)
                if event.data.type == EventForgotten.type:  # it is no row of any table
                    self._note(working, record, None, repeat=False, conflicting=False)
            else:
                self._note(working, record, refused, repeat=repeat, conflicting=conflicting)
        state.seen.extend(ids)
        state.journal.ids += ids

    def _note(
        self,
        working: _Working,
        record: Record,
        refused: Refused | None,
        *,
        repeat: bool,
        conflicting: bool,
    ) -> None:
        """Remember what is said of a record that is not folded."""
        topic, partition, offset = record.topic, record.partition, record.offset
        counts = working.state.counts
        counts.repeats += repeat
        counts.conflicting += conflicting
        if refused is not None and not repeat:
            counts.refused += 1
            letter = letter_of(record, refused, self._log.partitions)
            if letter.key not in working.start.letters:
                working.letters.append(letter)
        working.facts.append(_Fact(topic, partition, offset, conflicting, refused is not None))

    def _commit(self, working: _Working) -> None:
        working.state.settle(partial(self._unamended, working.state.position))
        reach("learner.before_commit")
        working.owner.append(self._effects(working))
        reach("learner.after_commit")
        working.state.cut()
        working.facts, working.letters = [], []
        working.start = Start(working.state, working.start.checkpoint)

    def _unamended(self, end: int) -> Unamended:
        topic, partition = self.contributor.topic, self.contributor.partition
        return unamended(self._log, topic, partition, end)

    def _effects(self, working: _Working) -> Iterator[Outgoing]:
        """Everything a commit writes, in the order readers may rely on."""
        start, state = working.start, working.state
        yield from self._contributions(working)
        for key in start.forget:
            yield start.checkpoint.owned.clear(key)
        yield from start.checkpoint.records(state, working.contributions, working.digest)
        yield from self._duplicates(working)
        yield from working.letters

    def _contributions(self, working: _Working) -> Iterator[Outgoing]:
        epoch, label, partitions = self._rules.epoch, self._label, self._log.partitions
        owner = str(self.contributor)
        self.contributed = len(working.state.changed)
        for pattern, learned in working.state.changed.items():
            tally = learned.tally.encode()
            identity, value = encode(pattern, owner, epoch, learned.offset, tally)
            working.contributions += learned.digest == 0
            working.digest -= learned.digest
            learned.digest = digest_of(value)
            working.digest = (working.digest + learned.digest) % 2**64
            yield outgoing(identity, owner, value, label, partitions)
        # Sorted, so that what a learner writes follows from the log and from nothing else.
        for pattern in sorted(working.start.superseded - working.state.patterns.keys()):
            learned = working.state.no_longer(pattern, working.state.position - 1)
            identity, value = encode(pattern, owner, epoch, learned.offset, EMPTY)
            learned.digest = digest_of(value)
            working.contributions += 1
            working.digest = (working.digest + learned.digest) % 2**64
            yield outgoing(identity, owner, value, label, partitions)

    def _duplicates(self, working: _Working) -> Iterator[Outgoing]:
        """Repeats and refusals first, then the position that covers them."""
        topic, partition = self.contributor.topic, self.contributor.partition
        name, counts = EVENT_DUPLICATES.name, working.state.counts
        obsolete = set(working.start.facts)
        for fact in working.facts:
            key = f"{topic}/{partition}/{fact.offset}".encode()
            obsolete.discard(key)
            yield Outgoing(name, partition, key, _JSON.encode(fact))
        for key in sorted(obsolete):
            yield Outgoing(name, partition, key, None)
        reached = _Reached(
            topic,
            partition,
            working.state.position,
            self._rules.epoch,
            counts.waiting,
            counts.late,
            counts.repeats,
            counts.conflicting,
            counts.refused,
        )
        key = f"{topic}/{partition}/position".encode()
        yield Outgoing(name, partition, key, _JSON.encode(reached))
