"""How well rules recognise: precision and recall against requests that a person labelled."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.operations.recognise import recognise
from streams.operations.rules import OperationRules
from streams.operations.signature import CATEGORIES, category_of, normalised

_KEYS: Final = ("text", "error", "template", "operations")


@dataclass(frozen=True, slots=True)
class Labelled:
    """The texts of a workflow, and the operations that a person sees in them."""

    text: str | None
    error: str | None
    template: str | None
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was found rightly, found wrongly, and missed."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def precision(self) -> float | None:
        """The share of what was found that is right; None where nothing was found.

        >>> Counts(tp=3, fp=1).precision
        0.75
        """
        found = self.tp + self.fp
        return self.tp / found if found else None

    @property
    def recall(self) -> float | None:
        """The share of what is there that was found; None where nothing is there."""
        there = self.tp + self.fn
        return self.tp / there if there else None


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request of which something else was recognised than labelled."""

    number: int
    """Its place among the labels, from 1."""
    label: Labelled
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: a category counts once for each request."""

    version: str
    requests: int
    exact: int
    """Requests whose signatures are exactly those of the label."""
    categories: Mapping[str, Counts]
    overall: Counts
    wrong: tuple[Wrong, ...]

    @property
    def accuracy(self) -> float | None:
        """The share of requests recognised exactly; None where there is none."""
        return self.exact / self.requests if self.requests else None


def evaluate(labels: Iterable[Labelled], rules: OperationRules) -> Evaluation:
    """Recognise every request and compare with its label.

    >>> from streams.operations.rules import BUILT_IN
    >>> known = evaluate([Labelled("run pytest", None, None, ("test:pytest:backend",))], BUILT_IN)
    >>> known.overall.precision, known.overall.recall, known.accuracy, known.wrong[0].found
    (1.0, 1.0, 0.0, ('test:pytest:all',))
    """
    tp, fp, fn = Counter[str](), Counter[str](), Counter[str]()
    wrong = []
    requests = 0
    for requests, label in enumerate(labels, 1):
        hits = recognise(rules, label.text, label.error, label.template)
        found = tuple(one.signature for one in hits)
        right, seen = set(map(category_of, label.operations)), set(map(category_of, found))
        tp.update(right & seen)
        fp.update(seen - right)
        fn.update(right - seen)
        if set(found) != set(label.operations):
            wrong.append(Wrong(requests, label, found))
    return Evaluation(
        version=rules.version,
        requests=requests,
        exact=requests - len(wrong),
        categories={
            name: Counts(tp[name], fp[name], fn[name])
            for name in CATEGORIES
            if tp[name] or fp[name] or fn[name]
        },
        overall=Counts(tp.total(), fp.total(), fn.total()),
        wrong=tuple(wrong),
    )


def labelled_of(document: Any) -> Labelled:
    """Read a label, as one line of a file of labels has it; ValueError says what is wrong.

    >>> labelled_of({"text": "npm ci", "operations": ["deps:npm:update"]}).operations
    ('deps:npm:update',)
    """
    if not isinstance(document, dict):
        raise ValueError(f"a label must be an object with {', '.join(_KEYS)}")
    for name in document:
        if name not in _KEYS:
            raise ValueError(f"{name!r} means nothing in a label; it has {', '.join(_KEYS)}")
    texts = [document.get(name) for name in _KEYS[:3]]
    for name, text in zip(_KEYS, texts, strict=False):
        if text is not None and not isinstance(text, str):
            raise ValueError(f"{name} must be text or null, not {text!r:.60}")
    operations = document.get("operations")
    if not isinstance(operations, list) or not all(isinstance(one, str) for one in operations):
        raise ValueError(f"operations must be a list of signatures, not {operations!r:.60}")
    text, error, template = texts
    return Labelled(text, error, template, tuple(map(normalised, operations)))
