"""What every kind of pattern states about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from streams.tally import Tally

Parts = tuple[str, ...]
"""The parts of a signature, without the kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of pattern: how its signature is made and what its numbers mean.

    `units` maps each measure to its unit (`us`, `usd`, `tokens`, `calls`). `outcomes` says whether
    successes and failures are told apart. Confidence is the lower bound of the 95 % Wilson score
    interval: of successes among the decided for a kind with outcomes, else of n among n, which
    says how far the mere recurrence is to be trusted; a kind may have a formula of its own in
    `confidence`. `score` gives a number on a scale of its own.
    """

    name: str
    parts: Parts
    describes: str
    outcomes: bool
    title: Callable[[Parts], str]
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    joined: bool = False
    score: Callable[[Tally], float | None] | None = None
    confidence: Callable[[Tally], float] | None = None

    def attributes(self, parts: Parts) -> dict[str, Any]:
        """The parts by name; all under one name for a kind of varying length."""
        if self.joined:
            return {self.parts[0]: list(parts)}
        return dict(zip(self.parts, parts, strict=True))
