"""Options that many commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer


def _or_of_all(ctx: typer.Context, value: Path | None) -> Path | None:
    """The folder stated behind the command, else the one stated before it."""
    stated: Any = ctx.find_root().params.get("data")
    chosen = value if value is not None else stated
    if chosen is not None and not isinstance(chosen, Path):
        chosen = Path(chosen)
    if chosen is not None and chosen.exists() and not chosen.is_dir():
        message = f"{str(chosen)!r} is a file; it must be a folder, or a path where one can be made"
        raise typer.BadParameter(message)
    return chosen


def _label(value: str | None) -> str | None:
    from motif.settings import LABEL_MAX, label_of

    if value is None:
        return None
    try:
        return label_of(value)
    except ValueError as error:
        message = f"{value!r} must be 1 to {LABEL_MAX} printable characters"
        raise typer.BadParameter(message) from error


FLAG = ""
"""What a switch takes: nothing, which typer would otherwise show as a type."""

DATA_HELP = "Folder of the log and its tables. Default: MOTIF_DATA, else your user data folder."

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help=DATA_HELP, callback=_or_of_all, show_default=False),
]
AsJson = Annotated[
    bool, typer.Option("--json", metavar=FLAG, help="Print JSON instead of a table.")
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="NAME",
        help="Name the site, where its folder is new. Default: MOTIF_LABEL.",
        callback=_label,
        show_default=False,
    ),
]
