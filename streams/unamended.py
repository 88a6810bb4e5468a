"""Facts that none amends, read from a partition's log once more.

A tally cannot forget an extreme: when a revision takes one away, the tally is folded again from the
current statements, which are kept. Facts that come by the million and are never amended are kept
nowhere but in the log. Where a pattern has both, they are read again, by the same rules.
"""

from collections.abc import Iterator

from schemas.errors import LogDamaged
from schemas.events import TaskCompleted
from schemas.log import Log
from streams.apply import first_appended, happened
from streams.change import Change
from streams.dedupe import Seen
from streams.intake import examine
from streams.recognise import task
from streams.snapshot import read_snapshot
from streams.state import Unamended

CHUNK = 4_096
"""Records read together."""


def unamended(log: Log, topic: str, partition: int, end: int) -> Unamended:
    """What the facts of mixed kinds without a revision changed, of all records below `end`.

    Of those that were pruned the snapshot says it, which was taken before.

    Raises:
        LogDamaged: the beginning of the partition is gone, and no snapshot is there.
    """
    pruned = log.pruned(topic, partition)
    if not pruned.records:
        return Unamended({}, _read(log, topic, partition, Seen(), (0, end)))
    snapshot = read_snapshot(log, topic, partition)
    if snapshot is None or snapshot.position < pruned.below:
        message = (
            f"{topic}/{partition} must be read again, as a revision took an extreme away, but "
            f"{pruned.records} of its records were pruned, and the snapshot of them is gone"
        )
        raise LogDamaged(message)
    seen = Seen(snapshot.added.ids)
    changes = _read(log, topic, partition, seen, (snapshot.position, end))
    return Unamended(snapshot.unamended(), changes)


def _read(
    log: Log, topic: str, partition: int, seen: Seen, between: tuple[int, int]
) -> Iterator[Change]:
    """The changes of the records from one offset on and below another."""
    position, end = between
    while position < end:
        records = [one for one in log.read(topic, partition, position, CHUNK) if one.offset < end]
        if not records:
            return
        verdicts, ids = examine(records, seen, log.partitions)
        seen.extend(ids)
        position = records[-1].offset + 1
        for verdict in verdicts:
            event = verdict.event
            if event is None or event.revision is not None or event.type != TaskCompleted.type:
                continue
            appended_us = first_appended(event, verdict.record.appended_at_us)
            yield from task.recognise(event.data, happened(event, appended_us))  # type: ignore[arg-type]  # of this type, or its twin
