"""Where a learner starts: from its checkpoint where that is whole, else from the beginning."""

from dataclasses import dataclass, field

import msgspec

from schemas.errors import LogDamaged, LogIncompatible
from schemas.ids import signature_parts
from schemas.log import Log
from schemas.topics import DEAD_LETTERS, EVENT_DUPLICATES, PATTERNS
from streams.change import Pattern
from streams.checkpoint import Checkpoint, Damaged, Owned, epochs_in, head_of, read_segments
from streams.contributed import Contributed
from streams.contribution import Contributor, Epoch, digest_of, readable
from streams.snapshot import read_snapshot
from streams.state import Learned, State


@dataclass(slots=True)
class Start:
    """A state and how its first commit differs from the later ones.

    Until `publish_from` is reached nothing is committed: what readers see does not go back while
    the partition is learned again. `forget` are the checkpoint keys to clear then, `superseded` the
    patterns contributed before, `facts` the keys on `event.duplicates` and `letters` those on
    `dead.letters` written before.
    """

    state: State
    checkpoint: Checkpoint
    publish_from: int = 0
    relearning: bool = False
    forget: list[str] = field(default_factory=list)
    superseded: set[Pattern] = field(default_factory=set)
    facts: set[bytes] = field(default_factory=set)
    letters: set[bytes] = field(default_factory=set)
    notice: str | None = None


@dataclass(slots=True)
class _Contributed:
    patterns: dict[Pattern, Learned] = field(default_factory=dict)
    empty: set[Pattern] = field(default_factory=set)
    digest: int = 0
    epochs: set[Epoch] = field(default_factory=set)
    reached: int = 0


def start_of(
    log: Log, contributor: Contributor, epoch: Epoch, contributions: Contributed | None = None
) -> Start:
    """The start of a learner of this epoch, who owns the contributor's name.

    `contributions` are shared with others that are restored at the same time.

    Raises:
        LogIncompatible: newer rules have learned this partition.
        LogDamaged: the log ends before the position that was committed.
    """
    owned = Owned(contributor.topic, contributor.partition, epoch)
    segments = read_segments(log, contributor.topic, contributor.partition)
    contributed = _Contributed()
    for value in (contributions or Contributed(log, [contributor])).take(contributor):
        _take(contributed, value)
    epochs = epochs_in(segments)
    greatest = max([*epochs, *contributed.epochs], default=epoch)
    if greatest > epoch:
        message = (
            f"{contributor.topic}/{contributor.partition} was learned by rules "
            f"{greatest[0]}.{greatest[1]}, this process has {epoch[0]}.{epoch[1]}: "
            "run the newer version of motif"
        )
        raise LogIncompatible(message)
    if epoch not in epochs:
        reason = "the rules changed" if epochs else "the checkpoint is missing"
        return _again(log, contributor, owned, segments, contributed, reason)
    checkpoint = Checkpoint(owned)
    try:
        state, head = checkpoint.restore(segments)
        if (len(contributed.patterns), contributed.digest) != (head.contributions, head.digest):
            message = "contributions it covers are missing or altered"
            raise Damaged(message)
        if state.position < _facts(log, contributor.topic, contributor.partition)[1]:
            message = "its head is not the last one"
            raise Damaged(message)
    except (Damaged, ValueError) as damage:
        reason = f"the checkpoint is damaged: {damage}"
        return _again(log, contributor, owned, segments, contributed, reason)
    _check_end(log, owned, state.position)
    state.patterns = contributed.patterns
    return Start(state, checkpoint)


def _again(
    log: Log,
    contributor: Contributor,
    owned: Owned,
    segments: dict[str, bytes],
    contributed: _Contributed,
    reason: str,
) -> Start:
    """Learn from the beginning, publishing only when the old position is reached."""
    topic, partition, _ = owned
    facts, learned = _facts(log, topic, partition)
    committed = max(learned, _positions(segments))
    _check_end(log, owned, committed)
    beginning = _beginning(log, owned, reason)
    stated = _stated(log, contributor)
    reached = max(contributed.reached, committed)
    fresh = Start(beginning, Checkpoint(owned))
    if not (reached or segments or stated or beginning.position):
        return fresh
    # Where rows are all that is left, nobody knows how far it was: the end is surely far enough.
    fresh.publish_from = min(reached, log.end(topic, partition)) or log.end(topic, partition)
    fresh.relearning = True
    fresh.forget = list(segments)
    fresh.superseded = stated | contributed.patterns.keys()
    fresh.facts = {key for key in facts if int(key.rpartition(b"/")[2]) >= beginning.position}
    fresh.letters = _letters(log)
    since = f"what was known at {beginning.position}" if beginning.position else "its beginning"
    fresh.notice = f"{topic}/{partition} is learned again from {since}: {reason}"
    return fresh


def _beginning(log: Log, owned: Owned, reason: str) -> State:
    """The state before the first record that is there: of a pruned log that of its snapshot.

    Raises:
        LogDamaged: there is none by these rules.
    """
    topic, partition, epoch = owned
    pruned = log.pruned(topic, partition)
    if not pruned.records:
        return State()
    snapshot = read_snapshot(log, topic, partition)
    if snapshot is not None and snapshot.epoch == epoch and snapshot.position >= pruned.below:
        return snapshot.state()
    message = (
        f"{topic}/{partition} must be learned again ({reason}), but {pruned.records} of its "
        "records were pruned, and "
    )
    if snapshot is not None and snapshot.epoch != epoch:
        message += (
            f"what they taught is kept for the rules {snapshot.epoch[0]}.{snapshot.epoch[1]} only, "
            f"these are {epoch[0]}.{epoch[1]}: go on with the version and the settings of then"
        )
    else:
        message += "the snapshot of what they taught is gone: put the log back from a backup"
    raise LogDamaged(message)


def _check_end(log: Log, owned: Owned, committed: int) -> None:
    """Refuse to go on where records that were learned from are gone."""
    topic, partition, _ = owned
    end = log.end(topic, partition)
    if committed > end:
        message = (
            f"{topic}/{partition} ends at {end}, but {committed} records were learned from it: "
            "the log lost its end; restore it, or start a new one"
        )
        raise LogDamaged(message)


def _take(found: _Contributed, value: bytes) -> None:
    contribution = readable(value)
    if contribution is None:
        return  # one less than the head knows of, so the checkpoint counts as damaged
    learned = Learned(contribution.pattern, bytes(contribution.tally))
    learned.offset = contribution.offset
    learned.digest = digest_of(value)
    found.epochs.add(contribution.epoch)
    found.reached = max(found.reached, contribution.offset + 1)
    found.patterns[contribution.pattern] = learned
    found.digest = (found.digest + learned.digest) % 2**64


class _Row(msgspec.Struct):
    """Of a federated row, what it is of and who is in it."""

    kind: str
    signature: str
    version: str
    forks: list[str] = []

    @property
    def contributors(self) -> list[str]:
        """Whose tallies are summed in it."""
        return [one.partition("@")[0] for one in self.version.split(";")]


def _stated(log: Log, contributor: Contributor) -> set[Pattern]:
    """The patterns whose rows name this contributor: a contribution may be lost and its row not."""
    mine = str(contributor)
    rows: dict[bytes | None, bytes | None] = {}
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(PATTERNS.name, partition, offset, 1_024):
            offset = records[-1].offset + 1
            rows |= {
                record.key: record.value if mine.encode() in (record.value or b"") else None
                for record in records
            }
    found = set()
    for value in rows.values():
        row = None if value is None else _row(value)
        if row is not None and mine in {*row.forks, *row.contributors}:
            found.add((row.kind, *signature_parts(row.signature)))
    return found


def _row(value: bytes) -> _Row | None:
    try:
        return msgspec.json.decode(value, type=_Row)
    except (msgspec.MsgspecError, ValueError):
        return None


def _facts(log: Log, topic: str, partition: int) -> tuple[set[bytes], int]:
    """The keys that stand on `event.duplicates` for this partition, and the position among them."""
    prefix = f"{topic}/{partition}/".encode()
    keys: set[bytes] = set()
    position = 0
    offset = 0
    while records := log.read(EVENT_DUPLICATES.name, partition, offset, 4_096):
        offset = records[-1].offset + 1
        for record in records:
            key = record.key or b""
            if not key.startswith(prefix):
                continue
            if key.endswith(b"/position"):
                position = _position_in(record.value or b"")
            elif record.value is None:
                keys.discard(key)
            else:
                keys.add(key)
    return keys, position


def _letters(log: Log) -> set[bytes]:
    """The keys of all letters; few records at once, as a letter may be large."""
    keys: set[bytes] = set()
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(DEAD_LETTERS.name, partition, offset, 16):
            offset = records[-1].offset + 1
            keys.update(record.key or b"" for record in records)
    return keys


class _Reached(msgspec.Struct):
    position: int


def _position_in(value: bytes) -> int:
    try:
        return msgspec.json.decode(value, type=_Reached).position
    except (msgspec.MsgspecError, ValueError):
        return 0


def _positions(segments: dict[str, bytes]) -> int:
    reached = 0
    for key, value in segments.items():
        if key.endswith("/head"):
            try:
                reached = max(reached, head_of(value).position)
            except (Damaged, ValueError):
                continue
    return reached
