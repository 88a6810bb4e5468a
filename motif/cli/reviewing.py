"""What people decide about patterns."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import AsJson, Data, Kafka

if TYPE_CHECKING:
    from motif.asking import Asking


class Status(StrEnum):
    """How far the automation of a pattern is."""

    DETECTED = "detected"
    CANDIDATE = "candidate"
    APPROVED = "approved"
    AUTOMATED = "automated"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


def review(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="Its id or its signature.")],
    status: Annotated[
        Status,
        typer.Argument(
            metavar="STATUS",
            help="detected, candidate, approved, automated, deprecated or archived.",
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
    """Decide how far the automation of a pattern is: a fact like any other, the latest counts.

    Who, why, tool and script stay as they were said before where they are not said again.
    """
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import stdout

    with opened(data, kafka) as node:
        pattern_id, named = _meant(node, pattern)
        node.review(
            pattern_id,
            status.value,
            reviewed_by=reviewer,
            notes=notes,
            tool_name=tool,
            tool_script_path=script,
        )
    if as_json:
        print_json({"pattern_id": pattern_id, "status": status.value})
    else:
        stdout().print(f"{named} is {status.value}.")


def _meant(node: "Asking", name: str) -> tuple[str, str]:
    """Id and name of a pattern that was learned, or of a sort of devices that was only defined."""
    from motif.device_patterns import NoSort, device_pattern
    from schemas.errors import WrongUse

    try:
        found = node.pattern(name).pattern
    except WrongUse as unknown:
        try:
            sort = device_pattern(node, name.removeprefix("device:"))
        except NoSort:
            raise unknown from None
        return sort.pattern_id, f"device:{sort.signature}"
    return found.pattern_id, f"{found.kind}:{found.signature}"
