"""From the texts of a workflow to its operations."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Final

from streams.operations.other import ERROR_WORDS, operations_of_error, operations_of_template
from streams.operations.request import may_have_operations, operations_of
from streams.operations.rules import OperationRules
from streams.operations.signature import Recognised
from streams.operations.words import MARKS, marks_and_words, plain_words


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
    found: list[Recognised] = []
    named = plain_words(template.lower()) if template else []
    if text:
        found += _of_request(rules, text.lower(), named)
    if error:
        found += _of_error(rules, marks_and_words(error.lower()))
    if named:
        found += _of_template(rules, named)
    if len(found) < 2:  # noqa: PLR2004  the common case
        return tuple(found)
    return tuple({one.signature: one for one in reversed(found)}[name] for name in _names(found))


REMEMBERED: Final = 16_384
"""Texts whose operations are remembered."""

LONG: Final = 400
"""Characters of the texts of a workflow beyond which they are not remembered."""

Recogniser = Callable[[str | None, str | None, str | None], tuple[Recognised, ...]]
"""Gives the operations of a request, an error and a template."""


def recogniser(rules: OperationRules) -> Recogniser:
    """`recognise` by these rules, which remembers short texts: the same is asked again and again.

    >>> from streams.operations.rules import BUILT_IN
    >>> recogniser(BUILT_IN)("Run tests", None, None)[0].signature
    'test:generic:all'
    """
    remembering = lru_cache(REMEMBERED)(partial(recognise, rules))

    def recognised(
        text: str | None, error: str | None, template: str | None
    ) -> tuple[Recognised, ...]:
        if len(text or "") + len(error or "") > LONG:
            return recognise(rules, text, error, template)
        return remembering(text, error, template)

    return recognised


def _names(found: list[Recognised]) -> dict[str, None]:
    return dict.fromkeys(one.signature for one in found)


def _of_request(rules: OperationRules, lower: str, template: Sequence[str]) -> list[Recognised]:
    found = _own(rules, "request", marks_and_words(lower)) if rules.of("request") else []
    if rules.builtin and may_have_operations(lower):
        found += operations_of(marks_and_words(lower), template)
    return found


def _of_error(rules: OperationRules, tokens: list[str]) -> list[Recognised]:
    found = _own(rules, "error", tokens) if rules.own else []
    if rules.builtin and not ERROR_WORDS.isdisjoint(tokens):
        found += operations_of_error([token for token in tokens if token not in MARKS])
    return found


def _of_template(rules: OperationRules, named: list[str]) -> list[Recognised]:
    """Of a template only the first rule counts that holds, and users' rules come first."""
    own = _own(rules, "template", named) if rules.own else []
    if own:
        return own[:1]
    return operations_of_template(named) if rules.builtin else []


def _own(rules: OperationRules, place: str, tokens: list[str]) -> list[Recognised]:
    mine = rules.of(place)
    if not mine:
        return []
    text = [token for token in tokens if token not in MARKS]
    known = set(text)
    return [Recognised(rule.signature, rule.id) for rule in mine if rule.holds(text, known)]
