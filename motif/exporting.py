"""Exporting events: a file of JSON Lines that another installation imports.

Every event stands in it once, as its first record says, sorted by source and id, with the time it
was first recorded. So the file is a function of the events alone: imported into a new log and
exported again it is the same, byte for byte, whatever host either log has, and whatever number of
partitions. What a log says about itself is left out; what was refused stays with its letters.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from heapq import merge
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from msgspec.structs import replace

from schemas.envelope import Event, to_structured
from schemas.errors import Refused
from schemas.forgotten import Forgotten
from schemas.ids import id_hash
from schemas.log import Log, Record, records_in
from schemas.topics import INPUT_TOPICS, places
from streams.apply import first_appended
from streams.intake import placed

CHUNK: Final = 4_096
"""Records read at once."""

SORTED: Final = 100_000
"""Events sorted in memory; more are sorted piece by piece, in files without a name."""

Line = tuple[bytes, bytes, bytes]
"""Source, id and the document of an event."""


def export_events(log: Log, target: IO[bytes]) -> int:
    """Write every event of a log; how many there were.

    Raises:
        OSError: the file cannot be written.
    """
    written = 0
    with ExitStack() as files:
        pieces = [_sorted_away(piece, files) for piece in _pieces(_lines(log))]
        for _, _, document in merge(*pieces):
            target.write(document + b"\n")
            written += 1
    return written


def missing(log: Log) -> str | None:
    """A sentence on events that cannot be exported any more, and what that means."""
    pruned = sum(log.pruned(*place).records for place in places(INPUT_TOPICS, log.partitions))
    if not pruned:
        return None
    records = "1 record" if pruned == 1 else f"{pruned:,} records"
    return (
        f"{records} of the log were pruned and are not exported: what they taught is kept in this "
        "log only, and is not learned from the exported events"
    )


def _lines(log: Log) -> Iterator[Line]:
    for place in places(INPUT_TOPICS, log.partitions):
        seen: set[bytes] = set()
        forgotten = Forgotten()
        for record in records_in(log, *place, CHUNK):
            event = _event(record, log.partitions)
            if event is None or forgotten.hear(event) or event.data.reserved:
                continue
            identity = id_hash(event.source, event.id)
            if identity not in seen and not forgotten.holds(event):
                seen.add(identity)
                yield event.source.encode(), event.id.encode(), to_structured(event)


def _event(record: Record, partitions: int) -> Event | None:
    """The event of a record with the time it was first recorded; None of what is none."""
    try:
        event, _ = placed(record, partitions, twins=False)
    except Refused:
        return None
    return replace(event, recorded_us=first_appended(event, record.appended_at_us))


def _pieces(lines: Iterator[Line]) -> Iterator[list[Line]]:
    piece: list[Line] = []
    for line in lines:
        piece.append(line)
        if len(piece) >= SORTED:
            yield sorted(piece)
            piece = []
    yield sorted(piece)


def _sorted_away(piece: list[Line], files: ExitStack) -> Iterator[Line]:
    """A sorted piece, kept in a file until it is drawn where it is one of several."""
    if len(piece) < SORTED:
        return iter(piece)
    file = files.enter_context(TemporaryFile())  # noqa: SIM115  # the stack closes it
    for line in piece:
        file.write(b"".join(len(part).to_bytes(4, "little") + part for part in line))
    file.seek(0)
    return _read_back(file)


def _read_back(file: IO[bytes]) -> Iterator[Line]:
    while head := file.read(4):
        source = file.read(int.from_bytes(head, "little"))
        identity = file.read(int.from_bytes(file.read(4), "little"))
        yield source, identity, file.read(int.from_bytes(file.read(4), "little"))


def into_file(log: Log, path: Path) -> int:
    """Export into a file that is there when it is whole, and not before; how many events.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            written = export_events(log, file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return written
