"""What a record of one log becomes in a copy of that log.

An event stands where its key says, and says when it was first recorded, so that what was late or
undated is so in the copy too. What a learner would refuse becomes the letter that the learner would
write. What is refused for its order is an event: the learner of the copy refuses it again, and
writes the letter of the same id again, which counts once.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from motif.forgetting import Forgetting, forgotten_again, forgotten_record
from schemas.clock import Clock
from schemas.envelope import RECORDED, Event, time_text
from schemas.errors import Refused
from schemas.events import EventForgotten
from schemas.forgotten import Forgotten, thing_hash
from schemas.ids import partition_of
from schemas.letters import carried as carried_letter
from schemas.letters import letter_of, with_origin_in
from schemas.log import Headers, Log, Outgoing, Record, records_between
from schemas.topics import (
    DEAD_LETTERS,
    LEARNED_TOPICS,
    PATTERN_CONTRIBUTIONS,
    PATTERN_DEFINITIONS,
)
from streams.contribution import contributor_of, retired
from streams.identity import KEY
from streams.intake import placed

LEARNED: Final = frozenset(topic.name for topic in LEARNED_TOPICS)
"""Topics whose learner refuses what is no event; a record of another topic is nobody's yet."""

_LETTERS: Final = 16
"""Letters read at once, as one may be large."""


class Counts(msgspec.Struct):
    """What was carried.

    `events` includes repeats; `others` are records that this version does not read, as they are;
    `letters` are refused records; `ahead` counts events recorded later than the clock says it is,
    `forgotten` those that were erased on the way, in so many records with repeats, as
    `letters_forgotten` does letters.
    """

    events: int = 0
    others: int = 0
    letters: int = 0
    decisions: int = 0
    contributions: int = 0
    retired: int = 0
    ahead: int = 0
    forgotten: int = 0
    letters_forgotten: int = 0
    forgotten_records: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        mine, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Counts(*map(sum, zip(mine, theirs, strict=True)))


class Carrier:
    """Turns the records of a log into those of its copy, and counts them."""

    def __init__(
        self,
        log_id: str,
        partitions: int,
        target: Log,
        clock: Clock,
        forgetting: Forgetting | None = None,
        things: frozenset[bytes] = frozenset(),
    ) -> None:
        """Bind to the log of that id and number of partitions, and to its copy.

        With somebody to forget goes all that is said of these `things`.
        """
        self._things: Final = things
        self.forgetting: Final = forgetting
        self.log_id: Final = log_id
        self._partitions: Final = partitions
        self._target: Final = target
        self._to: Final = target.partitions
        self._clock: Final = clock
        self._letters: set[bytes] | None = None
        self._gone: set[bytes] = set()
        self._erased: Forgotten | None = None

    @property
    def things_digest(self) -> str:
        """What stands for all the things that go."""
        return blake2b(b"".join(sorted(self._things)), digest_size=16).hexdigest()

    def contribution(self, record: Record, counts: Counts) -> Outgoing | None:
        """The last word about a contributor of this log; what others contributed as it is."""
        if self.log_id in contributor_of(record).split("/")[1:2]:
            last = retired(record, self._to)
            counts.retired += last is not None
            return last
        counts.contributions += record.value is not None
        key = record.key or b""
        to = partition_of(key.partition(b"/")[0], self._to)
        return Outgoing(PATTERN_CONTRIBUTIONS.name, to, key, record.value, record.headers)

    def letter(self, record: Record, counts: Counts) -> Outgoing | None:
        """A letter, or what was decided about one; None where the letter is there already."""
        if record.value is None:
            counts.decisions += 1
        elif self.forgetting is not None and self.forgetting.is_named_in(record):
            counts.letters_forgotten += self._is_newly_gone(record.key or b"")
            return None
        elif self._is_new(record.key or b""):
            counts.letters += 1
        else:
            return None
        return carried_letter(record, self.log_id, self._to)

    def event(self, record: Record, counts: Counts) -> Outgoing | None:
        """A record of an input topic; None where it says who the old log is."""
        topic, _, _, key, value, _, appended_us = record
        if topic == PATTERN_DEFINITIONS.name and key == KEY:
            return None
        try:
            event, right_key = placed(record, self._partitions)
        except Refused as refused:
            return self._unread(record, refused, counts)
        if event.data.type == EventForgotten.type:
            return forgotten_again(record, event, self._to)
        if event.data.reserved:
            return None
        if self.forgetting is not None and self._is_forgotten(event):
            counts.forgotten += self._is_newly_erased(event)
            counts.forgotten_records += 1
            return forgotten_record(record, event, right_key, self._to)
        counts.events += 1
        counts.ahead += appended_us > self._clock()
        to = partition_of(right_key, self._to)
        return Outgoing(topic, to, key, value, headers_of(record, event))

    def _is_forgotten(self, event: Event) -> bool:
        assert self.forgetting is not None, "it is asked only where somebody is forgotten"
        return self.forgetting.concerns(event) or thing_hash(event) in self._things

    def _unread(self, record: Record, refused: Refused, counts: Counts) -> Outgoing | None:
        """What is no event: a letter where a learner refuses it, else as it is.

        It cannot stay a record where it is learned from: in another number of partitions what was
        misplaced would stand right, and count. A letter that is there is not written again.
        """
        topic, partition, _, key, value, headers, _ = record
        if topic not in LEARNED:
            counts.others += 1
            to = partition % self._to
            if key is not None and partition_of(key, self._partitions) == partition:
                to = partition_of(key, self._to)
            return Outgoing(topic, to, key, value, headers)
        letter = letter_of(record, refused, self._to)
        if self.forgetting is not None and self.forgetting.is_named_in(record):
            counts.letters_forgotten += self._is_newly_gone(letter.key or b"")
            return None
        if not self._is_new(letter.key or b""):
            return None
        counts.letters += 1
        return with_origin_in(letter, self.log_id)

    def _is_newly_erased(self, event: Event) -> bool:
        """Whether no record of this event was erased before, by this run or an earlier one."""
        if self._erased is None:
            self._erased = Forgotten.of(self._target)
        return self._erased.add(event)

    def _is_newly_gone(self, letter: bytes) -> bool:
        """Whether a letter of that id was not left out before: its record may still stand, too."""
        if letter in self._gone:
            return False
        self._gone.add(letter)
        return True

    def _is_new(self, letter: bytes) -> bool:
        """Whether a letter of that id was not carried before, by this run or an earlier one."""
        if self._letters is None:
            self._letters = letters_in(self._target)
        if letter in self._letters:
            return False
        self._letters.add(letter)
        return True


def headers_of(record: Record, event: Event) -> Headers:
    """The headers of a copied event: those it had, and when it was first recorded.

    In structured mode too the time stands in a header, so that the document stays byte for byte.
    """
    earliest_us = record.appended_at_us
    if event.recorded_us is not None:
        earliest_us = min(earliest_us, event.recorded_us)
    kept = [header for header in record.headers if header[0] != RECORDED]
    return (*kept, (RECORDED, time_text(earliest_us).encode()))


def letters_in(log: Log) -> set[bytes]:
    """The ids of all letters of a log."""
    name = DEAD_LETTERS.name
    return {
        record.key or b""
        for partition in range(log.partitions)
        for record in records_between(log, name, partition, 0, log.end(name, partition), _LETTERS)
    }
