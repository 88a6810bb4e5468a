"""Forgetting a session or a user, for good."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka
from schemas.errors import WrongUse

if TYPE_CHECKING:
    from motif.clearing import Receipt
    from motif.erasing import Found
    from motif.forgetting import Forgetting
    from motif.places import Place
    from motif.where import Where


def forget(
    session: Annotated[
        str | None, typer.Option(metavar="ID", help="Forget everything of this session.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="ID", help="Forget everything of this user.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX",
            help="On Kafka: before the names of the new log, which takes the old one's place.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", metavar=FLAG, help="Say what would be erased, and erase nothing."
        ),
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Erase a session or a user from log, letters and tables, and from what was learned.

    The log is copied without them; the copy takes its place, and everything is learned again. Of
    each event a hash of its name stays, so that importing it again adds nothing. On Kafka the
    topics of the old log are deleted when the copy is whole; end all workers before.

    Exit code 1 where nothing in the log is about them, and nothing is changed; who was forgotten
    before is given the receipt of then.
    """
    from motif.cli.opened import where_of
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.forgetting import Forgetting

    if (session is None) == (user is None) or session == "" or user == "":
        raise WrongUse("name just one to forget: --session ID or --user ID")
    where, _ = where_of(data, kafka)
    forgetting = Forgetting(session, user)
    if dry_run:
        _say_what_would_go(where, forgetting, as_json=as_json)
        return
    receipt = _forgotten(where, forgetting, into)
    if as_json:
        print_json(receipt)
        return
    stdout().print(
        f"Forgot {receipt.forgot} {receipt.id}: {_what(receipt)}, at {receipt.at}.\n"
        f"Log {receipt.new_log_id} at {receipt.place} has taken the place of "
        f"{receipt.old_log_id}; it is learned when it is next used."
    )


def _say_what_would_go(where: "Where", forgetting: "Forgetting", *, as_json: bool) -> None:
    from motif.cli.output import print_json
    from motif.display.console import progress, stdout
    from motif.erasing import look
    from motif.places import source_at

    with source_at(_place_of(where)) as log, progress() as tell:
        found = look(log, forgetting, tell)
    if found.is_of_nobody:
        raise found.refusal
    if as_json:
        print_json({**asdict(found), "dry_run": True})
        return
    who = f"{found.forgot} {found.id}"
    stdout().print(f"Forgetting {who} would erase {_what(found)}; nothing was erased.")


def _place_of(where: "Where") -> "Place":
    from motif.places import Place

    if where.kafka is None:
        return Place(folder=where.folder)
    return Place(bootstrap=where.kafka.bootstrap, prefix=where.kafka.prefix)


def _what(receipt: "Receipt | Found") -> str:
    from motif.display.words import plural

    events = plural(receipt.events, "event")
    if receipt.records != receipt.events:
        events += f" in {plural(receipt.records, 'record')}"
    return f"{events} and {plural(receipt.letters, 'refused record')}"


def _forgotten(where: "Where", forgetting: "Forgetting", into: str | None) -> "Receipt":
    from motif.clearing import unfinished
    from motif.display.console import progress, warn
    from motif.erasing import forget as forget_in_folder
    from motif.erasing import forget_on_kafka
    from motif.values import prefix_of

    with progress() as tell:
        if where.kafka is None:
            if into is not None:
                raise WrongUse("--into is for a log on Kafka, and this one is in a folder")
            begun = unfinished(where.folder)
            receipt = forget_in_folder(where.folder, forgetting, tell)
            if begun and not unfinished(where.folder):
                warn(
                    "the unfinished copy of an earlier 'motif forget' was thrown away: if that was "
                    "for somebody else, type theirs again."
                )
            return receipt
        if into is None:
            raise WrongUse("on Kafka name the prefix of the new log: --into PREFIX")
        try:
            prefix = prefix_of(into)
        except ValueError as error:
            from motif.values import NAME_PREFIX

            raise WrongUse(f"--into is {into!r}; it must be {NAME_PREFIX}") from error
        return forget_on_kafka(_place_of(where), prefix, forgetting, tell)
