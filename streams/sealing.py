"""Taking the snapshot of a partition: from its checkpoint, its contributions and its statements."""

from collections.abc import Iterable
from typing import Final

from schemas.errors import LogUnavailable
from schemas.log import Log
from streams.change import Pattern
from streams.checkpoint import Checkpoint, Owned, read_segments
from streams.contribution import Contributor, Epoch
from streams.gathered import Gathered
from streams.recognise import MIXED_KINDS
from streams.restore import Start, start_of
from streams.snapshot import Known, Snapshot, amended_in, parts_in, records_of
from streams.state import State
from streams.tally import Tally
from streams.unamended import unamended

_TRIES: Final = 20
"""A learner that commits meanwhile makes a checkpoint and its contributions differ for a moment."""


def seal(log: Log, contributor: Contributor, epoch: Epoch) -> int:
    """Take and write the snapshot of a partition; the position up to which it knows all.

    Raises:
        LogUnavailable: it is not learned by these rules, or changes faster than it is read.
    """
    start = _whole(log, contributor, epoch)
    topic, partition = contributor.topic, contributor.partition
    if not start.state.position:
        return 0
    owned = Owned(topic, partition, epoch)
    added, head = Checkpoint(owned).content(read_segments(log, topic, partition))
    if head.position != start.state.position:
        return seal(log, contributor, epoch)
    snapshot = Snapshot(epoch, head.counts, added, _known(log, contributor, start.state))
    owner = log.owner(f"snapshot/{topic}/{partition}")
    try:
        owner.append(records_of(snapshot, topic, partition, parts_in(log, topic, partition)))
    finally:
        owner.close()
    return snapshot.position


def _whole(log: Log, contributor: Contributor, epoch: Epoch) -> Start:
    for _ in range(_TRIES):
        start = start_of(log, contributor, epoch)
        if not start.relearning:
            return start
    place = f"{contributor.topic}/{contributor.partition}"
    message = (
        f"{place} is not learned by the rules of today ({start.notice}); nothing is pruned before "
        "it is: ask anything of it, or wait for the workers, and try again"
    )
    raise LogUnavailable(message)


def _known(log: Log, contributor: Contributor, state: State) -> list[Known]:
    amended = amended_in(state.current.values())
    mixed = {
        pattern: Tally()
        for pattern, occurrences in amended.items()
        if occurrences and state.patterns[pattern].tally.occurrences > occurrences
    }
    if mixed:
        _count(log, contributor, state.position, mixed)
    found = []
    for pattern, learned in state.patterns.items():
        alone: bytes | None = None
        if pattern in mixed:
            alone = mixed[pattern].encode()
        elif pattern[0] in MIXED_KINDS and not amended.get(pattern):
            alone = b""
        found.append(Known(pattern, learned.offset, learned.tally.encode(), alone))
    return found


def _count(log: Log, contributor: Contributor, end: int, mixed: dict[Pattern, Tally]) -> None:
    """Fold what facts without revision changed of these patterns."""
    facts = unamended(log, contributor.topic, contributor.partition, end)
    for pattern in mixed.keys() & facts.folded.keys():
        mixed[pattern] += facts.folded[pattern]
    gathered = Gathered()
    wanted: Iterable[Pattern] = mixed.keys()
    for change in facts.changes:
        if change.pattern in wanted:
            gathered.add((change,), 0)
            if gathered.is_full:
                gathered.fold_into(lambda pattern, _: mixed[pattern])
    gathered.fold_into(lambda pattern, _: mixed[pattern])
