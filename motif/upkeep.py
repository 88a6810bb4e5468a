"""Archiving and pruning by itself: what the settings say, once a day, by a node that records.

A log that holds nothing yet is not done for the day, and settings that changed are due at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.clock import DAY_US, Clock, now_us
from schemas.errors import LogError, Refused
from schemas.times import time_text, time_us
from schemas.topics import LEARNED_TOPICS, places

if TYPE_CHECKING:
    from motif.lifecycle import Outcome
    from motif.node import Node

CONSEQUENCE: Final = (
    "what these events taught {}, but cannot be learned again: by other rules or settings, by a "
    "copy of the log, or without somebody who is to be forgotten"
)
"""What it means that events were deleted."""

AGAIN_US: Final = DAY_US // 24
"""So long after trouble it is tried again."""

EVERY_US: Final = DAY_US - DAY_US // 24
"""So long after it was done it is due: whoever comes once a day comes a few seconds early, too."""

MARKER: Final = "kept-at"
"""The file that says when it was last done, and by what settings, within a node's folder."""


@dataclass(slots=True)
class Upkeep:
    """How many days old events must be to be archived and to be pruned; None for never."""

    archive_after: float | None = None
    prune_after: float | None = None
    clock: Clock = now_us
    failed_us: int | None = None

    def run(self, node: "Node") -> list[str]:
        """Do what is due; a sentence about each thing that was done."""
        if (self.archive_after is None and self.prune_after is None) or not self._is_due(node):
            return []
        said: list[str] = []
        try:
            self._keep(node, said)
            if any(node.log.end(*place) for place in places(LEARNED_TOPICS, node.log.partitions)):
                _marker(node).write_text(f"{time_text(self.clock())}\n{self._settings}\n")
        except (LogError, OSError) as trouble:  # What was asked for is done, and this due later.
            self.failed_us = self.clock()
            said.append(f"what is old was not archived or deleted: {trouble}")
        return said

    def _keep(self, node: "Node", said: list[str]) -> None:
        # What is old enough to be deleted need not be moved before.
        if self.prune_after is not None:
            deleted = _told("deleted", node.prune(self.prune_after, as_of_us=self.clock()))
            said += [f"{one}; {CONSEQUENCE.format('is kept')}" for one in deleted]
        if self.archive_after is not None:
            said += _told("archived", node.archive(self.archive_after, as_of_us=self.clock()))

    def _is_due(self, node: "Node") -> bool:
        if self.failed_us is not None and 0 <= self.clock() - self.failed_us < AGAIN_US:
            return False
        try:
            last, _, settings = _marker(node).read_text().partition("\n")
            last_us = time_us(last)
        except (OSError, ValueError, Refused):
            return True
        is_done = 0 <= self.clock() - last_us < EVERY_US
        return not is_done or settings.strip() != self._settings

    @property
    def _settings(self) -> str:
        """What is to be done, as it stands in the marker."""
        return f"archive {self.archive_after} prune {self.prune_after}"


def _marker(node: "Node") -> Path:
    return node.folder / MARKER


def _told(what: str, outcome: "Outcome") -> list[str]:
    if not outcome.total:
        return []
    return [f"{outcome.total:,} events from before {outcome.until} were {what}, as is set"]
