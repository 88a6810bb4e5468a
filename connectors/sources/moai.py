"""What MoAI-Flow has saved: folders of JSON files, compressed or not, and its SQLite database.

A folder holds a file for each record, `YYYY/MM/DD/<type>_<time>[_<id>].json`, later `.json.gz`, and
perhaps an `index.json`, which says nothing that the files do not say. Names of files and paths say
nothing either: they were made from the records, not always without collisions. A record that
claims to be one and is none is handed back with its bytes; other JSON is left out and counted.
"""

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec

from connectors.contract import Item, Options, Report
from connectors.sources import moai_db
from connectors.sources.foreign_db import tolerant
from connectors.sources.lines import NOT_JSON, unread, wrong_with
from connectors.sources.moai_records import SOURCE, Reader, is_record
from connectors.sources.moments import zone_of
from schemas.errors import Refused, WrongUse

SUFFIXES: Final = (".json", ".json.gz", ".db")
"""How the names of the files end."""

INDEX: Final = "index.json"
"""What says where the files are, for the program that wrote them."""

FILE_MAX: Final = 8 << 20
"""Bytes of a file once it is unpacked; a larger one holds no record that an event could hold."""

_NO_OPTIONS: Final = Options()


@dataclass(frozen=True)
class Moai:
    """Reads folders and databases of MoAI-Flow."""

    options: Options = _NO_OPTIONS

    name = "moai"
    source = SOURCE
    describes = (
        "MoAI-Flow's patterns (folders of JSON, patterns.db): tasks, errors, agents, corrections"
    )

    def configured(self, options: Options) -> "Moai":
        """With a label, and the time zone of times without an offset."""
        if options.mirror:
            message = "moai cannot mirror: what is gone from a folder was compressed or is expired"
            raise WrongUse(message)
        zone_of(options.timezone)
        return Moai(options)

    def default_paths(self) -> list[Path]:
        """None: they lie beside the projects."""
        return []

    def files(self, path: Path) -> list[Path]:
        """The files of a folder, links to folders not followed, or the file itself."""
        if path.is_dir():
            return sorted(_within(path))
        if path.exists():
            return [path]
        raise WrongUse(f"there is nothing at {path}; give a file or a folder that exists")

    def read(self, files: Sequence[Path], report: Report) -> Iterator[Item]:
        """Every record of every file; of a folder as much as can be read.

        Raises:
            SourceUnreadable: the only file is a database that is damaged, locked, or another's.
        """
        reader = Reader(zone_of(self.options.timezone), self.options.label)
        for path in files:
            report.files += 1
            if not path.is_file():
                report.cannot_read(path, "cannot be read: it is no file")
            elif path.suffix == ".db" or moai_db.is_database(path):
                with tolerant(path, files, report):
                    yield from moai_db.read(path, reader, report)
            else:
                yield from _document(path, reader, report)


def _within(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if name.endswith(SUFFIXES) and name != INDEX and path.is_file():
                yield path


def _document(path: Path, reader: Reader, report: Report) -> Iterator[Item]:
    """The record of a file, if it holds one."""
    content = _content(path, report)
    if content is None:
        return
    report.lines += 1
    try:
        found: Any = msgspec.json.decode(content)
    except NOT_JSON as error:
        report.broke(path, wrong_with(error))
        return
    if not is_record(found):
        report.unknown_line("JSON that is no record")
        return
    try:
        yield reader.stated(found, report)
    except Refused as refused:
        yield report.refused(content, refused.reason, refused.detail)


def _content(path: Path, report: Report) -> bytes | None:
    """The bytes of a file, unpacked; None where they cannot be read, or are too many."""
    try:
        with _opened(path) as file:
            content = file.read(FILE_MAX + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        report.broke(path, f"is no whole gzip: {error}")
        return None
    except OSError as error:
        report.cannot_read(path, unread(error))
        return None
    if len(content) > FILE_MAX:
        report.broke(path, f"holds more than {FILE_MAX:,} bytes once it is unpacked")
        return None
    return content


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
