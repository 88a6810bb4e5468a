"""The embedded node: log, learners, federators and projection in one process.

    with motif.open("folder") as node:
        node.publish(event)
        rows = node.patterns(kind="tool_usage")

Publishing is durable when it returns. Every read first settles: what is in the log is learned,
federated and projected before the answer is given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import pyarrow as pa

from connectors.publisher import Published, Publisher
from motif import deadletters, federation, importing
from motif.beside import projecting
from motif.deadletters import Letter
from motif.federation import TakenIn
from motif.importing import Imported
from projections import adhoc, queries
from projections.projector import Projector, rebuild
from projections.queries import Detail, Key, Pattern
from projections.store import Store
from projections.verify import Difference, verify
from schemas.clock import monotonic_s
from schemas.collector import uncollected
from schemas.envelope import Event
from schemas.errors import ProjectionDamaged, WrongUse
from schemas.log import Log
from schemas.topics import (
    AGENT_EVENTS,
    DEAD_LETTERS,
    PATTERN_CONTRIBUTIONS,
    PATTERN_DEFINITIONS,
)
from streams.contribution import Contributor
from streams.federator import Federator
from streams.identity import Identity
from streams.learner import Learner, Rules
from streams.progress import progress_of

LEARNED_TOPICS = (AGENT_EVENTS,)
"""Input topics that are learned from."""

PROJECTED_TOPICS = (*LEARNED_TOPICS, PATTERN_CONTRIBUTIONS, PATTERN_DEFINITIONS, DEAD_LETTERS)
"""What can move without the others: when none has, everything is settled as it was."""

PROJECTION = "projection.duckdb"

Answer = TypeVar("Answer")

Progress = Callable[[str, int, int], None]
"""Told what is being done (`learn`, `federate`, `project`), how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """How far one partition of an input topic is learned, and what was noted on the way."""

    topic: str
    partition: int
    end: int
    learned: int
    waiting: int
    late: int
    repeats: int
    conflicting: int
    refused: int

    @property
    def lag(self) -> int:
        """Offsets not learned yet."""
        return self.end - self.learned


@dataclass(frozen=True, slots=True)
class Status:
    """What a node holds: partitions, patterns by kind, open letters, sizes in bytes."""

    folder: Path
    identity: Identity
    partitions: list[PartitionStatus]
    patterns: Mapping[str, int]
    rows: Mapping[str, int]
    open_letters: int
    log_bytes: int
    projection_bytes: int
    notices: list[str] = field(default_factory=list)


class Node:
    """One installation in one process; made by `motif.open`. Not thread-safe."""

    def __init__(self, folder: Path, log: Log, identity: Identity) -> None:
        """Take over a founded log; the node closes it."""
        self.folder = folder
        self.log = log
        self.identity = identity
        self.notices: list[str] = []
        self._publisher = Publisher(log)
        self._learners = self._make_learners()
        self._federators = [Federator(log, partition) for partition in range(log.partitions)]
        self._store: Store | None = None
        self._projector: Projector | None = None
        self._settled_ends: list[int] | None = None

    def publish(self, events: Event | Iterable[Event]) -> Published:
        """Append events; durable when it returns. Repeats are known when they are learned."""
        items = [events] if isinstance(events, Event) else events
        return self._publisher.publish(items, origin="library")

    def import_files(
        self,
        format_name: str,
        paths: Sequence[Path] = (),
        *,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Imported:
        """Read files or folders of a format, append their events, and settle.

        Raises:
            WrongUse: no such format, or nothing at a path.
        """
        return importing.import_files(
            self, self._publisher, format_name, paths, dry_run=dry_run, progress=progress
        )

    def settle(
        self, progress: Progress | None = None, *, spent: dict[str, float] | None = None
    ) -> None:
        """Learn, federate and project all that is in the log.

        `spent` is given the seconds of each part, added to what it holds.
        """
        if self._ends() == self._settled_ends:
            return
        if self._settled_ends is not None or not self._quiet():
            with projecting(self._projecting()):
                with _timed(spent, "learn"):
                    while self._learn(progress):
                        continue
                with _timed(spent, "federate"):
                    self._federate()
        with _timed(spent, "project"):
            self._project(progress)
        self._settled_ends = self._ends()

    def patterns(
        self,
        kind: str | None = None,
        *,
        min_confidence: float | None = None,
        search: str | None = None,
        limit: int = 50,
        after: Key | None = None,
    ) -> list[Pattern]:
        """Learned patterns, best first: by confidence, then occurrences, then id.

        `after` is the `key` of the last pattern of the page before.
        """
        return self._ask(
            lambda store: queries.patterns(
                store,
                kind=kind,
                min_confidence=min_confidence,
                search=search,
                limit=limit,
                after=after,
            )
        )

    def pattern(self, name: str) -> Detail:
        """One pattern by id, signature, or `kind:signature`, with measures, days and sites.

        Raises:
            WrongUse: there is none of that name, or more than one.
        """
        detail = self._ask(lambda store: queries.pattern(store, name))
        if detail is None:
            message = f"no pattern is called {name!r}; `motif patterns --search` finds them"
            raise WrongUse(message)
        return detail

    def sql(self, query: str) -> pa.Table:
        """The rows of one read-only SQL statement over the projection.

        Raises:
            WrongUse: it is no single SELECT, or DuckDB refuses it.
        """
        return self._ask(lambda store: adhoc.sql(store, query))

    def status(self) -> Status:
        """How far everything is, without settling first."""
        held = queries.status(self._opened())
        return Status(
            folder=self.folder,
            identity=self.identity,
            partitions=self._partitions(held.positions),
            patterns=held.patterns,
            rows=held.rows,
            open_letters=held.dead_letters_undecided,
            log_bytes=_size(self.folder, "log.sqlite*"),
            projection_bytes=_size(self.folder, f"{PROJECTION}*"),
            notices=list(self.notices),
        )

    def rebuild(self) -> None:
        """Throw the projection away and make it again from the log."""
        self.settle()
        self._close_projector()
        rebuild(self.log, self._opened())

    def verify(self) -> list[Difference]:
        """What differs between the live projection and one made from the log just now."""
        self.settle()
        self._close_projector()
        return self._ask(lambda store: verify(self.log, store))

    def dead_letters(self, *, open_only: bool = True) -> list[Letter]:
        """Refused records, newest last."""
        return deadletters.letters(self.log, open_only=open_only)

    def retry(self, ids: Sequence[str] | None = None) -> list[tuple[str, str]]:
        """Try letters again, all open ones by default; per letter what became of it."""
        return deadletters.retry(self.log, ids)

    def discard(self, ids: Sequence[str]) -> None:
        """Mark letters as not wanted; their bytes stay."""
        deadletters.discard(self.log, ids)

    def contributions(self) -> list[federation.Carried]:
        """What this site and those it knows contributed, to be taken in by another."""
        self.settle()
        return federation.contributions(self.log)

    def take_in(self, contributions: Iterable[federation.Carried]) -> TakenIn:
        """Take in the contributions of another site; of each contributor the greatest version."""
        self.settle()
        return federation.take_in(self.log, self._federators, self.identity, contributions)

    def close(self) -> None:
        """Let go of the folder."""
        self._close_store()
        self.log.close()

    def __enter__(self) -> Self:
        """The node itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _make_learners(self) -> list[Learner]:
        identity = self.identity
        rules = Rules(identity.epoch, identity.allowed_servers)
        return [
            Learner(
                self.log,
                Contributor(identity.site_id, identity.log_id, topic.name, partition),
                rules,
                label=identity.label,
            )
            for topic in LEARNED_TOPICS
            for partition in range(self.log.partitions)
        ]

    def _ends(self) -> list[int]:
        return [
            self.log.end(topic.name, partition)
            for topic in PROJECTED_TOPICS
            for partition in range(self.log.partitions)
        ]

    def _partitions(self, known: Sequence[queries.Reached]) -> list[PartitionStatus]:
        reached = {(row.topic, row.partition): row for row in known}
        partitions = []
        for topic in LEARNED_TOPICS:
            for partition in range(self.log.partitions):
                row = reached.get((topic.name, partition))
                partitions.append(
                    PartitionStatus(
                        topic=topic.name,
                        partition=partition,
                        end=self.log.end(topic.name, partition),
                        learned=(row and row.learned) or 0,
                        waiting=(row and row.waiting) or 0,
                        late=(row and row.late) or 0,
                        repeats=(row and row.repeats) or 0,
                        conflicting=(row and row.conflicting) or 0,
                        refused=(row and row.refused) or 0,
                    )
                )
        return partitions

    def _ask(self, question: Callable[[Store], Answer]) -> Answer:
        """Answer from the settled projection; one that is found damaged is made anew first."""
        try:
            self.settle()
            return question(self._opened())
        except ProjectionDamaged as damaged:
            self.notices.append(str(damaged))
        self._close_store()
        self._settled_ends = None
        self.settle()
        return question(self._opened())

    def _learn(self, progress: Progress | None) -> int:
        learned = 0
        for learner in self._learners:
            learned += learner.step()
            self.notices += learner.notices
            learner.notices.clear()
            if progress is not None:
                progress("learn", learned, 0)
        return learned

    def _quiet(self) -> bool:
        """Whether nothing is left to learn and federate; cheaper than asking those who would."""
        for partition in range(self.log.partitions):
            learned, written = progress_of(self.log, partition)
            ends = {(topic.name, self.identity.epoch) for topic in LEARNED_TOPICS}
            for topic in LEARNED_TOPICS:
                at = learned.get((topic.name, self.identity.epoch), 0)
                if at != self.log.end(topic.name, partition):
                    return False
            if learned.keys() - ends or (written is None and learned):
                return False
            end = self.log.end(PATTERN_CONTRIBUTIONS.name, partition)
            if end and (written is None or written.position != end):
                return False
        return True

    def _federate(self) -> int:
        return sum(federator.step() for federator in self._federators)

    def _project(self, progress: Progress | None) -> None:
        projector = self._projecting()
        done = 0
        moved = 1
        while moved:
            with uncollected():
                moved = projector.step()
            done += moved
            if progress is not None:
                progress("project", done, 0)

    def _projecting(self) -> Projector:
        if self._projector is None:
            self._projector = Projector(self.log, self._opened())
            self.notices += self._projector.notices
        return self._projector

    def _opened(self) -> Store:
        if self._store is None:
            path = self.folder / PROJECTION
            self._store = Store.open(path, log_id=self.identity.log_id)
        return self._store

    def _close_projector(self) -> None:
        if self._projector is not None:
            self._projector.close()
        self._projector = None

    def _close_store(self) -> None:
        self._close_projector()
        if self._store is not None:
            self._store.close()
        self._store = None


@contextmanager
def _timed(spent: dict[str, float] | None, part: str) -> Iterator[None]:
    start_s = monotonic_s()
    yield
    if spent is not None:
        spent[part] = spent.get(part, 0.0) + monotonic_s() - start_s


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))
