"""The state of a node: who it is, how far it is, how much it holds."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from motif.display import words
from motif.display.table import Column, facts, number, table, text
from motif.node import PartitionStatus, Status
from streams.identity import Identity


def who(identity: Identity, folder: Path) -> Table:
    """Who a site is."""
    servers = ", ".join(sorted(identity.allowed_servers))
    return facts(
        [
            ("folder", str(folder)),
            ("site", identity.site_id),
            ("label", identity.label or words.UNKNOWN),
            ("log", identity.log_id),
            ("epoch", "{}.{}".format(*identity.epoch)),
            ("MCP servers shown by name", servers or "none"),
        ]
    )


def state(status: Status) -> RenderableType:
    """How far a node is, and how much it holds."""
    parts: list[RenderableType] = [_sizes(status), "", _partitions(status.partitions)]
    rows = [
        (name.replace("_", " "), words.count(held)) for name, held in status.rows.items() if held
    ]
    if rows:
        parts += ["", table([text("events"), number("rows")], rows)]
    if status.patterns:
        kinds = [(kind, words.count(held)) for kind, held in status.patterns.items()]
        parts += ["", table([text("patterns by kind"), number("learned")], kinds)]
    if status.open_letters:
        letters = words.plural(status.open_letters, "dead letter")
        sentence = f"{letters} undecided: 'motif dead-letters list' shows what was refused and why."
        parts += ["", Text(sentence, style="yellow")]
    return Group(*parts)


def _sizes(status: Status) -> Table:
    label = f" ({status.identity.label})" if status.identity.label else ""
    pruned = sum(one.pruned for one in status.partitions)
    return facts(
        [
            ("folder", str(status.folder)),
            ("site", f"{status.identity.site_id}{label}"),
            ("log", f"{status.identity.log_id}, {words.size(status.log_bytes)}"),
            *([("archive", words.size(status.archive_bytes))] if status.archive_bytes else []),
            ("tables", words.size(status.projection_bytes)),
            *([("pruned", words.plural(pruned, "record"))] if pruned else []),
        ]
    )


def _partitions(partitions: list[PartitionStatus]) -> Table:
    columns = [
        Column("partition"),
        *map(
            number,
            ("learned", "lag", "waiting", "late", "repeats", "conflicting", "refused"),
        ),
    ]
    rows = [
        (
            f"{one.topic}/{one.partition}",
            *map(
                words.count,
                (
                    one.learned,
                    one.lag,
                    one.waiting,
                    one.late,
                    one.repeats,
                    one.conflicting,
                    one.refused,
                ),
            ),
        )
        for one in partitions
    ]
    return table(columns, rows)
