"""Refused records: `motif dead-letters list`, `show`, `retry` and `discard`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, whole
from schemas.errors import WrongUse

if TYPE_CHECKING:
    from motif.deadletters import Letter

LIMIT_MAX = 1_000_000

SHOWN = 100
"""Outcomes shown of what was tried again."""

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Ids of letters, or how they begin."),
]

app = typer.Typer(
    help="Look at refused records, try them again, discard them.", no_args_is_help=True
)


@app.command("list")
def list_(
    everything: Annotated[
        bool, typer.Option("--all", metavar=FLAG, help="Also those decided about.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, LIMIT_MAX), help="At most so many.")
    ] = 100,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """List what was refused and why, the newest last."""
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import say, stdout
    from motif.display.letters import listed

    with opened(data, kafka) as node:
        letters = node.dead_letters(open_only=not everything)
    shown = letters[-limit:]
    if as_json:
        print_json([_fields(one) for one in shown])
        return
    if not shown:
        say("Nothing was refused." if everything else "Nothing refused awaits a decision.")
        return
    stdout().print(listed(shown, decided=everything))
    if len(letters) > limit:
        say(f"These are the last {limit:,} of {len(letters):,}; --limit gives more.")


@app.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, or how it begins.")],
    raw: Annotated[
        bool,
        typer.Option(
            "--bytes", metavar=FLAG, help="Write the refused bytes themselves, and nothing else."
        ),
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Show one refused record: why, where it came from, its bytes."""
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.letters import shown

    with opened(data, kafka) as node:
        (found,) = _chosen(node.dead_letters(open_only=False), [letter])
    if raw:
        sys.stdout.flush()
        sys.stdout.buffer.write(found.value)
        sys.stdout.buffer.flush()
    elif as_json:
        print_json({**_fields(found), "bytes": found.value})
    else:
        stdout().print(shown(found))


@app.command()
def retry(ids: Ids = None, as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """Try refused records again, all undecided ones unless some are named.

    Worth doing after an update of Motif. What is an event by now is recorded and learned.
    """
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import progress, say, stdout
    from motif.display.letters import outcomes

    with opened(data, kafka) as node:
        chosen = None
        if ids:
            letters = _chosen(node.dead_letters(open_only=False), ids)
            chosen = [one.letter_id for one in letters]
        tried = node.retry(chosen)
        with progress() as tell:
            node.settle(tell)
    if as_json:
        print_json([{"letter_id": name, "outcome": outcome} for name, outcome in tried])
    elif tried:
        stdout().print(outcomes(tried[-SHOWN:]))
        if len(tried) > SHOWN:
            say(f"These are the last {SHOWN:,} of {len(tried):,}; --json gives all.")
    else:
        say("Nothing refused awaits a decision.")


@app.command()
def discard(
    ids: Ids = None,
    everything: Annotated[
        bool, typer.Option("--all", metavar=FLAG, help="All that are undecided.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Decide that refused records are not wanted; their bytes stay in the log."""
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.words import plural

    if bool(ids) == everything:
        raise WrongUse("name the letters to discard, or all undecided ones by --all")
    with opened(data, kafka) as node:
        undecided = node.dead_letters()
        letters = undecided if everything else _chosen(node.dead_letters(open_only=False), ids)
        chosen = [one.letter_id for one in letters]
        if chosen:
            node.discard(chosen)
            node.settle()
    if as_json:
        print_json(chosen)
    else:
        stdout().print(f"Discarded {plural(len(chosen), 'letter')}.")


def _chosen(letters: "list[Letter]", ids: list[str] | None) -> "list[Letter]":
    """The letters of these ids, each found by a beginning that only it has."""
    chosen = []
    for identity in ids or []:
        fitting = [one for one in letters if identity and one.letter_id.startswith(identity)]
        if len(fitting) > 1:
            message = f"{len(fitting)} dead letters begin with {identity!r}; give more of the id"
            raise WrongUse(message)
        if not fitting:
            message = f"no dead letter begins with {identity!r}; 'motif dead-letters list' has them"
            raise WrongUse(message)
        chosen += fitting
    return list({one.letter_id: one for one in chosen}.values())


def _fields(letter: "Letter") -> dict[str, Any]:
    from schemas.clock import from_us

    return {
        "letter_id": letter.letter_id,
        "reason": letter.reason,
        "detail": letter.detail,
        "origin": letter.origin,
        "refused_at": from_us(letter.refused_at_us),
        "size": len(letter.value),
        "decided": letter.decided,
    }
