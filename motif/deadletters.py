"""Refused records: looked at, tried again, discarded. The log is the only place they are in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from schemas.envelope import check_producer, outgoing
from schemas.errors import Refused, WrongUse
from schemas.letters import decision, event_of
from schemas.log import Log, Outgoing, Record
from schemas.topics import DEAD_LETTERS

AT_ONCE: Final = 1_000
"""Letters put back in one transaction."""

KNOWN: Final = frozenset({"already_finished", "amended_too_late"})
"""Reasons of events that are valid and were learned of: put back, they would only be repeats."""


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
    return _named(log, [identity])[0]


def retry(log: Log, ids: Sequence[str] | None) -> list[tuple[str, str]]:
    """Put letters back into the log that are events by now; per letter what became of it."""
    chosen = letters(log) if ids is None else _named(log, ids)
    outcomes: list[tuple[str, str]] = []
    for start in range(0, len(chosen), AT_ONCE):
        back: list[Outgoing] = []
        for one in chosen[start : start + AT_ONCE]:
            try:
                record = _again(one, log.partitions)
            except Refused as refused:
                outcomes.append((one.letter_id, f"still refused: {refused}"))
                continue
            back += (record, decision(one.letter_id, "retried", log.partitions))
            outcomes.append((one.letter_id, f"put back on {record.topic}/{record.partition}"))
        if back:
            log.append(back)
    return outcomes


def discard(log: Log, ids: Sequence[str]) -> None:
    """Decide that letters are not wanted."""
    chosen = _named(log, ids)
    log.append([decision(one.letter_id, "discarded", log.partitions) for one in chosen])


def _named(log: Log, ids: Sequence[str]) -> list[Letter]:
    """The letters of these ids, or of the only ids that begin so; the log is read once."""
    held = letters(log, open_only=False)
    whole = {one.letter_id: one for one in held}
    return [whole.get(identity) or _beginning(held, identity) for identity in ids]


def _beginning(held: Sequence[Letter], identity: str) -> Letter:
    fitting = [one for one in held if one.letter_id.startswith(identity)]
    if len(fitting) != 1 or not identity:
        message = f"{len(fitting)} dead letters have an id that begins with {identity!r}; name one"
        raise WrongUse(message)
    return fitting[0]


def _again(one: Letter, partitions: int) -> Outgoing:
    """The record to put back.

    Raises:
        Refused: it would be refused again, or count for nothing.
    """
    event = event_of(one.record)
    if one.reason in KNOWN:
        raise Refused(one.reason, f"{one.detail}; put back, it would only be a repeat")
    check_producer(event)
    return outgoing(event, partitions)


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
