"""Records that were moved out of a log into Parquet files, one for each day, topic and partition.

The files are for whoever wants to read them: `archive/<topic>/date=<day>/<number>.parquet`, zstd,
beside a manifest that names each with its SHA-256. A record stands there with every byte it had,
and is given back by its log as if it were still in it.
"""

import os
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from connectors.logs import durable
from connectors.logs.archive_file import File
from schemas.errors import LogDamaged
from schemas.log import Headers, Record

MANIFEST: Final = "manifest.json"

ROWS_AT_ONCE: Final = 2_048
"""Records of one row group, which is what is read for one record: those of a few dozen days fit
into memory together, as a log read in order may go from day to day."""

_FILES: Final = "*/date=*/*.parquet"

_HELD_BYTES: Final = 64 << 20
"""Decoded row groups kept in memory, about."""

SCHEMA: Final = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("name", pa.string()), ("content", pa.binary())]))),
        ("appended_at", pa.timestamp("us", tz="UTC")),
    ]
)


class Span(msgspec.Struct):
    """Of one partition of a log elsewhere: what was archived, and what of that was pruned since.

    All records from offset `first` on and below `end` were moved here; of those so many `pruned`
    are gone, all `below` an offset.
    """

    topic: str
    partition: int
    first: int
    end: int
    below: int = 0
    pruned: int = 0


class Manifest(msgspec.Struct):
    """What an archive holds.

    One of a log elsewhere says of which, and of what of it, and how many files were ever made.
    """

    format: int = 1
    files: list[File] = []
    log_id: str = ""
    made: int = 0
    spans: list[Span] = []


def read_manifest(folder: Path) -> Manifest:
    """What the folder says that it holds; nothing where there is none.

    Raises:
        LogDamaged: its manifest is not what was written.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except (msgspec.MsgspecError, OSError) as error:
        message = f"{folder / MANIFEST} cannot be read ({error}); restore it from a backup"
        raise LogDamaged(message) from error


def write(folder: Path, number: int, day: str, records: Sequence[Record]) -> File:
    """Write the records of one partition and day, ascending, durable on return."""
    first = records[0]
    made = File(number, first.topic, first.partition, day, len(records), 0, 0, 0, "")
    path = folder / made.path
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(_table(records), path, compression="zstd", row_group_size=ROWS_AT_ONCE)
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    size, digest = path.stat().st_size, digest_of(path)
    return msgspec.structs.replace(
        made, first=first.offset, last=records[-1].offset, size=size, sha256=digest
    )


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    found = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def keep(folder: Path, manifest: Manifest) -> None:
    """Make the folder hold just the files of a manifest, durable on return.

    What was written for a change that did not come about goes, and so does what was pruned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    durable.write(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    for path in strays(folder, manifest.files):
        path.unlink()
    for place in sorted(folder.glob("**/"), key=lambda one: len(one.parts), reverse=True):
        if place != folder and not any(place.iterdir()):
            place.rmdir()


def check(folder: Path, files: Iterable[File]) -> list[str]:
    """A sentence for every file that is missing or is not what was written."""
    found = []
    for one in files:
        path = folder / one.path
        if not path.exists():
            found.append(f"{path} is missing; restore it from a backup")
        elif path.stat().st_size != one.size or digest_of(path) != one.sha256:
            found.append(f"{path} is not what was written; restore it from a backup")
    return found


def strays(folder: Path, files: Iterable[File]) -> list[Path]:
    """Files that lie in the folder and are not among these."""
    wanted = {folder / one.path for one in files}
    return sorted(path for path in folder.glob(_FILES) if path not in wanted)


@dataclass(slots=True)
class _Group:
    """One row group, ready to be looked into."""

    offsets: NDArray[np.int64]
    keys: list[bytes | None]
    values: list[bytes | None]
    names: list[str]
    contents: list[bytes]
    starts: list[int]
    times: list[int]
    size: int

    def record(self, topic: str, partition: int, offset: int) -> Record | None:
        """The record of an offset."""
        at = int(np.searchsorted(self.offsets, offset))
        if at >= len(self.offsets) or self.offsets[at] != offset:
            return None
        start, end = self.starts[at], self.starts[at + 1]
        headers: Headers = tuple(zip(self.names[start:end], self.contents[start:end], strict=True))
        return Record(
            topic, partition, offset, self.keys[at], self.values[at], headers, self.times[at]
        )


@dataclass(slots=True)
class Shelf:
    """The files of an archive, opened as they are asked for; not for several threads."""

    folder: Path
    _open: OrderedDict[int, tuple[pq.ParquetFile, list[int]]] = field(default_factory=OrderedDict)
    _groups: OrderedDict[tuple[int, int], _Group] = field(default_factory=OrderedDict)
    _checked: set[int] = field(default_factory=set)
    _held: int = 0

    def records(self, files: Iterable[File], offset: int, limit: int) -> list[Record]:
        """At most `limit` records of one partition from an offset on, ascending.

        Raises:
            LogDamaged: a file is missing, or is not what was written.
        """
        found: list[tuple[int, File]] = []
        for file in files:
            if file.last >= offset:
                found += ((at, file) for at in self._offsets(file, offset, limit))
        return [self.record(file, at) for at, file in sorted(found, key=itemgetter(0))[:limit]]

    def _offsets(self, file: File, offset: int, limit: int) -> list[int]:
        """The first offsets of a file that are at least this one."""
        found: list[int] = []
        while len(found) < limit:
            group = self._read(file, offset)
            if group is None:
                break
            at = int(np.searchsorted(group.offsets, offset))
            found += group.offsets[at : at + limit - len(found)].tolist()
            offset = found[-1] + 1
        return found

    def _read(self, file: File, offset: int) -> _Group | None:
        """The row group in which an offset is, or the next one behind it.

        Raises:
            LogDamaged: the file is missing, or is not what was written.
        """
        try:
            return self._group(file, offset)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise self.damaged(file, str(error)) from error

    def record(self, file: File, offset: int) -> Record:
        """A record that was moved into a file.

        Raises:
            LogDamaged: the file is missing, or does not hold it.
        """
        group = self._read(file, offset)
        found = None if group is None else group.record(file.topic, file.partition, offset)
        if found is None:
            raise self.damaged(file, f"offset {offset} is not in it")
        return found

    def close(self) -> None:
        """Close all files."""
        while self._open:
            self._open.popitem()[1][0].close()
        self._groups.clear()
        self._held = 0

    def damaged(self, file: File, what: str) -> LogDamaged:
        """The sentence about a file that is not what was written."""
        return LogDamaged(
            f"{self.folder / file.path} cannot be read ({what}); restore it from a backup"
        )

    def _group(self, file: File, offset: int) -> _Group | None:
        """The row group in which an offset must be."""
        if file.number not in self._open:
            path = self.folder / file.path
            if file.number not in self._checked and digest_of(path) != file.sha256:
                raise ValueError("it is not what was written")
            self._checked.add(file.number)
            opened = pq.ParquetFile(path)
            self._open[file.number] = (opened, list(_lasts(opened)))
            while len(self._open) > _OPEN_FILES:
                _, (old, _) = self._open.popitem(last=False)
                old.close()
        opened, lasts = self._open[file.number]
        number = bisect_left(lasts, offset)
        if number == len(lasts):
            return None
        key = (file.number, number)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _group_of(opened.read_row_group(number))
            self._held += group.size
            while self._held > _HELD_BYTES and len(self._groups) > 1:
                self._held -= self._groups.popitem(last=False)[1].size
        else:
            self._groups.move_to_end(key)
        return group


_OPEN_FILES: Final = 64


def _lasts(opened: pq.ParquetFile) -> Iterator[int]:
    """The last offset of each row group."""
    place = SCHEMA.get_field_index("offset")
    for number in range(opened.metadata.num_row_groups):
        yield opened.metadata.row_group(number).column(place).statistics.max


def _table(records: Sequence[Record]) -> pa.Table:
    sizes = np.fromiter((len(one.headers) for one in records), dtype=np.int32, count=len(records))
    starts = np.concatenate((np.zeros(1, np.int32), np.cumsum(sizes, dtype=np.int32)))
    pairs = [pair for one in records for pair in one.headers]
    structs = pa.StructArray.from_arrays(
        [
            pa.array([name for name, _ in pairs], pa.string()),
            pa.array([content for _, content in pairs], pa.binary()),
        ],
        names=["name", "content"],
    )
    columns = [
        pa.array([one.partition for one in records], pa.int32()),
        pa.array([one.offset for one in records], pa.int64()),
        pa.array([one.key for one in records], pa.binary()),
        pa.array([one.value for one in records], pa.binary()),
        pa.ListArray.from_arrays(pa.array(starts), structs),
        pa.array([one.appended_at_us for one in records], pa.int64()).cast(
            pa.timestamp("us", tz="UTC")
        ),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _group_of(table: pa.Table) -> _Group:
    read = table.combine_chunks()
    headers = read["headers"].chunk(0)
    flat = headers.flatten()
    lengths = headers.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))
    return _Group(
        offsets=read["offset"].to_numpy(),
        keys=read["key"].to_pylist(),
        values=read["value"].to_pylist(),
        names=flat.field("name").to_pylist(),
        contents=flat.field("content").to_pylist(),
        starts=starts.tolist(),
        times=read["appended_at"].cast(pa.int64()).to_pylist(),
        size=2 * read.nbytes,
    )


def days_apart(
    records: Sequence[Record], days: Sequence[str]
) -> Iterator[tuple[str, list[Record]]]:
    """The records of each day, in order; each record's day stands beside it."""
    order = sorted(range(len(records)), key=lambda place: days[place])  # stable: offsets ascend
    cuts = [at for at, (a, b) in enumerate(pairwise(order), 1) if days[a] != days[b]]
    for start, end in pairwise([0, *cuts, len(order)]):
        if start < end:
            yield days[order[start]], [records[place] for place in order[start:end]]
