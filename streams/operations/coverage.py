"""The requests that no rule knows, and the words that occur in them: where a rule is missing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streams.operations.recognise import recognise
from streams.operations.rules import OperationRules
from streams.operations.words import marks_and_words, word_set

WORDS_SHOWN: Final = 20

_STOP_WORDS: Final = word_set(
    """a about after again all also am an and any are as at be because been before being but by can
    could did do does doing done don't each for from get had has have having he her here hers him
    his how i if in into is it it's its just let like make me more most must my need no not now of
    off on once one only or other our out over own please same see she should so some such than
    that the their them then there these they this those through to too under until up use used
    using very want was we were what when where which while who why will with would you your"""
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many requests rules say nothing about, and the words of those."""

    requests: int
    unmatched: int
    words: tuple[tuple[str, int], ...]
    """The most frequent words and in how many of those requests they stand, the first most."""


def unmatched(
    texts: Iterable[str | None], rules: OperationRules, *, words: int = WORDS_SHOWN
) -> Coverage:
    """Count the requests without an operation, and the words in them that mean something.

    >>> from streams.operations.rules import BUILT_IN
    >>> unmatched(["Run tests", "Seed the database", "Reset the database"], BUILT_IN, words=1)
    Coverage(requests=3, unmatched=2, words=(('database', 2),))
    """
    requests = 0
    missed = []
    for text in texts:
        requests += 1
        if not recognise(rules, text, None, None):
            missed.append(text or "")
    return Coverage(requests, len(missed), frequent_words(missed, words))


def frequent_words(texts: Iterable[str], most: int = WORDS_SHOWN) -> tuple[tuple[str, int], ...]:
    """The words that mean something and in how many texts each stands, the first most.

    >>> frequent_words(["Seed the database", "Reset the database"], most=1)
    (('database', 2),)
    """
    counted = Counter[str]()
    for text in texts:
        counted.update(_meaning(text))
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ranked[:most])


def _meaning(text: str) -> set[str]:
    return {
        word
        for word in marks_and_words(text.lower())
        if len(word) > 1 and not word.isdigit() and word not in _STOP_WORDS
    }
