"""How well operations were recognised, on a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table

from motif.display import words
from motif.display.table import number, table, text
from streams.operations.evaluate import Counts, Evaluation, Wrong


def report(evaluation: Evaluation) -> RenderableType:
    """Precision and recall by category and over all, then what was recognised wrongly."""
    summed_up = (
        f"{words.count(evaluation.exact)} of {words.plural(evaluation.requests, 'request')} "
        f"recognised exactly, by rules {words.safe(evaluation.version)}."
    )
    parts: list[RenderableType] = [_counts(evaluation), "", summed_up]
    if evaluation.wrong:
        parts += ["", _wrong(evaluation.wrong)]
    return Group(*parts)


def _counts(evaluation: Evaluation) -> Table:
    columns = [text("category"), number("precision"), number("recall")]
    columns += [number("right"), number("wrong"), number("missed")]
    rows = [_row(name, counts) for name, counts in evaluation.categories.items()]
    return table(columns, [*rows, _row("all", evaluation.overall)])


def _row(name: str, counts: Counts) -> list[str]:
    return [
        name,
        words.percent(counts.precision),
        words.percent(counts.recall),
        *map(words.count, (counts.tp, counts.fp, counts.fn)),
    ]


def _wrong(wrong: tuple[Wrong, ...]) -> Table:
    columns = [number("label"), text("request"), text("labelled"), text("found")]
    rows = [
        [str(one.number), _texts(one), _listed(one.label.operations), _listed(one.found)]
        for one in wrong
    ]
    return table(columns, rows)


def _texts(wrong: Wrong) -> str:
    label = wrong.label
    known = (label.text, label.error, label.template)
    return " / ".join(one for one in known if one) or words.UNKNOWN


def _listed(signatures: tuple[str, ...]) -> str:
    return ", ".join(signatures) or words.UNKNOWN
