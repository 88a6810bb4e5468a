"""The learners of the partitions that a worker owns at the moment; no event loop in here.

Every partition has a learner, and a learner learns in one thread at a time. What goes wrong with
one partition rests that partition and is told; the others go on.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from schemas.clock import monotonic_s
from schemas.errors import Fenced, LogDamaged, LogError, LogIncompatible
from schemas.log import Log
from streams.agents.cluster import Place
from streams.contributed import Contributed
from streams.contribution import Contributor
from streams.identity import Identity
from streams.learner import BATCH, Learner
from streams.rules import Rules

CONTRIBUTIONS_PER_S: Final = 5_000
"""What the learners of a worker may hand to the federator; batches grow where it would be more."""

INTERVAL_S: Final = 0.5
"""From one batch's beginning to the next one's: a transaction costs what hundreds of events do."""

REST_MAX_S: Final = 30.0
"""The longest that a partition waits for its contributions to be taken."""

FENCED_S: Final = 10.0
"""How long a partition rests that somebody else took: by then the group has said whose it is."""

TROUBLE_S: Final = (1.0, 15.0)
"""How long a partition rests after trouble, at first and at most."""

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Tended:
    """A partition and how it fares; times are seconds of the monotonic clock."""

    place: Place
    learner: Learner
    lock: Lock = field(default_factory=Lock)
    position: int = 0
    learned: int = 0
    due_s: float = 0.0
    idle: bool = False
    committed_s: float | None = None
    trouble: str | None = None
    trouble_s: float = 0.0


class LearnerPool:
    """Tends the partitions it is given."""

    def __init__(
        self, log: Log, identity: Identity, clock: Callable[[], float] = monotonic_s
    ) -> None:
        """Start with no partitions."""
        self._log = log
        self._identity = identity
        self._clock = clock
        self._tended: dict[Place, Tended] = {}

    @property
    def identity(self) -> Identity:
        """Who the log is, and by which rules it is learned."""
        return self._identity

    @property
    def tended(self) -> list[Tended]:
        """The partitions it has now."""
        return list(self._tended.values())

    def assign(self, places: Iterable[Place]) -> list[Tended]:
        """Have exactly these from now on; those that are no more its own, to be `release`d.

        What it had and keeps is not restored again: should somebody else have learned it in
        between, its owner's name was taken and the next commit says so.
        """
        wanted = set(places)
        lost = [one for place, one in self._tended.items() if place not in wanted]
        kept = {place: one for place, one in self._tended.items() if place in wanted}
        for one in kept.values():
            one.learner.hurry = one.idle = False
            one.due_s = min(one.due_s, self._clock())  # what somebody took is ours again
        self._tended = kept | self._tend(wanted - kept.keys())
        return lost

    def adopt(self, identity: Identity) -> list[Tended]:
        """Learn by other rules from now on; what was tended before, to be `release`d."""
        self._identity = identity
        before = self.tended
        self._tended = self._tend(one.place for one in before)
        return before

    def due(self) -> list[Tended]:
        """The partitions to step now, those that waited longest first; none that shall hurry."""
        now_s = self._clock()
        rested = [one for one in self.tended if one.due_s <= now_s]
        waiting = [one for one in rested if not (one.idle or one.learner.hurry)]
        return sorted(waiting, key=lambda one: one.due_s)

    def idle(self) -> dict[Place, int]:
        """Partitions that were learned to their ends, with their positions."""
        return {one.place: one.position for one in self.tended if one.idle}

    def wake(self, places: Iterable[Place]) -> None:
        """Say that there is something to learn."""
        for place in places:
            if place in self._tended:
                self._tended[place].idle = False

    def step(self, one: Tended, limit: int = BATCH) -> int:
        """Learn a batch of a partition; how many records, 0 where it is at its end or rests."""
        with one.lock:
            began_s = self._clock()
            try:
                learned = one.learner.step(limit)
            except LogError as error:
                one.learner.release()
                self._rest(one, error)
                return 0
            now_s = self._clock()
            self._tell(one)
            one.trouble, one.trouble_s = None, 0.0
            one.position = one.learner.position
            one.idle = not learned
            one.due_s = now_s
            if learned:
                one.learned += learned
                one.committed_s = now_s
                share = CONTRIBUTIONS_PER_S / max(1, len(self._tended))
                rested_s = now_s + min(one.learner.contributed / share, REST_MAX_S)
                one.due_s = max(rested_s, began_s + INTERVAL_S)
            return learned

    def hurry(self, places: Iterable[Tended]) -> None:
        """Ask those that are learning to commit what they have."""
        for one in places:
            one.learner.hurry = True

    def release(self, one: Tended) -> None:
        """Let go of a partition when its step has ended."""
        with one.lock:
            one.learner.release()

    def _tend(self, places: Iterable[Place]) -> dict[Place, Tended]:
        of = self._identity
        contributors = [Contributor(of.site_id, of.log_id, *place) for place in places]
        contributions = Contributed(self._log, contributors)
        rules = Rules.of(of)
        tended = {}
        for one in contributors:
            place = (one.topic, one.partition)
            learner = Learner(self._log, one, rules, label=of.label, contributions=contributions)
            tended[place] = Tended(place, learner, due_s=self._clock())
        return tended

    def _rest(self, one: Tended, error: LogError) -> None:
        first_s, most_s = TROUBLE_S
        one.trouble_s = min(most_s, 2 * one.trouble_s or first_s)
        if isinstance(error, Fenced):
            one.trouble_s = FENCED_S
        elif isinstance(error, LogDamaged | LogIncompatible):
            one.trouble_s = most_s
        one.due_s = self._clock() + one.trouble_s
        one.idle = False
        sentence = f"{one.place[0]}/{one.place[1]}: {error}"
        if one.trouble != sentence:
            _LOGGER.warning("%s", sentence)
        one.trouble = sentence

    def _tell(self, one: Tended) -> None:
        for notice in one.learner.notices:
            _LOGGER.warning("%s", notice)
        one.learner.notices.clear()
