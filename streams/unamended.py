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

CHUNK = 4_096
"""Records read together."""


def unamended(log: Log, topic: str, partition: int, end: int) -> Iterator[Change]:
    """What the facts of mixed kinds without a revision changed, of all records below `end`.

    Raises:
        LogDamaged: the beginning of the partition is gone.
    """
    start = log.start(topic, partition)
    if start > 0:
        message = (
            f"{topic}/{partition} must be read again, as a revision took an extreme away, but it "
            f"starts at {start}: what was pruned cannot be read; restore the archive"
        )
        raise LogDamaged(message)
    seen, position = Seen(), 0
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
