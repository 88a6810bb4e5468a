"""The table of contents of the command line."""

from typing import Annotated

import typer

from motif import __version__
from motif.cli import (
    about,
    asking,
    devices,
    discovering,
    evaluating,
    finding,
    forgetting,
    keeping,
    learning,
    letters,
    lifecycle,
    moving,
    projector,
    reporting,
    reviewing,
    simulating,
    topics,
    worker,
)
from motif.cli.front import FrontDoor
from motif.cli.options import FLAG, Data, Kafka

LEARN, ASK, KEEP, RUN, ABOUT = "Learn", "Ask", "Keep", "Run on Kafka", "About"

app = typer.Typer(
    name="motif",
    cls=FrontDoor,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        print(f"motif {__version__}")
        raise typer.Exit


@app.callback()
def motif(
    data: Data = None,
    kafka: Kafka = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar=FLAG, help="Say the version.", is_eager=True, callback=_version
        ),
    ] = False,
) -> None:
    """Learn recurring patterns from what devices, workflows and AI agents actually did."""
    del data, kafka, version  # what is meant is asked for by the commands


app.command(rich_help_panel=LEARN)(learning.demo)
app.command("import", rich_help_panel=LEARN)(learning.import_)
app.command(rich_help_panel=LEARN)(discovering.discover)
app.command(rich_help_panel=ASK)(asking.patterns)
app.command(rich_help_panel=ASK)(asking.show)
app.command(rich_help_panel=ASK)(finding.records)
app.command(rich_help_panel=ASK)(finding.record)
app.add_typer(devices.app, name="devices", rich_help_panel=ASK)
app.command(rich_help_panel=ASK)(asking.sql)
app.command(rich_help_panel=ASK)(reporting.report)
app.command(rich_help_panel=ASK)(reviewing.review)
app.command(rich_help_panel=KEEP)(keeping.status)
app.command(rich_help_panel=KEEP)(keeping.rebuild)
app.command(rich_help_panel=KEEP)(keeping.verify)
app.command(rich_help_panel=KEEP)(lifecycle.archive)
app.command(rich_help_panel=KEEP)(lifecycle.prune)
app.command(rich_help_panel=KEEP)(moving.copy)
app.command(rich_help_panel=KEEP)(forgetting.forget)
moving.app.command("devices")(devices.export)
app.add_typer(moving.app, name="export", rich_help_panel=KEEP)
app.add_typer(letters.app, name="dead-letters", rich_help_panel=KEEP)
app.add_typer(topics.app, name="topics", rich_help_panel=RUN)
app.command(rich_help_panel=RUN)(worker.worker)
app.command(rich_help_panel=RUN)(projector.projector)
app.command(rich_help_panel=ABOUT)(keeping.site)
app.command(rich_help_panel=ABOUT)(simulating.simulate)
app.command("simulate-devices", rich_help_panel=ABOUT)(discovering.simulate_devices)
app.command(rich_help_panel=ABOUT)(evaluating.evaluate)
app.command(rich_help_panel=ABOUT)(about.schema)
app.command(rich_help_panel=ABOUT)(about.version)


def main() -> None:
    """Run the command line of this process."""
    app()
