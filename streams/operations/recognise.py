"""From the texts of a workflow to its operations."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from streams.operations.other import ERROR_WORDS, operations_of_error, operations_of_template
from streams.operations.request import may_have_operations, operations_of
from streams.operations.rules import OperationRules
from streams.operations.signature import Recognised
from streams.operations.words import LONG, MARKS, REMEMBERED, marks_and_words, plain_words


def recognise(
    rules: OperationRules, text: str | None, error: str | None, template: str | None
) -> tuple[Recognised, ...]:
    """The operations of a request, then those of its error, then that of its template.

    A signature is given once, by the first rule that found it. Words are whole words, whatever
    their case and the punctuation around them; no text is too odd or too long.

    >>> from streams.operations.rules import BUILT_IN
    >>> found = recognise(BUILT_IN, "Run the backend tests, then build", None, "adw_ship_iso")
    >>> [one.signature for one in found]
    ['test:generic:backend', 'build:build:all', 'deploy:ship:all']
    """
    return _first_of(
        [
            *(_of_request(rules, text, template) if text else ()),
            *(_of_error(rules, error) if error else ()),
            *(_of_template(rules, template) if template else ()),
        ]
    )


Recogniser = Callable[[str | None, str | None, str | None], tuple[Recognised, ...]]
"""Gives the operations of a request, an error and a template."""


@lru_cache(maxsize=2)  # One for whoever has the rules: all partitions are asked the same.
def recogniser(rules: OperationRules) -> Recogniser:
    """`recognise` by these rules, which remembers short texts: the same is asked again and again.

    Each text is remembered by itself, as one request meets many errors.

    >>> from streams.operations.rules import BUILT_IN
    >>> recogniser(BUILT_IN)("Run tests", None, None)[0].signature
    'test:generic:all'
    """
    remembering = lru_cache(REMEMBERED)
    of_request = remembering(partial(_of_request, rules))
    of_error = remembering(partial(_of_error, rules))
    of_template = remembering(partial(_of_template, rules))

    def recognised(
        text: str | None, error: str | None, template: str | None
    ) -> tuple[Recognised, ...]:
        if len(text or "") > LONG or len(error or "") > LONG or len(template or "") > LONG:
            return recognise(rules, text, error, template)
        found = of_request(text, template) if text else ()
        if error:
            found += of_error(error)
        if template:
            found += of_template(template)
        return found if len(found) < 2 else _first_of(found)  # noqa: PLR2004  the common case

    return recognised


def _first_of(found: Sequence[Recognised]) -> tuple[Recognised, ...]:
    """Each signature once, by the first rule that found it."""
    by_signature: dict[str, Recognised] = {}
    for one in found:
        by_signature.setdefault(one.signature, one)
    return tuple(by_signature.values())


def _of_request(rules: OperationRules, text: str, template: str | None) -> tuple[Recognised, ...]:
    lower = text.lower()
    found = _own(rules, "request", marks_and_words(lower)) if rules.of("request") else []
    if rules.builtin and may_have_operations(lower):
        found += operations_of(marks_and_words(lower), _named(template))
    return tuple(found)


def _of_error(rules: OperationRules, error: str) -> tuple[Recognised, ...]:
    tokens = marks_and_words(error.lower())
    found = _own(rules, "error", tokens) if rules.own else []
    if rules.builtin and not ERROR_WORDS.isdisjoint(tokens):
        found += operations_of_error([token for token in tokens if token not in MARKS])
    return tuple(found)


def _of_template(rules: OperationRules, template: str) -> tuple[Recognised, ...]:
    """Of a template only the first rule counts that holds, and users' rules come first."""
    named = _named(template)
    if not named:
        return ()
    found = _own(rules, "template", named)[:1] if rules.own else []
    if not found and rules.builtin:
        found = operations_of_template(named)
    return tuple(found)


def _named(template: str | None) -> list[str]:
    return plain_words(template.lower()) if template else []


def _own(rules: OperationRules, place: str, tokens: list[str]) -> list[Recognised]:
    mine = rules.of(place)
    if not mine:
        return []
    text = [token for token in tokens if token not in MARKS]
    known = set(text)
    return [Recognised(rule.signature, rule.id) for rule in mine if rule.holds(text, known)]
