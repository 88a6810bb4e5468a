"""What brings events in: the demo, and importing one's own files."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import (
    FLAG,
    AsJson,
    Data,
    DemoData,
    ImportLabel,
    Kafka,
    Mirror,
    Timezone,
    Watch,
)
from schemas.errors import MotifError, WrongUse

if TYPE_CHECKING:
    from connectors.contract import Options, Source
    from motif.importing import Imported


SORTS = "bifrost"
"""The format of stores of device patterns; what stands in it is no events but definitions."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be imported, and how that is told."""

    source: "Source"
    places: list[Path]
    options: "Options"
    dry_run: bool
    as_json: bool


def demo(
    once: Annotated[
        bool,
        typer.Option(
            "--once", metavar=FLAG, help="End when all is shown, as it does anyway for now."
        ),
    ] = False,
    data: DemoData = None,
) -> None:
    """Learn from generated sessions and show what was learned.

    Everything happens in a folder that is gone afterwards, unless --data names one to keep.
    """
    from motif.cli.opened import settings
    from motif.demo import tell

    del once
    settings()
    tell(data)


def import_(
    form: Annotated[
        str | None, typer.Argument(metavar="FORMAT", help="The files' format; see --list.")
    ] = None,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files or folders. Default: the format's own."),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", metavar=FLAG, help="List the formats.")
    ] = False,
    label: ImportLabel = None,
    timezone: Timezone = "UTC",
    mirror: Mirror = False,
    watch: Watch = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar=FLAG, help="Read and report, and record nothing.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Read files, record their events, learn from them.

    What was read before is recognised, however often, from wherever and in whatever order it is
    read again: only what is new counts.
    """
    from connectors.contract import Configurable, Options
    from connectors.sources import SOURCES, by_name
    from motif.cli.watching import watched
    from motif.importing import source_of

    if listing:
        _list_formats(as_json=as_json)
        return
    if form is None:
        raise WrongUse(f"name a format to import: one of {', '.join((*SOURCES, SORTS))}")
    if form == SORTS:
        if dry_run or watch is not None or not paths:
            raise WrongUse(f"{SORTS} reads files that are named, once: motif import {SORTS} FILE")
        _import_sorts(paths, label=label, data=data, kafka=kafka)
        return
    takes_label = isinstance(by_name(form), Configurable)
    options = Options(label if takes_label else None, timezone, mirror)
    source = source_of(form, options)
    reading = Wanted(source, _places(source, paths or []), options, dry_run, as_json)
    site_label = None if takes_label else label
    if watch is not None:
        if dry_run:
            raise WrongUse("--watch records what it reads; leave out --dry-run")
        watched(reading, watch, label=site_label, data=data, kafka=kafka)
        return
    imported, seconds = _imported(reading, label=site_label, data=data, kafka=kafka)
    _report(reading, imported, seconds)


def _import_sorts(
    files: list[Path], *, label: str | None, data: Path | None, kafka: str | None
) -> None:
    """Take in sorts of devices as `motif devices import` does."""
    from motif.cli.devices import take_in
    from motif.cli.opened import opened

    with opened(data, kafka, make=True, label=label) as node:
        whole = [take_in(node, file) for file in files]
    if not all(whole):
        raise typer.Exit(1)


def _places(source: "Source", paths: list[Path]) -> list[Path]:
    """Where to read: what was named, else the format's own places, which is said."""
    from motif.display.console import say

    if paths:
        missing = [path for path in paths if not os.path.lexists(path)]
        if missing:
            message = f"there is nothing at {missing[0]}; give a file or a folder that exists"
            raise WrongUse(message)
        return paths
    places = source.default_paths()
    if not places:
        message = (
            f"nothing of {source.name} was found on this machine; "
            f"name a file or a folder: motif import {source.name} PATH"
        )
        raise MotifError(message)
    say(f"No path was named, so {', '.join(map(str, places))} is read.")
    return places


def _imported(
    wanted: "Wanted", *, label: str | None, data: Path | None, kafka: str | None
) -> "tuple[Imported, float]":
    """Import and say how long it took; a dry run opens no folder, but to see what a mirror lost."""
    from motif.cli.opened import opened
    from motif.display.console import progress
    from schemas.clock import monotonic_s

    source, places = wanted.source, wanted.places
    if not any(source.files(place) for place in places):
        shown = ", ".join(map(str, places))
        raise MotifError(f"there is nothing to read as {source.name} in {shown}")
    began_s = monotonic_s()
    if wanted.dry_run:
        imported = _dry(wanted, data, kafka)
        return imported, monotonic_s() - began_s
    with opened(data, kafka, make=True, label=label) as node, progress() as tell:
        imported = node.import_files(source.name, places, options=wanted.options, progress=tell)
        return imported, monotonic_s() - began_s


def _dry(wanted: "Wanted", data: Path | None, kafka: str | None) -> "Imported":
    from connectors.logs import sqlite_file
    from motif.cli.opened import opened_at, where_of
    from motif.display.console import progress
    from motif.importing import Reading

    name, places, options = wanted.source.name, wanted.places, wanted.options
    where, stated = where_of(data, kafka)
    if options.mirror and (where.kafka is not None or sqlite_file.exists(where.folder)):
        with opened_at(where, stated, settle=False) as node, progress() as tell:
            return node.import_files(name, places, options=options, dry_run=True, progress=tell)
    with progress() as tell:
        return Reading(name, places, tell, options).dry()


def _list_formats(*, as_json: bool) -> None:
    from connectors.sources import SOURCES
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.table import table, text
    from motif.display.words import UNKNOWN

    found = [
        (one.name, one.describes, [str(path) for path in one.default_paths()])
        for one in SOURCES.values()
    ]
    found.append((SORTS, "sorts of devices, as `motif devices import` takes them in", []))
    if as_json:
        print_json([dict(zip(("format", "reads", "default"), one, strict=True)) for one in found])
        return
    columns = [text("format"), text("reads"), text("by default from")]
    rows = [(name, reads, ", ".join(places) or UNKNOWN) for name, reads, places in found]
    stdout().print(table(columns, rows))


def _report(wanted: "Wanted", imported: "Imported", seconds: float) -> None:
    from motif.cli.output import print_json
    from motif.display.console import stdout, warn
    from motif.display.imports import remarks, report

    if wanted.as_json:
        print_json(imported)
    else:
        named = wanted.source.name
        stdout().print(report(named, imported, seconds, dry_run=wanted.dry_run))
    for sentence in remarks(imported, dry_run=wanted.dry_run, timezone=wanted.options.timezone):
        warn(sentence)
    unreadable = imported.report.unreadable_files
    if unreadable:
        message = f"{unreadable} of the files could not be read; the rest was imported"
        raise MotifError(message)
