"""Options that many commands share, and how their values are read."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import typer

FLAG: Final = ""
"""What a switch takes: nothing, which typer would otherwise show as a type."""

DATA_HELP: Final = "Folder of the log and its tables. Default: MOTIF_DATA, else your user folder."
KAFKA_HELP: Final = "Use the log on this Kafka; DIR is for its tables. Default: MOTIF_KAFKA."


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number within bounds.

    >>> whole(1, 10)("7")
    7
    """

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,18}", str(text)) else None
        if number is None or not least <= number <= most:
            message = f"{text!r} must be a whole number from {least} to {most}"
            raise typer.BadParameter(message)
        return number

    return read


def day(text: str) -> date:
    """Reads a day.

    >>> day("2026-01-31")
    datetime.date(2026, 1, 31)
    """
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        message = f"{text!r} must be a day, such as 2026-01-31"
        raise typer.BadParameter(message) from error


def share(text: str) -> float:
    """Reads a number from 0 to 1.

    >>> share("0.5")
    0.5
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:  # which NaN is not either
        message = f"{text!r} must be a number from 0 to 1"
        raise typer.BadParameter(message)
    return number


def readable(text: str | None) -> str | None:
    """A text that can be asked for: any that is valid Unicode."""
    if text is not None:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            message = f"{text!r} must be text in UTF-8"
            raise typer.BadParameter(message) from error
    return text


def _folder(text: str | Path) -> Path:
    folder = Path(text)
    try:
        usable = str(text) != "" and (folder.is_dir() or not folder.exists())
    except OSError as error:
        message = f"{str(text)!r} cannot be used ({error.strerror}); name another folder"
        raise typer.BadParameter(message) from error
    if not usable:
        message = f"{str(text)!r} must be a folder, or a path where one can be made"
        raise typer.BadParameter(message)
    return folder


def _bootstrap(text: str) -> str:
    from motif.values import BOOTSTRAP, bootstrap_of

    try:
        return bootstrap_of(text)
    except ValueError as error:
        message = f"{text!r} must be {BOOTSTRAP}"
        raise typer.BadParameter(message) from error


def _or_of_all(name: str) -> Callable[[typer.Context, Any], Any]:
    """What is stated behind the command, else what is stated before it."""

    def chosen(ctx: typer.Context, value: Any) -> Any:
        stated: Any = ctx.find_root().params.get(name)
        return value if value is not None else stated

    return chosen


def _label(value: str | None) -> str | None:
    from motif.values import LABEL_MAX, label_of

    if value is None:
        return None
    try:
        return label_of(value)
    except ValueError as error:
        message = f"{value!r} must be 1 to {LABEL_MAX} printable characters"
        raise typer.BadParameter(message) from error


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help=DATA_HELP,
        parser=_folder,
        callback=_or_of_all("data"),
        show_default=False,
    ),
]
DemoData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder to keep it in. Default: a temporary one, gone afterwards.",
        parser=_folder,
        callback=_or_of_all("data"),
        show_default=False,
    ),
]
Kafka = Annotated[
    str | None,
    typer.Option(
        "--kafka",
        metavar="HOST:PORT,...",
        help=KAFKA_HELP,
        parser=_bootstrap,
        callback=_or_of_all("kafka"),
        show_default=False,
    ),
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
ImportLabel = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="NAME",
        help="Name the database or folder, for a format that needs one; for others the site, "
        "where its folder is new.",
        callback=_label,
        show_default=False,
    ),
]
Timezone = Annotated[
    str,
    typer.Option(
        "--timezone", metavar="NAME", help="The time zone of times that are stated without one."
    ),
]
Mirror = Annotated[
    bool,
    typer.Option(
        "--mirror",
        metavar=FLAG,
        help="What was imported under the label and is gone from the source is deleted.",
    ),
]
Watch = Annotated[
    float | None,
    typer.Option(
        "--watch",
        metavar="SECONDS",
        min=0.1,
        max=86_400,
        help="Look every so many seconds whether the files have changed, and read them again, "
        "until Ctrl-C. A file that is locked or gone for now is said once.",
        show_default=False,
    ),
]
