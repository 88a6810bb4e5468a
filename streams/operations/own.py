"""Users' own rules, read from TOML text; `streams.operations.rules` shows the format."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from schemas.errors import WrongUse
from streams.operations.rules import (
    BUILT_IN,
    PLACES,
    TOOL_SHARE,
    VERSION,
    OperationRules,
    OwnRule,
    Phrase,
)
from streams.operations.signature import CATEGORIES, normalised
from streams.operations.words import MARKS, marks_and_words, plain_words

RULES_BYTES_MAX: Final = 65_536
RULES_MAX: Final = 500
PHRASES_MAX: Final = 100
"""Words and phrases in one list of a rule."""
NAME_MAX: Final = 80
"""Characters of a version or of a rule's id."""

_TOP: Final = ("version", "builtin", "tool_share", "rule")
_OF_A_RULE: Final = ("id", "signature", "in", "words", "any", "not")
_SHOWN_MAX: Final = 60


def rules_of(toml_text: str | None) -> OperationRules:
    r"""The rules of a file's text, before those of the house; WrongUse says what is wrong with it.

    >>> text = 'version = "3"\n[[rule]]\nid = "plan"\nsignature = "deploy:plan:all"\n'
    >>> rules_of(text + 'words = ["terraform plan"]').version
    '1+3'
    >>> rules_of(None) is BUILT_IN
    True
    """
    if toml_text is None:
        return BUILT_IN
    document = _document(toml_text)
    _only(document, _TOP, "the rules")
    version = _name(document.get("version"), "version of the rules")
    builtin = document.get("builtin", True)
    if not isinstance(builtin, bool):
        raise WrongUse(f"builtin = {_shown(builtin)} must be true or false")
    default, shares = _shares(document.get("tool_share", {}))
    return OperationRules(
        version=f"{VERSION}+{version}",
        builtin=builtin,
        own=_rules(document.get("rule", [])),
        default_share=default,
        shares=shares,
    )


def _document(text: str) -> dict[str, Any]:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > RULES_BYTES_MAX:
        raise WrongUse(f"the rules have {size:,} bytes; {RULES_BYTES_MAX:,} at most")
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WrongUse(f"the rules are no TOML: {error}") from error


def _shares(table: object) -> tuple[Decimal, tuple[tuple[str, Decimal], ...]]:
    if not isinstance(table, dict):
        raise WrongUse(f"tool_share = {_shown(table)} must be a table of numbers from 0 to 1")
    _only(table, ("default", *CATEGORIES), "tool_share")
    shares = {name: _share(name, value) for name, value in table.items()}
    default = shares.pop("default", TOOL_SHARE)
    return default, tuple(sorted(shares.items()))


def _share(name: str, value: object) -> Decimal:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    share = Decimal(str(value)) if number else Decimal(-1)
    if not share.is_finite() or not 0 <= share <= 1:
        raise WrongUse(f"tool_share {name} = {_shown(value)} must be a number from 0 to 1")
    return share


def _rules(listed: object) -> tuple[OwnRule, ...]:
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise WrongUse(f"rule = {_shown(listed)} must be tables, each written as [[rule]]")
    if len(listed) > RULES_MAX:
        raise WrongUse(f"there are {len(listed):,} rules; {RULES_MAX} at most")
    rules: dict[str, OwnRule] = {}
    for number, one in enumerate(listed, 1):
        rule = _rule(one, number)
        if rule.id in rules:
            raise WrongUse(f"two rules have the id {rule.id!r}; each must have one of its own")
        rules[rule.id] = rule
    return tuple(rules.values())


def _rule(table: Mapping[str, Any], number: int) -> OwnRule:
    name = _name(table.get("id"), f"id of rule number {number}")
    what = f"rule {name!r}"
    _only(table, _OF_A_RULE, what)
    place = table.get("in", PLACES[0])
    if place not in PLACES:
        raise WrongUse(f"{what}: in = {_shown(place)} must be one of {', '.join(PLACES)}")
    rule = OwnRule(
        id=name,
        signature=_signature(table.get("signature"), what),
        place=place,
        words=_phrases(table, "words", what, place),
        any=_phrases(table, "any", what, place),
        none_of=_phrases(table, "not", what, place),
    )
    if not rule.words and not rule.any:
        raise WrongUse(f"{what} holds for every text; it must have words or any")
    return rule


def _signature(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise WrongUse(
            f"{what}: signature = {_shown(value)} must be text, such as deploy:terraform:all"
        )
    try:
        return normalised(value)
    except ValueError as error:
        raise WrongUse(f"{what}: {error}") from error


def _phrases(table: Mapping[str, Any], key: str, what: str, place: str) -> tuple[Phrase, ...]:
    listed = table.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise WrongUse(f"{what}: {key} = {_shown(listed)} must be a list of words or phrases")
    if len(listed) > PHRASES_MAX:
        raise WrongUse(f"{what}: {key} has {len(listed):,} entries; {PHRASES_MAX} at most")
    return tuple(_phrase(one, place, f"{what}: {key}") for one in listed)


def _phrase(text: str, place: str, what: str) -> Phrase:
    """Its words, split as those of the text are that it is compared with."""
    split = plain_words if place == "template" else marks_and_words
    phrase = tuple(word for word in split(text.lower()) if word not in MARKS)
    if not phrase:
        raise WrongUse(f"{what} has {_shown(text)}; it must hold a letter or a digit")
    return phrase


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_MAX or not value.isprintable():
        raise WrongUse(
            f"the {what} is {_shown(value)}; it must be 1 to {NAME_MAX} printable characters"
        )
    return value


def _only(table: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    unknown = [name for name in table if name not in known]
    if unknown:
        raise WrongUse(
            f"{what}: {_shown(unknown[0])} means nothing here; it must be one of {', '.join(known)}"
        )


def _shown(value: object) -> str:
    """A value as a sentence can hold it."""
    if value is None:
        return "missing"
    shown = repr(str(value) if isinstance(value, Decimal) else value)
    return shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}..."
