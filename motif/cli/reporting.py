"""Reports on the records of this site."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from motif.cli.options import Data, Kafka, day, whole


class Name(StrEnum):
    """What there are reports on."""

    AGENTS = "agents"
    ERRORS = "errors"
    TASKS = "tasks"
    OPERATIONS = "operations"


class Format(StrEnum):
    """How a report is written."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"


def report(
    name: Annotated[
        Name, typer.Argument(metavar="REPORT", help="agents, errors, tasks or operations.")
    ],
    days: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole(1, 36_500),
            help="Only the last N days, UTC. Default: everything, with what has no time.",
            show_default=False,
        ),
    ] = None,
    as_of: Annotated[
        date | None,
        typer.Option(
            metavar="DATE",
            parser=day,
            help="The last day, such as 2026-01-31. Default: that of the latest event.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="md, json or html.")
    ] = Format.MARKDOWN,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to this file instead of stdout.", dir_okay=False),
    ] = None,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Report on agents, errors, tasks or operations, with what changed and what to do.

    Every number stands beside the n it was made of, and nothing is recommended on fewer than five.
    """
    from motif.cli.opened import asking
    from motif.cli.output import json_of
    from motif.cli.rows import check, text_of
    from motif.display.html import html
    from motif.display.markdown import markdown
    from motif.display.reports import document

    check(form.value, output)
    with asking(data, kafka) as node:
        made = node.report(name.value, days=days, as_of=as_of)
    if form is Format.JSON:
        written = json_of(made)
    else:
        written = (markdown if form is Format.MARKDOWN else html)(document(made))
    with text_of(output) as file:
        file.write(written)
