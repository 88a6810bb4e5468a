"""A text as whole words, and the words as clauses: what one verb or one denial reaches."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = [
    "FILLERS",
    "LONG",
    "MARKS",
    "REMEMBERED",
    "clauses",
    "marks_and_words",
    "parts",
    "plain_words",
    "sentences_with",
    "word_set",
]


REMEMBERED: Final = 16_384
"""Texts of which is remembered what was found in them."""

LONG: Final = 400
"""Characters of a text beyond which it is not remembered."""


def word_set(words: str) -> frozenset[str]:
    """The words of a text that has blanks between them.

    >>> sorted(word_set("test build"))
    ['build', 'test']
    """
    return frozenset(words.split())


# What is joined without a blank is one word: a file's name, a package, a hyphenated word. It begins
# and ends with a letter or digit, and is looked at twice at most, whatever the length of a text.
_PARTS: Final = r"\s,;!?&()\[\]{}<>|:=+*#~`\"\u2013\u2014\u2026\u201c\u201d"

marks_and_words = re.compile(rf"[^\W_](?:[^{_PARTS}]*[^\W_])?|[\n.;!?,&]").findall
"""The words of a text in lower case, and the marks that may end a clause."""

_TO_BLANKS: Final = {code: " " for code in range(128) if not chr(code).isalnum()}


def parts(text: str) -> list[str] | None:
    """The plain words of a text of ASCII in lower case, several times quicker; None of others.

    >>> parts("tests/test_a.py, then `lint`"), parts("\u201ctests\u201d")
    (['tests', 'test', 'a', 'py', 'then', 'lint'], None)
    """
    return text.translate(_TO_BLANKS).split() if text.isascii() else None


plain_words = re.compile(r"[^\W_]+").findall
"""The words of a name: split at every character that is neither letter nor digit."""

MARKS: Final = frozenset("\n.;!?,&")
"""What is no word among them."""

_ENDS: Final = MARKS - frozenset(",&")
_LINKS: Final = frozenset({",", "&", "and", "or", "plus"})
_OPENERS: Final = word_set(
    "then before after until when whenever because since while unless if but once"
)

FILLERS: Final = word_set(
    """a again ahead all also can could finally first go help hey hi i just kindly let let's lets me
    must need next now ok okay please pls quickly should then to try us want we would you"""
)
"""Words that may stand before the verb of a request."""

_VERBS: Final = word_set(
    """add apply bump change check checkout commit configure convert create debug delete deploy
    do document edit ensure execute explain find fix generate git implement improve install
    investigate list look make migrate move npm npx open optimise optimize paste pip pnpm
    publish pytest rebase rebuild recompile redeploy refactor reformat remove rename replace rerun
    rewrite run see set show stage start summarise summarize tell typecheck uninstall update upgrade
    use verify vitest write yarn"""
)
"""Verbs, and tools that a line of commands begins with."""

_NOUNS_TOO: Final = word_set("build bundle compile format lint merge push release review ship test")
"""Words that are a verb where an object follows, and otherwise mostly nouns."""

_BEFORE_OBJECTS: Final = word_set(
    """it them this that these those the my our your its all both everything to on with again
    in"""
)
_PREPOSITIONS: Final = word_set("in on for inside under from with cd")


def sentences_with(words: frozenset[str], tokens: list[str]) -> Iterator[list[str]]:
    """The sentences and lines that hold one of the words, without the marks that end them.

    >>> list(sentences_with(frozenset({"go"}), marks_and_words("wait. then go, go! rest")))
    [['then', 'go', ',', 'go']]
    """
    end = -1
    for at, token in enumerate(tokens):
        if token in words and at > end:
            start = at
            while start and tokens[start - 1] not in _ENDS:
                start -= 1
            end = at + 1
            while end < len(tokens) and tokens[end] not in _ENDS:
                end += 1
            yield tokens[start:end]


def clauses(sentence: Sequence[str]) -> Iterator[list[str]]:
    """The clauses of a sentence, in order.

    A comma or "and" ends a clause only where another verb follows.

    >>> list(clauses(marks_and_words("fix the bug, then run server and client tests")))
    [['fix', 'the', 'bug'], ['then', 'run', 'server', 'client', 'tests']]
    """
    clause: list[str] = []
    for at, word in enumerate(sentence):
        if word in _LINKS:
            inside = bool(clause) and clause[0] in _PREPOSITIONS
            ends = word != "or" and not inside and _verb_follows(sentence, at + 1)
        else:
            ends = word in _OPENERS
        if ends and clause:
            yield clause
            clause = []
        if word not in _LINKS:
            clause.append(word)
    if clause:
        yield clause


_AHEAD_MAX: Final = 6
"""Words looked at for a verb after a link, so that the whole stays one pass."""


def _verb_follows(tokens: Sequence[str], at: int) -> bool:
    for here in range(at, min(at + _AHEAD_MAX, len(tokens))):
        word = tokens[here]
        if word in _VERBS:
            return True
        if word in _NOUNS_TOO:
            following = tokens[here + 1] if here + 1 < len(tokens) else "."
            return following in _BEFORE_OBJECTS or following in _ENDS or following in _LINKS
        if word not in _LINKS and word not in FILLERS:
            return False
    return False
