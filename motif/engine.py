"""What makes answers out of a log: learners, federators and the projection of one node."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Event

from motif.asking import Answer
from motif.beside import PROJECTION, Helper
from projections.anew import rebuild
from projections.projector import Projector
from projections.records import RECORDS
from projections.store import Store
from schemas.clock import monotonic_s
from schemas.errors import LogHeld, MotifError, ProjectionDamaged
from schemas.log import Log, left
from schemas.topics import (
    DEAD_LETTERS,
    LEARNED_TOPICS,
    PATTERN_CONTRIBUTIONS,
    PATTERN_DEFINITIONS,
)
from streams.contribution import Contributor
from streams.federator import Federator
from streams.identity import Identity, check_whole
from streams.learner import BATCH, Learner
from streams.progress import progress_of
from streams.rules import Rules

PROJECTED_TOPICS = (*LEARNED_TOPICS, PATTERN_CONTRIBUTIONS, PATTERN_DEFINITIONS, DEAD_LETTERS)
"""What can move without the others: when none has, everything is settled as it was."""

BESIDE_FROM = 50_000
"""Records to learn from which on a process of its own projects them meanwhile."""

STEP_LEAST = 16_384
"""Records of a step of learning beside which somebody projects, at least."""

RECORDS_EACH = 8
"""Records that are learned for each contribution of a commit, about: it costs as much as one."""

HELD_TRIES, HELD_PAUSE_S = 100, 0.1
"""How often and how long to wait for the helper of a node that was killed to notice."""

Progress = Callable[[str, int, int], None]
"""Told what is being done (`read`, `learn`, `project`), how much is done, and of how much."""


def step_of(contributed: int, due: int) -> int:
    """How many records to learn before the next commit, of so many that are `due`.

    As few as are worth a commit, which writes what they changed: as many contributions as the last
    one held. Towards the end fewer, that little is left to project when learning has ended.

    >>> [step_of(*known) for known in ((0, 900_000), (4_000, 900_000), (4_000, 50_000))]
    [16384, 32000, 25000]
    """
    return max(STEP_LEAST, min(RECORDS_EACH * contributed, due // 2, BATCH))


class Engine:
    """Learns, federates and projects a log, and answers from what came of it."""

    def __init__(self, folder: Path, log: Log, identity: Identity) -> None:
        """Bind to a founded log; nothing is read before the first question."""
        self._folder = folder
        self._log = log
        self._identity = identity
        self._learners = self._make_learners()
        self._store: Store | None = None
        self._projector: Projector | None = None
        self._settled_ends: list[int] | None = None
        self._helper: Helper | None = None
        self._appended = self._learned = 0
        self._reached: dict[Contributor, int] = {}
        self.federators = [Federator(log, partition) for partition in range(log.partitions)]
        self.notices: list[str] = []

    def heed(self, appended: int) -> None:
        """Hear of so many more records in the log; learn some already where they are many.

        A helper projects them meanwhile: whoever appends much and then asks would leave a processor
        idle for as long as it appends. It is the turn of the partition with most to learn, as what
        all of them know is too much for memory. What goes wrong here is met again by `settle`.
        """
        self._appended += appended
        if self._appended < max(BESIDE_FROM, min(self._learned // 2, BATCH)):
            return
        self._appended = 0
        try:
            self._helper = self._working() or self._new_helper()
            self._learn_some()
        except MotifError:
            self._dismiss()

    def settle(
        self, progress: Progress | None = None, *, spent: dict[str, float] | None = None
    ) -> None:
        """Learn, federate and project all that is in the log.

        `spent` is given the seconds of each part, added to what it holds.
        """
        ends = self._ends()
        if ends == self._settled_ends:
            return
        known = self._settled_ends
        backlog = self._backlog() if known is None else sum(ends) - sum(known)
        if backlog:
            with self._beside(backlog) as helper:
                with _timed(spent, "learn"):
                    self._learn_all(progress, None if helper is None else backlog)
                with _timed(spent, "federate"):
                    self._federate(release=helper is not None)
                waiting_s = monotonic_s()
            if spent is not None:
                spent["project"] = spent.get("project", 0.0) + monotonic_s() - waiting_s
        with _timed(spent, "project"):
            self._project(progress)
        self._settled_ends = self._ends()
        self._appended = self._learned = 0
        self._reached = {}

    def ask(self, question: Callable[[Store], Answer]) -> Answer:
        """Answer from the settled projection; one that is found damaged is made anew first."""
        try:
            self.settle()
            return question(self.opened())
        except ProjectionDamaged as damaged:
            self.notices.append(str(damaged))
        self.let_go()
        self._settled_ends = None
        self.settle()
        return question(self.opened())

    def relearn(self) -> None:
        """Learn everything again, from the beginning of the log.

        Raises:
            WrongUse: some of it was pruned.
        """
        check_whole(self._log, "nothing can be learned again")
        for learner in self._learners:
            learner.forget()
        self._settled_ends = None
        self.settle()

    def rebuild(self) -> None:
        """Make the projection again from the log, in the place of the one there is."""
        self.ask(lambda _: self.stop_projecting())
        rebuild(self._log, self.opened())
        self.let_go()  # Opened again it is a projection like any other: nothing to notice.
        self._settled_ends = None  # The records go with the projection they were kept beside.
        self.settle()

    def opened(self) -> Store:
        """The projection as it is, without settling."""
        self._dismiss()
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def stop_projecting(self) -> None:
        """Leave the projection to somebody else for a while; the next settling goes on."""
        if self._projector is not None:
            self._projector.close()
        self._projector = None

    def look_again(self) -> None:
        """Have the next settling find out what of the log is still there."""
        self.stop_projecting()
        self._settled_ends = None

    def let_go(self) -> None:
        """Close the projection."""
        self._dismiss()
        self.stop_projecting()
        if self._store is not None:
            self._store.close()
        self._store = None

    def _make_learners(self) -> list[Learner]:
        identity = self._identity
        rules = Rules.of(identity)
        return [
            Learner(
                self._log,
                Contributor(identity.site_id, identity.log_id, topic.name, partition),
                rules,
                label=identity.label,
            )
            for topic in LEARNED_TOPICS
            for partition in range(self._log.partitions)
        ]

    def _ends(self) -> list[int]:
        return [
            self._log.end(topic.name, partition)
            for topic in PROJECTED_TOPICS
            for partition in range(self._log.partitions)
        ]

    def _backlog(self) -> int:
        """About how many records are to be learned or federated; 0 only where none is.

        It is cheaper than asking learners and federators, which would restore themselves.
        """
        backlog = 0
        for partition in range(self._log.partitions):
            learned, written = progress_of(self._log, partition)
            for topic in LEARNED_TOPICS:
                position = learned.pop((topic.name, self._identity.epoch), None)
                due = self._due(topic.name, partition, position or 0)
                backlog += due + (position is None and due > 0)
            backlog += len(learned)  # Checkpoints of other epochs: there is something to learn.
            position = 0 if written is None else written.position
            backlog += self._due(PATTERN_CONTRIBUTIONS.name, partition, position)
        return backlog

    def _due(self, topic: str, partition: int, position: int) -> int:
        """About how far somebody is from the end, or beyond it where the log lost its own."""
        beyond = position - self._log.end(topic, partition)
        return beyond if beyond > 0 else left(self._log, topic, partition, position)

    def _beside(self, backlog: int) -> AbstractContextManager[Helper | None]:
        """A helper that projects meanwhile: the one there is, or one where that is worth it."""
        helper, self._helper = self._working(), None
        if helper is None and backlog < BESIDE_FROM:
            return nullcontext()
        return helper or self._new_helper()

    def _new_helper(self) -> Helper:
        self.opened()  # Here, where a projection that cannot be trusted is noticed.
        self.let_go()
        return Helper(self._folder, self._identity.log_id, self.notices.append)

    def _working(self) -> Helper | None:
        """The helper that works at the moment; of one that had nothing to do we take leave."""
        if self._helper is not None and self._helper.has_left:
            self._dismiss()
        return self._helper

    def _dismiss(self) -> None:
        """End a helper at once: the projection is ours again, as far as it came."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.end(whole=False)

    def _learn_all(self, progress: Progress | None, much: int | None) -> None:
        """Learn to the end, one partition after the other; of much, keep none in memory.

        What many partitions know together may be several times what one does. How `much` there is
        says how large the steps are, so that whoever projects beside soon has something to do.
        """
        learned = 0
        for learner in self._learners:
            while done := learner.step(
                BATCH if much is None else step_of(learner.contributed, much - learned)
            ):
                learned += done
                if progress is not None:
                    progress("learn", learned, 0)
            self._leave(learner, release=much is not None)

    def _learn_some(self) -> None:
        """Learn the partition that has most to learn to its end."""
        if not self._reached:
            self._reached = self._positions()
        learner = max(self._learners, key=self._left)
        while done := learner.step(step_of(learner.contributed, BATCH)):
            self._learned += done
        self._reached[learner.contributor] = learner.position
        self._leave(learner, release=True)

    def _left(self, learner: Learner) -> int:
        """About how many records a learner has to learn, as far as it is known."""
        of = learner.contributor
        return self._due(of.topic, of.partition, self._reached.get(of, 0))

    def _positions(self) -> dict[Contributor, int]:
        """How far each learner is, 0 where it has committed nothing, without restoring any."""
        epoch = self._identity.epoch
        known = [progress_of(self._log, number)[0] for number in range(self._log.partitions)]
        contributors = [learner.contributor for learner in self._learners]
        return {of: known[of.partition].get((of.topic, epoch), 0) for of in contributors}

    def _leave(self, learner: Learner, *, release: bool) -> None:
        self.notices += learner.notices
        learner.notices.clear()
        if release:
            learner.release()

    def _federate(self, *, release: bool) -> None:
        """Write the rows of all that changed; after much, let nobody keep it in memory."""
        for federator in self.federators:
            while federator.step():
                continue
            if release:
                federator.release()

    def _project(self, progress: Progress | None) -> None:
        projector = self._projecting()
        done, moved = 0, 1
        while moved:
            moved = projector.step()
            self.notices += projector.notices
            projector.notices.clear()
            done += moved
            if progress is not None:
                progress("project", done, 0)

    def _projecting(self) -> Projector:
        if self._projector is None:
            self._projector = Projector(self._log, self.opened(), self._folder / RECORDS)
        return self._projector

    def _open_store(self) -> Store:
        path = self._folder / PROJECTION
        for _ in range(HELD_TRIES):
            try:
                return Store.open(path, log_id=self._identity.log_id)
            except LogHeld:
                Event().wait(HELD_PAUSE_S)  # The log is ours, so this can only be a helper leaving.
        return Store.open(path, log_id=self._identity.log_id)


@contextmanager
def _timed(spent: dict[str, float] | None, part: str) -> Iterator[None]:
    start_s = monotonic_s()
    yield
    if spent is not None:
        spent[part] = spent.get(part, 0.0) + monotonic_s() - start_s
