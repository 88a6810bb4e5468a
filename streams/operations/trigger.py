"""What a rule of the house can say of a word, and the words that take the meaning of others."""

from dataclasses import dataclass
from typing import Final

from streams.operations.words import word_set

__all__ = [
    "BLOCKS",
    "DENIALS",
    "END",
    "FILE",
    "NUMBER",
    "RUN",
    "UNDER_CONDITION",
    "Trigger",
]

END: Final = "<end>"
"""Stands for the end of a clause."""
NUMBER: Final = "<number>"
"""Stands for a word that begins with a digit, such as a version."""
FILE: Final = "<file>"
"""Stands for a word with a dot or a slash in it, such as a file's name."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a word speaks of an operation: one of the conditions holds, if any are stated."""

    rule: str
    category: str
    subcategory: str
    target: str | None = None  # None: what the clause says, such as backend
    first: bool = False  # it is the verb of the clause
    first_before: frozenset[str] = frozenset()  # ... and one of these follows within four words
    after: frozenset[str] = frozenset()  # the word before it
    before: frozenset[str] = frozenset()  # the word after it
    beside: frozenset[str] = frozenset()  # anywhere in the clause
    needs: frozenset[str] = frozenset()  # anywhere in the sentence, besides all else
    unless_before: frozenset[str] = frozenset()  # the word after it, unless something is run
    unless_after: frozenset[str] = frozenset()  # the word before it
    unless_near: frozenset[str] = frozenset()  # within six words after it

    @property
    def always(self) -> bool:
        """Whether no condition is stated."""
        return not (self.first or self.first_before or self.after or self.before or self.beside)


RUN: Final = word_set("run runs running rerun re-run execute start kick")
"""Verbs after which a noun such as "build script" is what is done."""

DENIALS: Final = word_set(
    "don't don\u2019t dont not never without skip no avoid stop instead rather cannot"
)
UNDER_CONDITION: Final = word_set("when whenever because since while unless")

_ASKED: Final = word_set(
    "why how what which where who explain describe explanation difference whether"
)
_AUTHOR: Final = _ASKED | word_set(
    """write add create implement refactor rename remove delete move debug investigate find design
    mock extend improve generate change convert migrate set setup configure replace reduce
    speed parse mention draft optimise optimize edit rewrite introduce support print echo render
    already ran"""
)

BLOCKS: Final = {
    "test": _AUTHOR | word_set("fix update install upgrade uninstall disable"),
    "build": _AUTHOR - {"generate"} | word_set("fix update install"),
    "format": _AUTHOR | word_set("install upgrade update uninstall disable"),
    "git": _AUTHOR - word_set("add create find move write") | word_set("fix"),
    "deps": _AUTHOR - word_set("add set") | word_set("translate"),
    "docs": _ASKED
    | word_set(
        """read according see follow following search look find rename delete remove move open parse
        per replace translate convert"""
    ),
    "deploy": _AUTHOR | word_set("fix test"),
    "review": _AUTHOR | word_set("fix"),
}
"""By category, the verbs that take what follows them in the clause for their object."""
