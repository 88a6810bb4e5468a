"""Questions: the patterns, one pattern, and anybody's own SQL."""

import sys
from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, readable, share, whole
from schemas.errors import WrongUse

if TYPE_CHECKING:
    from motif.asking import Asking
    from projections.queries import Detail, Measure, Pattern

LIMIT_MAX = 10_000


class Format(StrEnum):
    """How the rows of a query are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def patterns(
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only this kind, such as tool_usage.")
    ] = None,
    min_confidence: Annotated[
        float,
        typer.Option(metavar="0..1", parser=share, help="Only patterns trusted at least so much."),
    ] = 0.0,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            callback=readable,
            help="Only patterns with this text in title or signature.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, LIMIT_MAX), help="At most so many.")
    ] = 20,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """List what was learned, best first.

    Best is what can be trusted most: by confidence, then by occurrences.
    """
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.display.console import say, stdout
    from motif.display.patterns import listed
    from motif.questions import measures_of

    if kind is not None:
        _known(kind)
    with asking(data, kafka) as node:
        asked = min(limit + 1, LIMIT_MAX)
        found = node.patterns(
            kind, min_confidence=min_confidence or None, search=search, limit=asked
        )
        shown = found[:limit]
        measures = measures_of(node, [one.pattern_id for one in shown])
    if as_json:
        print_json([_with_measures(one, measures.get(one.pattern_id, {})) for one in shown])
        return
    if not shown:
        fitting = kind or search or min_confidence
        say("No pattern fits." if fitting else "No patterns yet: nothing was imported.")
        return
    console = stdout()
    console.print(listed(shown, measures, console.width, kinds=kind is None))
    if len(found) > limit:
        say(f"These are the first {limit:,}; --limit gives more, --kind and --search choose.")


def show(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            callback=readable,
            help="Its name (tool_usage:Read:Edit), signature, or id.",
        ),
    ],
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Show one pattern: its numbers with intervals, its days, contributors, examples."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.patterns import shown
    from motif.questions import examples_of, lift_of

    with asking(data, kafka) as node:
        try:
            detail = node.pattern(pattern)
        except WrongUse as error:
            raise _with_near_misses(node, pattern, error) from error
        lift = lift_of(node, detail.pattern.pattern_id)
        examples = examples_of(node, detail.pattern)
    if as_json:
        numbers = {**_fields(detail.pattern), "lift": lift, **_nested(detail)}
        print_json({**numbers, "examples": examples})
        return
    console = stdout()
    console.print(shown(detail, lift, examples, console.width))


def sql(
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", callback=readable, help="One SELECT, or - to read it from stdin."
        ),
    ],
    form: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="table, json, csv or parquet.")
    ] = Format.TABLE,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to this file instead of stdout.", dir_okay=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", metavar=FLAG, help="The same as --format json.")
    ] = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Ask anything of the tables, in DuckDB's SQL, reading only.

    SHOW TABLES lists the tables, DESCRIBE patterns the columns of one.
    """
    from motif.cli.opened import asking
    from motif.cli.rows import check, write

    chosen = Format.JSON if as_json else form
    check(chosen.value, output)
    text = sys.stdin.read() if query == "-" else query
    with asking(data, kafka) as node:
        answer = node.sql(text)
    write(answer, chosen.value, output)


def _known(kind: str) -> None:
    from streams.recognise import KINDS

    if kind not in KINDS:
        message = f"there is no kind {kind!r}; it must be one of {', '.join(KINDS)}"
        raise WrongUse(message)


def _with_near_misses(node: "Asking", name: str, error: WrongUse) -> WrongUse:
    """The error, with names that may have been meant."""
    if "names" in str(error):
        return error
    from difflib import get_close_matches

    words = sorted(set(name.replace(":", " ").split()), key=len, reverse=True)
    found = [one for word in words for one in node.patterns(search=word, limit=200)]
    full = {f"{one.kind}:{one.signature}" for one in found}
    known = {**{one.partition(":")[2]: one for one in full}, **{one: one for one in full}}
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    names = ", ".join(dict.fromkeys(known[one] for one in near))
    return WrongUse(f"no pattern is called {name!r}; near are {names}") if names else error


def _with_measures(one: "Pattern", measures: "Mapping[str, Measure]") -> dict[str, Any]:
    return {**_fields(one), "measures": list(measures.values())}


def _fields(one: "Pattern") -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _nested(detail: "Detail") -> dict[str, Any]:
    return {"measures": detail.measures, "days": detail.days, "sites": detail.sites}
