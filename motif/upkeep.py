"""Archiving and pruning by itself: what the settings say, once a day, by a node that records."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.clock import DAY_US, Clock, now_us
from schemas.errors import LogError, Refused
from schemas.times import time_text, time_us

if TYPE_CHECKING:
    from motif.lifecycle import Outcome
    from motif.node import Node

AGAIN_US: Final = DAY_US // 24
"""So long after trouble it is tried again."""

MARKER: Final = "kept-at"
"""The file that says when it was last done, within a node's folder."""


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
            _marker(node).write_text(time_text(self.clock()))
        except (LogError, OSError) as trouble:  # What was asked for is done, and this due later.
            self.failed_us = self.clock()
            said.append(f"what is old was not archived or deleted: {trouble}")
        return said

    def _keep(self, node: "Node", said: list[str]) -> None:
        # What is old enough to be deleted need not be moved before.
        if self.prune_after is not None:
            said += _told("deleted", node.prune(self.prune_after, as_of_us=self.clock()))
        if self.archive_after is not None:
            said += _told("archived", node.archive(self.archive_after, as_of_us=self.clock()))

    def _is_due(self, node: "Node") -> bool:
        if self.failed_us is not None and 0 <= self.clock() - self.failed_us < AGAIN_US:
            return False
        try:
            last_us = time_us(_marker(node).read_text())
        except (OSError, ValueError, Refused):
            return True
        return not 0 <= self.clock() - last_us < DAY_US


def _marker(node: "Node") -> Path:
    return node.folder / MARKER


def _told(what: str, outcome: "Outcome") -> list[str]:
    if not outcome.total:
        return []
    return [f"{outcome.total:,} events from before {outcome.before} were {what}, as is set"]
