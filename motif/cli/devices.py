"""Sorts of devices that were learned, and what a client needs to speak to them."""

from pathlib import Path
from typing import Annotated

import typer

from motif.cli.options import AsJson, Data, Kafka

app = typer.Typer(help="Ask about sorts of devices that were learned.", no_args_is_help=True)

Sort = Annotated[
    str, typer.Argument(metavar="SORT", help="Its signature, its id, or how its id begins.")
]


@app.command("list")
def list_(as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """All sorts of devices, the surest first."""
    from motif.cli.opened import asking
    from motif.cli.output import print_json
    from motif.device_patterns import device_patterns
    from motif.display.console import say, stdout
    from motif.display.sorts import listed

    with asking(data, kafka) as node:
        found = device_patterns(node)
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
