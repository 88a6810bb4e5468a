"""The rules to recognise by: those of the house, and those that users write in a TOML file.

version = "3"              # what to call these rules; change it with every change
builtin = true             # whether the house's rules apply too; true where it is left out

[tool_share]               # what a tool of one's own would cost, as a share of the model's cost
default = 0.05
docs = 0.5

[[rule]]
id = "terraform"
signature = "deploy:terraform:all"
in = "request"             # or "error" or "template"; "request" where it is left out
words = ["terraform"]      # all of these stand in the text, as whole words or phrases
any = ["plan", "apply"]    # and one of these
not = ["explain"]          # and none of these
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

__all__ = [
    "BUILT_IN",
    "PLACES",
    "TOOL_SHARE",
    "VERSION",
    "OperationRules",
    "OwnRule",
    "Phrase",
]

VERSION: Final = "1"
"""Rises whenever a rule of the house finds something else."""

TOOL_SHARE: Final = Decimal("0.05")
"""What a tool costs, as a share of the model's cost, where nobody said otherwise."""

PLACES: Final = ("request", "error", "template")
"""The texts that a rule may look at."""

Phrase = tuple[str, ...]
"""One word or several that follow each other, in lower case."""


@dataclass(frozen=True)
class OwnRule:
    """A rule that a user wrote."""

    id: str
    signature: str
    place: str = "request"
    words: tuple[Phrase, ...] = ()
    any: tuple[Phrase, ...] = ()
    none_of: tuple[Phrase, ...] = ()

    def holds(self, text: Sequence[str], known: frozenset[str] | set[str]) -> bool:
        """Whether the words of a text, of which `known` is the set, fulfil the rule."""
        return (
            all(_stands(phrase, text, known) for phrase in self.words)
            and (not self.any or any(_stands(phrase, text, known) for phrase in self.any))
            and not any(_stands(phrase, text, known) for phrase in self.none_of)
        )


@dataclass(frozen=True)
class OperationRules:
    """Everything that decides what is recognised, and what a tool would cost."""

    version: str = VERSION
    builtin: bool = True
    own: tuple[OwnRule, ...] = ()
    default_share: Decimal = TOOL_SHARE
    shares: tuple[tuple[str, Decimal], ...] = ()

    def tool_share(self, category: str) -> Decimal:
        """What a tool would cost for operations of a category, as a share of the model's cost.

        >>> BUILT_IN.tool_share("test")
        Decimal('0.05')
        """
        return self._shares.get(category, self.default_share)

    def of(self, place: str) -> tuple[OwnRule, ...]:
        """The user's rules for one place, in the order of the file."""
        return self._by_place[place]

    @cached_property
    def _shares(self) -> dict[str, Decimal]:
        return dict(self.shares)

    @cached_property
    def _by_place(self) -> dict[str, tuple[OwnRule, ...]]:
        return {place: tuple(rule for rule in self.own if rule.place == place) for place in PLACES}


BUILT_IN: Final = OperationRules()
"""The rules of the house alone."""


def _stands(phrase: Phrase, text: Sequence[str], known: frozenset[str] | set[str]) -> bool:
    if not known.issuperset(phrase):
        return False
    length = len(phrase)
    return length == 1 or any(
        tuple(text[at : at + length]) == phrase for at in range(len(text) - length + 1)
    )
