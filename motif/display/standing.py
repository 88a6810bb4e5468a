"""How an installation on Kafka fares, on a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from motif.display import words
from motif.display.table import Column, facts, number, table, text
from motif.standing import Learned, Standing


def shown(found: Standing) -> RenderableType:
    """Who it is, who learns what, how far the tables are, and what stalls."""
    parts: list[RenderableType] = [_about(found), "", _partitions(found.partitions)]
    set_apart = _set_apart(found.partitions)
    if set_apart is not None:
        parts += ["", set_apart]
    rows = [
        (name.replace("_", " "), words.count(held)) for name, held in found.rows.items() if held
    ]
    if rows:
        parts += ["", table([text("events"), number("rows")], rows)]
    if found.patterns:
        kinds = [(kind, words.count(held)) for kind, held in found.patterns.items()]
        parts += ["", table([text("patterns by kind"), number("learned")], kinds)]
    if found.open_letters:
        letters = words.plural(found.open_letters, "dead letter")
        sentence = f"{letters} undecided: 'motif dead-letters list' shows what was refused and why."
        parts += ["", Text(sentence, style="yellow")]
    return Group(*parts)


def _about(found: Standing) -> Table:
    label = f" ({found.identity.label})" if found.identity.label else ""
    projector = found.projector
    runs = "does not run" if projector.pid is None else f"process {projector.pid}"
    behind = f", {words.plural(projector.behind, 'offset')} behind" if projector.behind else ""
    ago = "" if projector.behind_s is None else f", caught up {_ago(projector.behind_s)}"
    rows = words.plural(found.rows_behind, "pattern") if found.rows_behind else "none"
    return facts(
        [
            ("log", found.log),
            ("site", f"{found.identity.site_id}{label}"),
            ("folder", str(found.folder)),
            ("tables", words.size(found.projection_bytes)),
            ("projector", f"{runs}{behind}{ago}"),
            ("rows behind their totals", rows),
        ]
    )


def _partitions(partitions: list[Learned]) -> Table:
    columns = [
        Column("partition"),
        *map(number, ("end", "learned", "lag", "checkpoint")),
        text("owner"),
    ]
    rows = []
    for one in partitions:
        age_s = one.checkpoint_age_s
        rows.append(
            (
                f"{one.topic}/{one.partition}",
                *map(words.count, (one.end, one.learned, one.lag)),
                words.UNKNOWN if age_s is None else _ago(age_s),
                one.owner or words.UNKNOWN,
            )
        )
    return table(columns, rows)


def _set_apart(partitions: list[Learned]) -> Table | None:
    """What of the partitions was not learned, or not yet; None where there is nothing."""
    names = ("waiting", "late", "repeats", "conflicting", "refused")
    rows = [
        (f"{one.topic}/{one.partition}", *(words.count(getattr(one, name)) for name in names))
        for one in partitions
        if any(getattr(one, name) for name in names)
    ]
    return table([Column("partition"), *map(number, names)], rows) if rows else None


def _ago(seconds: float) -> str:
    return f"{words.duration(seconds * 1e6)} ago"
