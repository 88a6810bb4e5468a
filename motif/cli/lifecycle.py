"""Old events: archived into files, and deleted when even those are old enough."""

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, day

if TYPE_CHECKING:
    from motif.lifecycle import Outcome


def _age(text: str) -> float:
    from motif.values import AGE, age_of

    try:
        return age_of(str(text))
    except ValueError as error:
        message = f"{text!r} must be {AGE}"
        raise typer.BadParameter(message) from error


OlderThan = Annotated[
    float,
    typer.Option(
        "--older-than",
        metavar="AGE",
        parser=_age,
        help="How old: a number of days such as 30d, or of hours (12h) or weeks (4w).",
        show_default=False,
    ),
]
AsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of",
        metavar="DAY",
        parser=day,
        help="Count the age back from the end of this UTC day. Default: from now.",
        show_default=False,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", metavar=FLAG, help="Say what would be done, and do nothing.")
]


def archive(
    older_than: OlderThan,
    as_of: AsOf = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Move old events out of the log into Parquet files; they are asked for as before.

    The files are DIR/archive/TOPIC/date=DAY/*.parquet, which any engine reads, with their SHA-256
    in DIR/archive/manifest.json. An event is as old as its own time says, and one without a time as
    old as its record.
    """
    from motif.cli.opened import opened
    from motif.display.console import progress, stdout
    from motif.display.words import plural, size

    with opened(data, kafka) as node, progress() as tell:
        outcome = node.archive(older_than, as_of_us=_end_of(as_of), dry_run=dry_run, progress=tell)
    if _printed(outcome, as_json=as_json):
        return
    if dry_run:
        stdout().print(f"{_old(outcome)} would be archived; nothing was.")
    elif outcome.total:
        files = plural(outcome.files, "file")
        there = f"the log has {size(outcome.bytes_after)}, it had {size(outcome.bytes_before)}"
        if not outcome.bytes_before:
            there = f"the archive has {size(outcome.bytes_after)}"
        stdout().print(f"Archived {_old(outcome)} into {files}; {there}.")
    else:
        stdout().print(f"Nothing in the log happened before {outcome.until}.")


def prune(
    older_than: OlderThan,
    as_of: AsOf = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Delete old events for good, in the log and in its archive; what they taught stays.

    Their rows are gone from the tables. What was learned is sealed before: it is kept, goes on, and
    knows what was counted, so that importing the same again adds nothing. But it cannot be learned
    again: the log's settings cannot change any more, nor can it be copied.
    """
    from motif.cli.opened import opened
    from motif.display.console import progress, stdout, warn
    from motif.display.words import plural, size
    from motif.upkeep import CONSEQUENCE

    with opened(data, kafka) as node, progress() as tell:
        outcome = node.prune(older_than, as_of_us=_end_of(as_of), dry_run=dry_run, progress=tell)
    if not _printed(outcome, as_json=as_json):
        if dry_run:
            stdout().print(f"{_old(outcome)} would be deleted; nothing was.")
        elif outcome.total:
            there = f"log and archive have {size(outcome.bytes_after)}, "
            there += f"they had {size(outcome.bytes_before)}"
            if not outcome.bytes_before:
                there = f"the archive has {size(outcome.bytes_after)}"
            elif outcome.bytes_after > outcome.bytes_before:
                there += ", as what was learned is sealed in the log, and takes more than they did"
            stdout().print(f"Deleted {_old(outcome)}; {there}.")
        elif outcome.waiting:
            stdout().print("Deleted 0 events.")
        else:
            stdout().print(f"Nothing in the log or its archive happened before {outcome.until}.")
    if outcome.waiting:
        warn(
            f"{plural(outcome.waiting, 'archived event')} of {outcome.before} {_stay(outcome)}: "
            "a file of the archive goes when all of its day is old enough."
        )
    if outcome.total:
        warn(CONSEQUENCE.format("is kept" if not dry_run else "would be kept") + ".")


def _stay(outcome: "Outcome") -> str:
    if outcome.dry_run:
        return "would stay"
    return "stays" if outcome.waiting == 1 else "stay"


def _end_of(as_of: date | None) -> int | None:
    """The end of a UTC day in microseconds since 1970."""
    if as_of is None:
        return None
    from schemas.clock import DAY_US, to_us

    return to_us(datetime.combine(as_of, time(), UTC)) + DAY_US


def _printed(outcome: "Outcome", *, as_json: bool) -> bool:
    if as_json:
        from motif.cli.output import print_json

        print_json(_fields(outcome))
    return as_json


def _fields(outcome: "Outcome") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(outcome)


def _old(outcome: "Outcome") -> str:
    from motif.display.words import plural

    if not outcome.total:
        return f"0 events before {outcome.until}"
    return (
        f"{plural(outcome.total, 'event')} of {outcome.first_day} to {outcome.last_day}, "
        f"all before {outcome.until}"
    )
