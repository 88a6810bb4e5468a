"""What people decide about patterns."""

from enum import StrEnum
from typing import Annotated

import typer

from motif.cli.options import AsJson, Data, Kafka


class Status(StrEnum):
    """How far the automation of a pattern is."""

    DETECTED = "detected"
    CANDIDATE = "candidate"
    APPROVED = "approved"
    AUTOMATED = "automated"
    DEPRECATED = "deprecated"


def review(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="Its id or its signature.")],
    status: Annotated[
        Status,
        typer.Argument(
            metavar="STATUS", help="detected, candidate, approved, automated or deprecated."
        ),
    ],
    reviewer: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who decided it.")
    ] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    tool: Annotated[
        str | None, typer.Option(metavar="NAME", help="The tool that does it from now on.")
    ] = None,
    script: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where that tool's script is.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Decide how far the automation of a pattern is: a fact like any other, the latest counts."""
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import stdout

    with opened(data, kafka) as node:
        found = node.pattern(pattern).pattern
        node.review(
            found.pattern_id,
            status.value,
            reviewed_by=reviewer,
            notes=notes,
            tool_name=tool,
            tool_script_path=script,
        )
    if as_json:
        print_json({"pattern_id": found.pattern_id, "status": status.value})
    else:
        stdout().print(f"{found.kind}:{found.signature} is {status.value}.")
