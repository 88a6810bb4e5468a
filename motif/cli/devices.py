"""Sorts of devices that were learned, and what a client needs to speak to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, share

if TYPE_CHECKING:
    from motif.node import Node

app = typer.Typer(help="Sorts of devices: ask about them, and exchange them.", no_args_is_help=True)

Sort = Annotated[
    str, typer.Argument(metavar="SORT", help="Its signature, its id, or how its id begins.")
]


@app.command("list")
def list_(
    archived: Annotated[
        bool,
        typer.Option("--archived", metavar=FLAG, help="Also those that somebody archived."),
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """All sorts of devices, the surest first."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.device_patterns import device_patterns
    from motif.display.console import say, stdout
    from motif.display.sorts import listed

    with asking(data, kafka) as node:
        found = device_patterns(node, archived=archived)
    if as_json:
        print_json(found)
    elif found:
        stdout().print(listed(found))
    else:
        say("No sort of devices was learned yet; `motif discover` asks devices what they are.")


@app.command()
def show(sort: Sort, as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """Everything about a sort: what was observed of it, and how its devices are asked."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.device_patterns import device_pattern
    from motif.display.console import stdout
    from motif.display.sorts import shown

    with asking(data, kafka) as node:
        found = device_pattern(node, sort)
    if as_json:
        print_json(found)
    else:
        stdout().print(shown(found))


@app.command()
def history(sort: Sort, as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """What happened to a sort here: who defined it, what was decided, how it was used each day."""
    from motif import device_patterns
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.sorts import told

    with asking(data, kafka) as node:
        found = device_patterns.history(node, device_patterns.device_pattern(node, sort))
    if as_json:
        print_json(found)
    else:
        stdout().print(told(found))


@app.command()
def stats(as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """Five numbers about all sorts: how many, how sure, how much used, the most used, protocols."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.device_patterns import device_patterns, statistics
    from motif.display.console import stdout

    with asking(data, kafka) as node:
        found = statistics(device_patterns(node))
    if as_json:
        print_json(found)
        return
    most = found["most_used_pattern"]
    used = "none" if most is None else f"{most['pattern_id']}, {most['usage_count']:,} times"
    lines = {
        "sorts": f"{found['total_patterns']:,}",
        "average confidence": f"{found['average_confidence']:.2f}",
        "applied": f"{found['total_usage']:,}",
        "most used": used,
        "protocols": ", ".join(found["protocols"]) or "none",
    }
    stdout().print("\n".join(f"{name:<20}{said}" for name, said in lines.items()))


@app.command()
def profile(
    sort: Sort,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it. Default: standard output."),
    ] = None,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Write the configuration of a client for a sort as JSON; what is not known is null."""
    from motif.cli.opened import asking
    from motif.cli.output import json_of
    from motif.cli.rows import check, text_of
    from motif.device_patterns import configuration, device_pattern

    check("json", output)
    with asking(data, kafka) as node:
        found = configuration(device_pattern(node, sort))
    with text_of(output) as file:
        file.write(json_of(found))


@app.command()
def points(
    sort: Sort,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV or JSON with tag_name, address, data_type, and perhaps scale_factor, unit "
            "and description.",
        ),
    ],
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Say which values devices of a sort have, in place of what was said before."""
    from motif.cli.opened import opened
    from motif.device_patterns import device_pattern
    from motif.display.console import say
    from motif.display.words import plural
    from motif.mapping import map_points, read_points

    found = read_points(file)
    with opened(data, kafka) as node:
        pattern = device_pattern(node, sort)
        map_points(node, pattern, found)
        node.settle()
    say(f"{pattern.title} has {plural(len(found), 'data point')}.")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Write all sorts into a file that another installation imports; nothing of single devices."""
    from motif.cli.opened import asking
    from motif.cli.rows import check, text_of
    from motif.defining import exported
    from motif.display.console import say

    check("json", file)
    with asking(data, kafka) as node:
        body = exported(node)
    with text_of(file) as out:
        out.write(body.decode())
    say(f"Wrote {file}.")


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="What 'devices export' wrote, or a patterns.json of device patterns.",
        ),
    ],
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", metavar=FLAG, help="Also say again what is known of a sort."),
    ] = False,
    reputation: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            parser=share,
            help="How far whoever wrote it is trusted; confidences are multiplied.",
        ),
    ] = 1.0,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Take in sorts of a file; each is verified with the next device before it counts as active."""
    from motif.cli.opened import opened

    with opened(data, kafka, make=True) as node:
        whole = take_in(node, file, reputation=reputation, overwrite=overwrite)
    if not whole:
        raise typer.Exit(1)


def take_in(node: "Node", file: Path, *, reputation: float = 1.0, overwrite: bool = False) -> bool:
    """Import the sorts of a file, and tell what became of them; whether none was refused."""
    from motif.defining import import_file
    from motif.display.console import say, warn
    from motif.display.words import plural

    found = import_file(node, file, reputation=reputation, overwrite=overwrite)
    node.settle()
    for reason in found.refused:
        warn(f"refused {reason}")
    say(
        f"Imported {plural(found.imported, 'sort')}; {found.known:,} were known already, "
        f"{len(found.refused):,} refused."
    )
    return not found.refused


@app.command()
def sample(
    manufacturer: Annotated[
        str, typer.Option(metavar="NAME", help="Who makes such devices.")
    ] = "SampleMfg",
    model: Annotated[str, typer.Option(metavar="NAME", help="What they call it.")] = "Sample123",
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="How such devices are spoken to.")
    ] = "modbus.tcp",
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Define a sort of devices by hand, to see what one looks like."""
    from motif.cli.opened import opened
    from motif.defining import define
    from motif.defining import sample as made
    from motif.display.console import say

    definition = made(manufacturer, model, protocol)
    with opened(data, kafka, make=True) as node:
        define(node, [definition])
        node.settle()
    say(f"Defined {' '.join(filter(None, definition.parts))}.")


@app.command()
def restrict(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="An address, or a network as 10.0.0.0/24.")
    ],
    fragile: Annotated[
        bool | None,
        typer.Option(
            "--fragile/--sturdy",
            help="Ask its devices ten times slower, or not any more although they were busy or "
            "cut the connection.",
            show_default=False,
        ),
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TIMES",
            help="Ask its devices at these times only, such as 'mon-fri 22:00-05:00'; may be "
            "repeated.",
        ),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose time that is. Default: UTC.")
    ] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Say how devices of a network may be asked, in place of what was said of it before.

    Without any option nothing more holds.
    """
    from motif.cli.opened import opened
    from motif.discovering import user
    from motif.display.console import say
    from motif.restricting import restrict as state

    with opened(data, kafka, make=True) as node:
        who = user()
        written = state(
            *(node, network),
            fragile=fragile,
            windows=window or (),
            timezone=timezone,
            who=who,
            notes=notes,
        )
        node.settle()
    say(f"Recorded for {written}; `motif devices restrictions` shows what holds.")


@app.command()
def restrictions(as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """How devices may be asked, by what was said and by what was observed of them."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.display.console import say, stdout
    from motif.display.sorts import restricted
    from motif.restricting import restrictions as holding

    with asking(data, kafka) as node:
        found = holding(node)
    if as_json:
        print_json(found)
    elif found:
        stdout().print(restricted(found))
    else:
        say("Devices may be asked at any time, and none is fragile.")
