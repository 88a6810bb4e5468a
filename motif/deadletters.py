"""Refused records: looked at, tried again, discarded. The log is the only place they are in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from schemas.envelope import outgoing
from schemas.errors import Refused, WrongUse
from schemas.letters import decision, event_of
from schemas.log import Log, Record
from schemas.topics import DEAD_LETTERS


@dataclass(frozen=True, slots=True)
class Letter:
    """A refused record: its bytes, why it was refused, where it came from, what was decided."""

    letter_id: str
    reason: str
    detail: str
    origin: str
    refused_at_us: int
    value: bytes
    decided: str | None
    record: Record


def letters(log: Log, *, open_only: bool = True) -> list[Letter]:
    """Every letter once, in the order they were refused."""
    found: dict[str, Letter] = {}
    for record in _records(log):
        about = {name: content.decode("utf-8", "replace") for name, content in record.headers}
        identity = about.get("letter_id", "")
        if record.value is None:
            if identity in found:
                found[identity] = replace(found[identity], decided=about.get("decision"))
        elif identity not in found:
            found[identity] = _letter(record, about)
    kept = [one for one in found.values() if not (open_only and one.decided)]
    return sorted(kept, key=lambda one: (one.refused_at_us, one.letter_id))


def letter(log: Log, identity: str) -> Letter:
    """The letter of that id, or of the only id that begins so.

    Raises:
        WrongUse: there is none, or more than one.
    """
    fitting = [one for one in letters(log, open_only=False) if one.letter_id.startswith(identity)]
    if len(fitting) != 1 or not identity:
        message = f"{len(fitting)} dead letters have an id that begins with {identity!r}; name one"
        raise WrongUse(message)
    return fitting[0]


def retry(log: Log, ids: Sequence[str] | None) -> list[tuple[str, str]]:
    """Put letters back into the log that are events by now; per letter what became of it."""
    chosen = letters(log) if ids is None else [letter(log, identity) for identity in ids]
    outcomes = []
    for one in chosen:
        try:
            record = outgoing(event_of(one.record), log.partitions)
        except Refused as refused:
            outcomes.append((one.letter_id, f"still refused: {refused}"))
            continue
        log.append([record, decision(one.letter_id, "retried", log.partitions)])
        outcomes.append((one.letter_id, f"put back on {record.topic}/{record.partition}"))
    return outcomes


def discard(log: Log, ids: Sequence[str]) -> None:
    """Decide that letters are not wanted."""
    chosen = [letter(log, identity) for identity in ids]
    log.append([decision(one.letter_id, "discarded", log.partitions) for one in chosen])


def _letter(record: Record, about: dict[str, str]) -> Letter:
    return Letter(
        letter_id=about.get("letter_id", ""),
        reason=about.get("reason", ""),
        detail=about.get("detail", ""),
        origin=about.get("origin", ""),
        refused_at_us=int(about.get("refused_at", "0")),
        value=record.value or b"",
        decided=None,
        record=record,
    )


def _records(log: Log) -> Iterator[Record]:
    for partition in range(log.partitions):
        offset = 0
        while records := log.read(DEAD_LETTERS.name, partition, offset, 256):
            offset = records[-1].offset + 1
            yield from records
