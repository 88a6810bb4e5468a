"""The operations that a request speaks of, by the rules of the house."""

from collections.abc import Mapping, Sequence
from typing import Final

from streams.operations.builtin import TRIGGERS
from streams.operations.signature import Recognised
from streams.operations.target import target_of
from streams.operations.trigger import (
    BLOCKS,
    DENIALS,
    END,
    FILE,
    NUMBER,
    RUN,
    UNDER_CONDITION,
    Trigger,
)
from streams.operations.words import (
    FILLERS,
    clauses,
    marks_and_words,
    parts,
    plain_words,
    sentences_with,
)

TRIGGER_WORDS: Final = frozenset(TRIGGERS)
"""A text without any of these has no operation."""

_COMPANIONS: Final = {
    part: frozenset(
        other
        for word, rules in TRIGGERS.items()
        if part in plain_words(word)
        for rule in rules
        for others in (rule.after, rule.before, rule.beside)
        for companion in others
        for other in plain_words(companion)
    )
    for trigger in TRIGGERS
    for part in plain_words(trigger)
}
"""By each part of a word that is looked for: words of which it needs one, where it needs any."""
_LOOKED_FOR: Final = frozenset(_COMPANIONS)
_ALONE: Final = frozenset(
    part
    for word, rules in TRIGGERS.items()
    if any(rule.always or rule.first or rule.first_before for rule in rules)
    for part in plain_words(word)
)
"""Those that need no other."""

_NEXT: Final = 4
_NEAR: Final = 6
_DOING: Final = RUN | frozenset({"ensure", "verify", "check", "sure", "confirm", "see"})
_NOTHING: Final[frozenset[str]] = frozenset()
_COLLECTIONS: Final = frozenset({"suite", "suites"})
_BLOCKED_BY: Final = {
    word: frozenset(BLOCKS)
    if word in DENIALS
    else frozenset(category for category, verbs in BLOCKS.items() if word in verbs)
    for word in DENIALS.union(*BLOCKS.values())
}
"""By word, the categories that it takes away from what follows in its clause."""
_BROAD: Final = {"test": "generic", "format": "generic", "deps": "generic"}
"""By category, what is said when no tool is named."""
_JUST_BUILD: Final = ("build", "build")

_ORDER: Final = {
    category: place
    for place, category in enumerate(
        ("test", "build", "format", "git", "deps", "docs", "deploy", "review")
    )
}


def may_have_operations(lower: str) -> bool:
    """Whether a text in lower case has a word that is looked for, beside one that it needs.

    Most requests have none, and are done with here.
    """
    words = parts(lower)
    if words is None:
        return not TRIGGER_WORDS.isdisjoint(marks_and_words(lower))
    found = _LOOKED_FOR.intersection(words)
    if not found:
        return False
    if not _ALONE.isdisjoint(found):
        return True
    known = set(words)
    return any(not _COMPANIONS[word].isdisjoint(known) for word in found)


def operations_of(tokens: list[str], template: Sequence[str]) -> list[Recognised]:
    """The operations of a request's words and marks, by category; `template` may name a target."""
    found: list[tuple[Trigger, str]] = []
    for sentence in sentences_with(TRIGGER_WORDS, tokens):
        found += _of_sentence(sentence, template)
    if not found:
        return []
    found = _without_broad(found)
    found.sort(key=lambda hit: _ORDER[hit[0].category])
    return [
        Recognised(f"{rule.category}:{rule.subcategory}:{target}", rule.rule)
        for rule, target in found
    ]


def _of_sentence(sentence: list[str], template: Sequence[str]) -> list[tuple[Trigger, str]]:
    parts = list(clauses(sentence))
    whole = frozenset(sentence)
    found: list[tuple[Trigger, str]] = []
    for clause, following in zip(parts, [*parts[1:], []], strict=True):
        if not TRIGGER_WORDS.isdisjoint(clause) and (hits := _of_clause(clause, whole)):
            # "Build and deploy the server": a lone verb shares the object of the next.
            about = clause if len(clause) > 1 else clause + following
            target = target_of(about, template)
            found += [(rule, rule.target or target) for rule in hits]
    return found


def _of_clause(clause: list[str], sentence: frozenset[str]) -> list[Trigger]:
    if clause[0] in UNDER_CONDITION:
        return []
    first = next((at for at, word in enumerate(clause) if word not in FILLERS), 0)
    known = frozenset(clause)
    blocked: set[str] = set()  # categories that a verb or a denial so far takes away
    done = False  # whether something so far is run or checked, not talked about
    hits: list[Trigger] = []
    for at, word in enumerate(clause):
        hits += [
            rule
            for rule in TRIGGERS.get(word, ())
            if rule.category not in blocked
            and _holds(rule, clause, at, done=done)
            and (not rule.needs or not rule.needs.isdisjoint(sentence))
            and (_stated(rule, clause, at, known) or (at == first and _is_verb(rule, clause, at)))
        ]
        blocked |= _BLOCKED_BY.get(word, _NOTHING)
        done = done or word in _DOING
    if any(
        rule.category == "docs" or rule.category == "build" != rule.subcategory for rule in hits
    ):
        # What is built is told more exactly: docs, a bundle.
        hits = [rule for rule in hits if (rule.category, rule.subcategory) != _JUST_BUILD]
    return hits


def _holds(rule: Trigger, clause: list[str], at: int, *, done: bool) -> bool:
    """Whether nothing near the word says that another thing is meant."""
    if at and clause[at - 1] in rule.unless_after:
        return False
    if not done and rule.unless_before:
        following = at + 1
        if following < len(clause) and clause[following] in _COLLECTIONS:
            following += 1
        if following < len(clause) and clause[following] in rule.unless_before:
            return False
    near = rule.unless_near
    return not near or near.isdisjoint(clause[at + 1 : at + 1 + _NEAR])


def _stated(rule: Trigger, clause: list[str], at: int, known: frozenset[str]) -> bool:
    """Whether the words around it make it an operation."""
    if rule.always:
        return True
    if at and clause[at - 1] in rule.after:
        return True
    if at + 1 < len(clause) and clause[at + 1] in rule.before:
        return True
    return bool(rule.beside) and not rule.beside.isdisjoint(known)


def _is_verb(rule: Trigger, clause: list[str], at: int) -> bool:
    """Whether it is the verb of its clause, which stands at the first word that means something."""
    return rule.first or (bool(rule.first_before) and _window(rule, clause, at))


def _window(rule: Trigger, clause: list[str], at: int) -> bool:
    window = clause[at + 1 : at + 1 + _NEXT]
    if not rule.first_before.isdisjoint(window):
        return True
    if END in rule.first_before and at + 1 == len(clause):
        return True
    if NUMBER in rule.first_before and any(word[0].isdigit() for word in window):
        return True
    return FILE in rule.first_before and any("." in word or "/" in word for word in window)


def _without_broad(found: list[tuple[Trigger, str]]) -> list[tuple[Trigger, str]]:
    """Leave out "tests" where "pytest" is named too, for the same target or for none."""
    exact: Mapping[str, set[str]] = {category: set() for category in _BROAD}
    for rule, target in found:
        if rule.category in _BROAD and rule.subcategory != _BROAD[rule.category]:
            exact[rule.category].add(target)
    return [
        (rule, target)
        for rule, target in found
        if rule.subcategory != _BROAD.get(rule.category)
        or not exact[rule.category]
        or (target != "all" and target not in exact[rule.category] and rule.target is None)
    ]
