"""Single records: pages of those that fit, and one by its id."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, readable, whole

if TYPE_CHECKING:
    from projections.records import Page

LIMIT_MAX = 10_000


class Format(StrEnum):
    """How records are written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


Type = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help="Only this type, such as error_occurrence."),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Not before this day (UTC), or time with its offset."),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Before this day or time, not at it.")
]
Tag = Annotated[
    list[str] | None, typer.Option(metavar="TAG", help="With this tag; all that are named.")
]
Agent = Annotated[str | None, typer.Option(metavar="NAME", help="Of this agent.")]
Session = Annotated[str | None, typer.Option(metavar="ID", help="Of this session.")]
Project = Annotated[str | None, typer.Option(metavar="NAME", help="Of this project.")]
Environment = Annotated[str | None, typer.Option(metavar="NAME", help="In this environment.")]
Branch = Annotated[str | None, typer.Option(metavar="NAME", help="On this git branch.")]
User = Annotated[str | None, typer.Option(metavar="ID", help="Of this user.")]
Outcome = Annotated[
    str | None, typer.Option(metavar="OUTCOME", help="With this outcome, such as failure.")
]
Source = Annotated[str | None, typer.Option(metavar="NAME", help="Stated by this one.")]
Words = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help='With all these words in their texts and tags; "in double quotes", a phrase.',
    ),
]
Limit = Annotated[
    int, typer.Option(metavar="N", parser=whole(1, LIMIT_MAX), help="At most so many.")
]
After = Annotated[
    str | None,
    typer.Option(metavar="CURSOR", help="The page after another, which named this cursor."),
]
Form = Annotated[Format, typer.Option("--format", metavar="FORMAT", help="table, json or jsonl.")]


def records(
    type_name: Type = None,
    since: Since = None,
    until: Until = None,
    tag: Tag = None,
    agent: Agent = None,
    session: Session = None,
    project: Project = None,
    environment: Environment = None,
    branch: Branch = None,
    user: User = None,
    outcome: Outcome = None,
    source: Source = None,
    text: Words = None,
    limit: Limit = 20,
    after: After = None,
    form: Form = Format.TABLE,
    as_json: Annotated[
        bool, typer.Option("--json", metavar=FLAG, help="The same as --format json.")
    ] = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Find single records: tasks, errors, uses of agents, corrections, and runs of workflows.

    Newest first, by when each was first appended to the log. All options must fit.
    """
    from motif.cli.opened import asking

    with asking(data, kafka) as node:
        page = node.records(
            limit=limit,
            after=after,
            type_name=type_name,
            since=since,
            until=until,
            tags=tag or (),
            agent=agent,
            session=session,
            project=project,
            environment=environment,
            branch=branch,
            user=user,
            outcome=outcome,
            source=source,
            text=text,
        )
    _write(page, Format.JSON if as_json else form)


def record(
    subject: Annotated[
        str, typer.Argument(metavar="ID", callback=readable, help="The record's id.")
    ],
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who states it, where several sources use the id."),
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Show one record as it is said now, with all its data."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.records import shown

    with asking(data, kafka) as node:
        found = node.record(subject, source=source)
    if as_json:
        print_json(found)
    else:
        stdout().print(shown(found))


def _write(page: "Page", form: Format) -> None:
    """The records to stdout; where a program does not read it there, the cursor to stderr."""
    from motif.cli.output import print_json, print_lines
    from motif.display.console import say, stdout
    from motif.display.records import listed

    if form is Format.JSON:
        print_json(page)
        return
    if form is Format.JSONL:
        print_lines(page)
    elif page.records:
        stdout().print(listed(page.records))
    else:
        say("No record fits.")
    if page.next is not None:
        say(f"There are more: --after {page.next}")
