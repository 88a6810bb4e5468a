"""Exporting agent records in the layout they came from: a folder of JSON files, or a database.

A file is named by type, time and a hash of the record's name, so that no two share one and no id
leads anywhere else. What is exported, imported into a new log and exported again is the same, byte
for byte. Of records that share an id, which a database cannot hold, it keeps the latest.

Records of other sources are written as well, if MoAI-Flow has a place for what they lack: a task
without a duration is none there. Their ids are the names of their events.
"""

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from connectors.sources import moai_db
from connectors.sources.moai import INDEX
from connectors.sources.moai_records import SOURCE, is_rounded, record_of, saved_time
from motif.node import Node
from projections.agent_records import Wanted, find
from schemas.clock import from_us
from schemas.envelope import Event, decode
from schemas.errors import WrongUse
from schemas.validation import validate_pattern

UNDATED: Final = "undated"
"""The folder of records without a time."""

_ALL: Final = 1 << 62
_SECOND: Final = 1_000_000
_ANY_TIME: Final = "1970-01-01"


@dataclass(frozen=True, slots=True)
class Exported:
    """How many records were written, and what became of the others.

    `replaced` gave way to a later one of their id, `undated` have no time, which a database asks
    for, and `unfit` lack what such a record must have. Of those written `rounded` lost a part of a
    time: of a second in a database, of a millisecond of what they took anywhere.
    """

    records: int
    replaced: int = 0
    undated: int = 0
    rounded: int = 0
    unfit: int = 0


@dataclass(frozen=True, slots=True)
class _Record:
    thing: str
    at_us: int | None
    document: dict[str, Any]
    is_rounded: bool


def to_folder(node: Node, folder: Path, *, compress: bool = False) -> Exported:
    """Write every agent record as a file of its own, and an index; perhaps compressed.

    Raises:
        WrongUse: there is something at that place already.
    """
    _check_free(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    index: dict[str, dict[str, str]] = {}
    written = rounded = unfit = 0
    for record in _records(node):
        if not _fits(record):
            unfit += 1
            continue
        rounded += record.is_rounded
        path = Path(_place(record) + (".json.gz" if compress else ".json"))
        content = json.dumps(record.document, indent=2, sort_keys=True, ensure_ascii=False).encode()
        (partial / path).parent.mkdir(parents=True, exist_ok=True)
        (partial / path).write_bytes(gzip.compress(content, mtime=0) if compress else content)
        about = {"path": path.as_posix(), "type": record.document["pattern_type"]}
        index[record.document["pattern_id"]] = about | {
            "timestamp": record.document.get("timestamp", "")
        }
        written += 1
    listed = json.dumps(index, indent=2, sort_keys=True, ensure_ascii=False)
    (partial / INDEX).write_text(listed, "utf-8")
    if folder.exists():
        folder.rmdir()
    partial.replace(folder)
    return Exported(written, rounded=rounded, unfit=unfit)


def to_database(node: Node, path: Path) -> Exported:
    """Write all agent records that have a time into a new `patterns.db`.

    Raises:
        WrongUse: there is something at that place already.
    """
    _check_free(path)
    latest: dict[str, _Record] = {}
    replaced = undated = unfit = 0
    for record in sorted(_records(node), key=lambda one: (one.at_us or 0, one.thing)):
        if not _fits(record):
            unfit += 1
        elif record.at_us is None:
            undated += 1
        else:
            replaced += record.document["pattern_id"] in latest
            latest[record.document["pattern_id"]] = record
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    moai_db.write(partial, [_row(latest[identity]) for identity in sorted(latest)])
    partial.replace(path)
    rounded = sum(one.is_rounded or bool((one.at_us or 0) % _SECOND) for one in latest.values())
    return Exported(len(latest), replaced, undated, rounded, unfit)


def _records(node: Node) -> Iterator[_Record]:
    """Every agent record as it is now, by name."""
    found = node.ask(lambda store: find(store, Wanted(), _ALL))
    for one in sorted(found, key=lambda one: (one.subject, one.source)):
        [record] = node.log.read(one.topic, one.partition, one.offset, 1)
        event = decode(record)
        thing = one.subject if one.source == SOURCE else f"{one.source}\0{one.subject}"
        yield _Record(thing, event.time_us, _as_saved(event), is_rounded(event))


def _as_saved(event: Event) -> dict[str, Any]:
    """The record of an event, its time as it was written."""
    document, written = record_of(event), saved_time(event)
    return document if written is None else document | {"timestamp": written}


def _fits(record: _Record) -> bool:
    """Whether an import would take it; its time alone may be missing."""
    return bool(validate_pattern({"timestamp": _ANY_TIME} | record.document))


def _place(record: _Record) -> str:
    """Where its file stands, without a suffix."""
    kind = record.document["pattern_type"]
    digest = blake2b(record.thing.encode(), digest_size=6).hexdigest()
    if record.at_us is None:
        return f"{UNDATED}/{kind}_{digest}"
    return f"{from_us(record.at_us):%Y/%m/%d/{kind}_%Y%m%d_%H%M%S}_{digest}"


def _row(record: _Record) -> Sequence[Any]:
    document, at_us = record.document, record.at_us or 0
    texts = [
        None if part is None else json.dumps(part, sort_keys=True, ensure_ascii=False)
        for part in (document["data"], document.get("context"))
    ]
    version = document.get("version", "1.0")
    return document["pattern_id"], document["pattern_type"], at_us // 1_000_000, *texts, version


def _check_free(place: Path) -> None:
    if place.is_dir() and not any(place.iterdir()):
        return
    if place.exists():
        raise WrongUse(f"there is something at {place} already; name a new place")
