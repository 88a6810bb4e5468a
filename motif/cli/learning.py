"""What brings events in: the demo, and importing one's own files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import FLAG, AsJson, Data, DemoData, Kafka, Label
from schemas.errors import MotifError, WrongUse

if TYPE_CHECKING:
    from connectors.contract import Source
    from motif.display.console import Progress
    from motif.importing import Imported


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
    label: Label = None,
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
    from connectors.sources import SOURCES, by_name

    if listing:
        _list_formats(as_json=as_json)
        return
    if form is None:
        raise WrongUse(f"name a format to import: one of {', '.join(SOURCES)}")
    source = by_name(form)
    places = _places(source, paths or [])
    imported, seconds = _imported(
        source, places, dry_run=dry_run, label=label, data=data, kafka=kafka
    )
    _report(source, imported, seconds, as_json=as_json, dry_run=dry_run)


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
    source: "Source",
    places: list[Path],
    *,
    dry_run: bool,
    label: str | None,
    data: Path | None,
    kafka: str | None,
) -> "tuple[Imported, float]":
    """Import and say how long it took; a dry run opens no folder."""
    from motif.cli.opened import opened, settings
    from motif.display.console import progress
    from motif.importing import files_of
    from schemas.clock import monotonic_s

    if not any(source.files(place) for place in places):
        shown = ", ".join(map(str, places))
        raise MotifError(f"there is nothing to read as {source.name} in {shown}")
    began_s = monotonic_s()
    if dry_run:
        settings()
        with progress() as tell:
            imported = _read_only(source, files_of(source, places), tell)
        return imported, monotonic_s() - began_s
    with opened(data, kafka, make=True, label=label) as node, progress() as tell:
        imported = node.import_files(source.name, places, progress=tell)
        return imported, monotonic_s() - began_s


def _read_only(source: "Source", files: list[Path], tell: "Progress | None") -> "Imported":
    from connectors.contract import Report, Unreadable
    from motif.importing import Imported

    report = Report()
    refused = 0
    for item in source.read(files, report):
        refused += isinstance(item, Unreadable)
        if tell is not None:
            tell("read", report.files, len(files))
    return Imported(report, 0, refused, 0, 0, {}, {})


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
    if as_json:
        print_json([dict(zip(("format", "reads", "default"), one, strict=True)) for one in found])
        return
    columns = [text("format"), text("reads"), text("by default from")]
    rows = [(name, reads, ", ".join(places) or UNKNOWN) for name, reads, places in found]
    stdout().print(table(columns, rows))


def _report(
    source: "Source", imported: "Imported", seconds: float, *, as_json: bool, dry_run: bool
) -> None:
    from motif.cli.output import print_json
    from motif.display.console import stdout, warn
    from motif.display.imports import remarks, report

    if as_json:
        print_json(imported)
    else:
        stdout().print(report(source.name, imported, seconds, dry_run=dry_run))
    for sentence in remarks(imported, dry_run=dry_run):
        warn(sentence)
    unreadable = imported.report.unreadable_files
    if unreadable:
        message = f"{unreadable} of the files could not be read; the rest was imported"
        raise MotifError(message)
