"""Measuring how well operations are recognised, against labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from motif.cli.options import AsJson

if TYPE_CHECKING:
    from streams.operations.evaluate import Counts, Evaluation

_LABEL: Final = '{"text": "Run pytest", "operations": ["test:pytest:all"]}'


def evaluate(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS",
            help="A file of labelled requests, one JSON object a line.",
            exists=True,
            dir_okay=False,
        ),
    ],
    rules: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Rules of your own, as TOML. Default: the built-in ones.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the operations recognised in requests with those that a person labelled.

    A label is `{"text": "Run pytest", "operations": ["test:pytest:all"]}`; `error` and `template`
    may stand beside the text. Nothing is recorded. Precision is the share of what was recognised
    that is right, recall the share of what is there that was recognised. A file without labels is
    refused.
    """
    from motif.cli.output import print_json
    from motif.display.console import stdout
    from motif.display.evaluations import report
    from motif.labels import labels_in, rules_in
    from schemas.errors import WrongUse
    from streams.operations import evaluate as compare

    evaluation = compare(labels_in(labels), rules_in(rules))
    if not evaluation.requests:
        raise WrongUse(f"{labels} holds no labels; a line such as {_LABEL} is one")
    if as_json:
        print_json(_document(evaluation))
    else:
        stdout().print(report(evaluation))


def _document(evaluation: "Evaluation") -> dict[str, Any]:
    return {
        "rules_version": evaluation.version,
        "requests": evaluation.requests,
        "exact": evaluation.exact,
        "accuracy": evaluation.accuracy,
        "overall": _counts(evaluation.overall),
        "categories": {name: _counts(one) for name, one in evaluation.categories.items()},
        "wrong": [
            {
                "label": one.number,
                "text": one.label.text,
                "error": one.label.error,
                "template": one.label.template,
                "operations": one.label.operations,
                "found": one.found,
            }
            for one in evaluation.wrong
        ],
    }


def _counts(counts: "Counts") -> dict[str, Any]:
    return {
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "precision": counts.precision,
        "recall": counts.recall,
    }
