"""Waiting until others have learned what was published, and until that can be asked about."""

from collections.abc import Callable, Mapping
from threading import Event
from typing import Final, Protocol

from motif.asking import Answer
from motif.engine import Progress
from motif.standing import said_of
from projections import queries
from projections.remote import Readable
from schemas.clock import monotonic_s
from schemas.log import Log, left
from schemas.topics import LEARNED_TOPICS, PATTERN_CONTRIBUTIONS

PATIENCE_S: Final = 30.0
"""How long nothing may move before nobody is believed to work."""

ROWS_S: Final = 60.0
"""How long the rows of patterns are waited for in all; others may change them all the time."""

PAUSE_S: Final = 0.05
ROWS_PAUSE_S: Final = 0.2

NOBODY: Final = "recorded, but no worker has learned it; start one with: motif worker"


class Learning(Protocol):
    """Whatever can be asked how far everything is."""

    @property
    def log(self) -> Log:
        """The log that was published into."""

    def ask(self, question: Callable[[Readable], Answer]) -> Answer:
        """Ask the projection, which is brought up to date meanwhile."""


class Waiting:
    """Waits for what was published up to these positions; `notices` says what was waited in vain.

    Nothing is lost by not waiting: what is recorded will be learned.
    """

    def __init__(
        self,
        node: Learning,
        positions: Mapping[tuple[str, int], int],
        progress: Progress | None = None,
    ) -> None:
        """Bind; `progress` is told how much is learned."""
        self._node = node
        self._goals = positions
        self._progress = progress
        self._totals: dict[int, int] | None = None
        self.notices: list[str] = []

    def learned(self) -> bool:
        """Wait until all is learned and projected; whether it is.

        It is given up when nothing has moved for `PATIENCE_S`.
        """
        first: int | None = None
        last, moved_s = -1, monotonic_s()
        while True:
            missing, far = self._missing()
            first = far if first is None else first
            self._tell("learn", far - first, far - first + missing)
            if not missing and self._totals_are_there():
                return True
            if far != last:
                last, moved_s = far, monotonic_s()
            elif monotonic_s() - moved_s > PATIENCE_S:
                self.notices.append(self._why())
                return False
            Event().wait(PAUSE_S)

    def federated(self) -> bool:
        """Wait until the rows of patterns say what is learned; whether they do."""
        began_s = moved_s = monotonic_s()
        last = -1
        while behind := self._node.ask(queries.rows_behind):
            now_s = monotonic_s()
            if behind != last:
                last, moved_s = behind, now_s
                self._tell("federate", 0, 0)
            if now_s - moved_s > PATIENCE_S or now_s - began_s > ROWS_S:
                self.notices.append(
                    f"learned, but the rows of {behind:,} patterns are behind; "
                    "'motif status' says whether a federator works"
                )
                return False
            Event().wait(ROWS_PAUSE_S)
        return True

    def _missing(self) -> tuple[int, int]:
        """How many offsets are not learned and projected yet, and how far everything is in sum."""
        reached = {(one.topic, one.partition): one for one in self._node.ask(queries.positions)}
        inputs = {topic.name for topic in LEARNED_TOPICS}
        missing = far = 0
        for place, goal in self._goals.items():
            at = reached.get(place)
            learned = (at.learned or 0) if at and place[0] in inputs else goal
            position = at.position if at else 0
            missing += max(0, goal - min(learned, position))
            far += learned + position
        return missing, far

    def _why(self) -> str:
        """Whose work is missing, by what the log says."""
        inputs = {topic.name for topic in LEARNED_TOPICS}
        for place, goal in self._goals.items():
            if place[0] in inputs:
                said, _ = said_of(self._node.log, place)
                if said is None or said.position < goal:
                    return NOBODY
        return (
            f"recorded and learned, but not projected within {PATIENCE_S:.0f} s; "
            "'motif status' says what keeps the projector"
        )

    def _totals_are_there(self) -> bool:
        """Whether the contributions that stood in the log when all was learned are projected."""
        name, log = PATTERN_CONTRIBUTIONS.name, self._node.log
        if self._totals is None:
            self._totals = {number: log.end(name, number) for number in range(log.partitions)}
        reached = {
            one.partition: one.position
            for one in self._node.ask(queries.positions)
            if one.topic == name
        }
        for number, end in self._totals.items():
            position = reached.get(number, 0)
            if position < end and left(log, name, number, position):
                return False
        return True

    def _tell(self, doing: str, done: int, of: int) -> None:
        if self._progress is not None:
            self._progress(doing, done, of)
