"""What Motif is and understands: its version, and the schemas of its events."""

from typing import Annotated

import typer

from motif.cli.options import FLAG, AsJson


def schema(
    event: Annotated[
        str | None,
        typer.Argument(metavar="TYPE", help="One event type, such as motif.tool.called.v1."),
    ] = None,
    asyncapi: Annotated[
        bool,
        typer.Option(
            "--asyncapi", metavar=FLAG, help="The AsyncAPI 3 document: topics and messages."
        ),
    ] = False,
) -> None:
    """Print the JSON Schemas of every event, generated from the code."""
    from motif.cli.output import print_json
    from schemas.catalog import asyncapi as asyncapi_document
    from schemas.catalog import json_schemas
    from schemas.errors import WrongUse

    if event is not None and asyncapi:
        raise WrongUse("--asyncapi describes all events; leave TYPE out, or the option")
    if asyncapi:
        print_json(asyncapi_document())
        return
    schemas = json_schemas()
    if event is not None and event not in schemas:
        raise WrongUse(f"there is no event type {event!r}; it must be one of {', '.join(schemas)}")
    print_json(schemas if event is None else schemas[event])


def version(as_json: AsJson = False) -> None:
    """Say the version of Motif and of what it stands on."""
    import platform
    from importlib.metadata import version as installed

    from motif import __version__
    from motif.cli.output import print_json

    parts = {"motif": __version__, "python": platform.python_version()}
    parts |= {name: installed(name) for name in ("duckdb", "pyarrow", "pydantic")}
    if as_json:
        print_json(parts)
    else:
        print("\n".join(f"{name} {number}" for name, number in parts.items()))
