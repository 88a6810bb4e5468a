"""Moving a log: copied whole into a new one, in a folder or on Kafka."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, whole

if TYPE_CHECKING:
    from motif.copying import Copied
    from motif.places import Place

app = typer.Typer(help="Write what another installation imports.", no_args_is_help=True)

PARTITIONS_MAX = 1024
REPLICATION_MAX = 1000


def copy(
    source: Annotated[
        str,
        typer.Argument(metavar="FROM", help="The log: its folder, or kafka://HOST:PORT/PREFIX."),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="A new folder, or kafka://HOST:PORT/PREFIX without a log."
        ),
    ],
    partitions: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(1, PARTITIONS_MAX),
            help="Partitions of every topic of the new log. Default: those of the old one.",
            show_default=False,
        ),
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(1, REPLICATION_MAX),
            help="How many brokers hold each topic that is made. Default: the cluster's own.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a whole log into a new one, which takes the place of the old one.

    What was recorded until the command began is carried, with the time it was recorded, and the
    same is learned from it. The copy is the same site with a log id of its own. A copy that was
    interrupted goes on when the same command is given again.

    PREFIX stands before the names of the log on Kafka. Default: MOTIF_KAFKA_PREFIX. Topics that
    are missing in TO are made.
    """
    from motif.cli.opened import settings
    from motif.cli.output import print_json
    from motif.display.console import stdout, warn
    from motif.display.copies import remarks, report
    from motif.places import place_of

    prefix = settings().kafka_prefix or ""
    places = place_of(source, prefix), place_of(target, prefix)
    copied = _copied(*places, partitions, replication)
    if as_json:
        print_json(_fields(copied))
    else:
        stdout().print(report(copied, str(places[1])))
    for sentence in remarks(copied):
        warn(sentence)


def _copied(
    source: "Place", target: "Place", partitions: int | None, replication: int | None
) -> "Copied":
    from motif.copying import copy as copy_log
    from motif.display.console import progress
    from motif.places import source_at, target_at
    from schemas.errors import LogIncompatible, WrongUse
    from streams.identity import identity_of

    if source.is_same(target):
        raise WrongUse(f"FROM and TO are both {source}; name a new place to copy it to")
    with source_at(source) as old:
        if identity_of(old) is None:  # before anything is made in the other place
            message = f"{source} holds no log that says who it is; name one that was used"
            raise LogIncompatible(message)
        wanted = target_at(
            target, partitions=partitions, otherwise=old.partitions, replication=replication
        )
        with wanted as new, progress() as tell:
            return copy_log(old, new, progress=tell)


def _fields(copied: "Copied") -> dict[str, Any]:
    import msgspec

    return {
        "site_id": copied.made.site_id,
        "log_id": copied.made.log_id,
        "copied_log_id": copied.copied.log_id,
        "partitions": copied.partitions,
        "resumed": copied.resumed,
        **msgspec.structs.asdict(copied.counts),
    }


@app.command("events")
def export_events(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Write to this file instead of stdout.",
            dir_okay=False,
        ),
    ] = None,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Write every event once, sorted, as JSON Lines that 'motif import jsonl' reads.

    Imported and exported again the file is the same, byte for byte.
    """
    from motif.cli.opened import opened
    from motif.display.console import say, warn
    from motif.display.words import plural
    from motif.exporting import export_events as export
    from motif.exporting import into_file, missing

    with opened(data, kafka, settle=False) as node:
        if output is None:
            written = export(node.log, sys.stdout.buffer)
        else:
            written = into_file(node.log, output)
        lost = missing(node.log)
    say(f"Exported {plural(written, 'event')}{'' if output is None else f' to {output}'}.")
    if lost is not None:
        warn(f"{lost}.")


@app.command("moai")
def export_moai(
    target: Annotated[
        Path,
        typer.Argument(metavar="TO", help="A new folder, or a new database named *.db."),
    ],
    compressed: Annotated[
        bool, typer.Option("--gzip", metavar=FLAG, help="Compress each file of the folder.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Write the agent records in the layout of MoAI-Flow, which 'motif import moai' reads.

    All four types, wherever they came from; what was left out or rounded is told.
    """
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import stdout, warn
    from motif.display.words import plural
    from motif.exporting import missing
    from motif.moai_export import to_database, to_folder
    from schemas.errors import WrongUse

    is_database = target.suffix == ".db"
    if is_database and compressed:
        raise WrongUse("--gzip is for a folder of files; leave it out for a database")
    with opened(data, kafka) as node:
        if is_database:
            exported = to_database(node, target)
        else:
            exported = to_folder(node, target, compress=compressed)
        lost = missing(node.log)
    if as_json:
        print_json(exported)
    else:
        stdout().print(f"Exported {plural(exported.records, 'record')} to {target}.")
    for number, what in (
        (exported.replaced, "gave way to a later one of the same id, which a database keeps once."),
        (exported.undated, "without a time left out: a database has no place for that."),
        (exported.unfit, "left out: MoAI-Flow asks for more than they say, such as a duration."),
        (exported.rounded, "rounded: a database keeps whole seconds, a record whole milliseconds."),
    ):
        if number:
            warn(f"{plural(number, 'record')} {what}")
    if lost is not None:
        warn(f"{lost}.")
