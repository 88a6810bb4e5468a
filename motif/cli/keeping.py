"""The state of a folder: how far everything is, rebuilding, verifying, who the site is."""

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, Label
from schemas.errors import MotifError, WrongUse

if TYPE_CHECKING:
    from motif.node import PartitionStatus, Status
    from motif.where import Where
    from projections.verify import Difference

PROJECTIONS = ("tables",)
"""What `rebuild` can be told to rebuild."""


def status(as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """Say how far everything is, and how much there is.

    On Kafka also who learns what, and whether the tables are kept up to date. Exit code 1 if
    something stalls there.
    """
    from motif.clearing import unfinished
    from motif.cli.opened import opened_at, where_of
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.state import state
    from motif.seeing import is_followed

    where, stated = where_of(data, kafka)
    if is_followed(where):
        _standing(where, as_json=as_json)
        return
    with opened_at(where, stated, settle=False) as node:
        node.notices.extend(unfinished(where.folder))
        found = node.status()
        if as_json:
            print_json({**_fields(found), "partitions": [_fields(one) for one in found.partitions]})
        else:
            stdout().print(state(found))


def _standing(where: "Where", *, as_json: bool) -> None:
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.standing import shown
    from motif.seeing import seen
    from motif.standing import standing_of

    with seen(where) as sight:
        found = standing_of(sight)
    if as_json:
        print_json(found)
    else:
        stdout().print(shown(found))
    if found.stalled:
        raise MotifError("; ".join(found.stalled))


def rebuild(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="What to rebuild: tables, which is all there is."),
    ] = None,
    from_log: Annotated[
        bool,
        typer.Option(
            "--from-log", metavar=FLAG, help="Learn everything again too, not the tables alone."
        ),
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Throw the tables away and make them again from the log.

    With --from-log what was learned is thrown away as well, and learned again by today's rules:
    what they do not make any more is withdrawn, here and at other sites.
    """
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import progress, stdout
    from motif.display.words import plural
    from schemas.clock import monotonic_s

    if name is not None and name not in PROJECTIONS:
        message = f"there is no projection {name!r}; it must be {' or '.join(PROJECTIONS)}"
        raise WrongUse(message)
    with opened(data, kafka) as node:
        began_s = monotonic_s()
        with progress() as tell:
            if tell is not None:
                tell("rebuilding", 0, 0)
            if from_log:
                node.relearn()
            node.rebuild()
        seconds = monotonic_s() - began_s
        found = node.status()
    rows, patterns = sum(found.rows.values()), sum(found.patterns.values())
    if as_json:
        print_json({"rows": found.rows, "patterns": found.patterns, "seconds": seconds})
        return
    made = f"{plural(rows, 'row')} and {plural(patterns, 'pattern')}"
    stdout().print(f"Made the tables again from the log: {made}, in {seconds:.1f} s.")


def verify(as_json: AsJson = False, data: Data = None, kafka: Kafka = None) -> None:
    """Check that the tables are what the log says, row for row.

    They are made a second time beside the live ones and compared. Exit code 1 if they differ.
    """
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import progress, stdout
    from motif.display.words import plural

    with opened(data, kafka) as node:
        with progress() as tell:
            if tell is not None:
                tell("comparing", 0, 0)
            differences = node.verify()
        found = node.status()
    if as_json:
        print_json({"agree": not differences, "differences": differences})
    if differences:
        raise MotifError(_differing(differences))
    if not as_json:
        rows, patterns = sum(found.rows.values()), sum(found.patterns.values())
        checked = f"{plural(rows, 'row')} and {plural(patterns, 'pattern')}"
        stdout().print(f"The tables are what the log says: {checked} agree.")


def site(
    label: Label = None,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Say who this site is: its ids, its label, what it may show."""
    from motif.cli.opened import opened
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.state import who

    with opened(data, kafka, make=label is not None, label=label, settle=False) as node:
        identity, folder = node.identity, node.folder
    if label is not None and identity.label != label:
        called = (
            f"is called {identity.label!r}" if identity.label else "was founded without a label"
        )
        message = f"the site in {folder} {called}; a label is recorded when a folder is first used"
        raise MotifError(message)
    if as_json:
        print_json({"folder": folder, "identity": identity, "epoch": identity.epoch})
    else:
        stdout().print(who(identity, folder))


def _fields(status: "Status | PartitionStatus") -> dict[str, Any]:
    return {field.name: getattr(status, field.name) for field in fields(status)}


def _differing(differences: "list[Difference]") -> str:
    what = "; ".join(str(difference) for difference in differences)
    return f"the tables are not what the log says: {what}; 'motif rebuild' makes them again"
