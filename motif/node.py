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
from typing import Any, cast, get_args

from pydantic import ValidationError

from connectors.contract import Options
from connectors.logs.sqlite import SqliteLog
from connectors.publisher import Published, Publisher
from motif import deadletters, federation, importing
from motif.asking import Answer, Asking
from motif.beside import ARCHIVED, DERIVED, LOG, size_of
from motif.deadletters import Letter
from motif.engine import Engine, Progress
from motif.federation import TakenIn
from motif.importing import NO_OPTIONS, Imported, Reading
from motif.lifecycle import FolderLifecycle, Lifecycle, Outcome, cutoff
from motif.stating import Statements
from motif.upkeep import Upkeep
from projections import queries
from projections.records import RECORDS
from projections.remote import Readable
from projections.verify import Difference, verify
from schemas.clock import new_id, now_us
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.log import Log, left
from schemas.topics import LEARNED_TOPICS
from schemas.workflows import PatternReviewed
from schemas.workflows import Status as ReviewStatus
from streams.identity import Identity


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """How far one partition of an input topic is learned, and what was noted on the way.

    `lag` is how much is not learned yet: 0 exactly where nothing is, else at most so many records.
    """

    topic: str
    partition: int
    end: int
    learned: int
    lag: int
    waiting: int
    late: int
    repeats: int
    conflicting: int
    refused: int
    pruned: int


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
    archive_bytes: int = 0
    notices: list[str] = field(default_factory=list)


class Node(Asking):
    """One installation in one process; made by `motif.open`. Not thread-safe.

    >>> import motif, tempfile
    >>> from connectors.generate import sessions
    >>> with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
    ...     published = node.publish(sessions(seed=7, count=1))
    ...     first = node.pattern("tool:Bash").pattern.occurrences
    ...     again = node.publish(sessions(seed=7, count=1))
    ...     (
    ...         published.appended == again.appended,
    ...         node.pattern("tool:Bash").pattern.occurrences == first,
    ...         node.verify(),
    ...     )
    (True, True, [])
    """

    def __init__(
        self, folder: Path, log: Log, identity: Identity, engine: Engine | None = None
    ) -> None:
        """Take over a founded log; the node closes it."""
        self.folder = folder
        self.log = log
        self.identity = identity
        self.engine = engine or Engine(folder, log, identity)
        self.publisher = Publisher(log, forgets=identity.forgets)
        self._statements: dict[str, Statements] = {}
        self.upkeep: Upkeep | None = None

    @property
    def notices(self) -> list[str]:
        """Sentences about anything out of the ordinary, such as a projection made anew."""
        return self.engine.notices

    def publish(self, events: Event | Iterable[Event]) -> Published:
        """Append events; durable when it returns. Repeats are known when they are learned.

        They are learned when somebody asks; after many they are so at once, now and then.
        """
        items = [events] if isinstance(events, Event) else events
        return self.publisher.publish(items, origin="library", heed=self.engine.heed)

    @contextmanager
    def stating(self, source: str) -> Iterator[Statements]:
        """What this source has said about things that may be amended, as of now.

        It is forgotten, and read again, where what is numbered meanwhile is not all appended.
        """
        known = self._statements.pop(source, None)
        if known is None:
            known = Statements(self.log, source)
        known.refresh()
        yield known
        self._statements[source] = known

    def import_files(
        self,
        format_name: str,
        paths: Sequence[Path] = (),
        *,
        options: Options = NO_OPTIONS,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Imported:
        """Read files or folders of a format, append their events, and settle.

        Raises:
            WrongUse: no such format, one without these options, or nothing at a path.
            SourceUnreadable: a file is not what the format says.
        """
        reading = Reading(format_name, paths, progress, options, self.folder)
        if dry_run:
            return reading.dry(self.log)
        with self.stating(reading.states_for) as statements:
            imported = importing.import_files(self.engine, self.publisher, reading, statements)
        self.keep_up()
        return imported

    def review(self, pattern_id: str, status: str, **said: str | None) -> None:
        """Decide how far the automation of a pattern is; the latest decision counts.

        What is not said stays as it was said before.

        Args:
            pattern_id: the pattern's id.
            status: detected, candidate, approved, automated, deprecated or archived.
            said: `reviewed_by`, `notes`, `tool_name`, `tool_script_path`, each optional.

        Raises:
            WrongUse: there is no such status, or a name is empty, endless or no text.
        """
        decided = _decided({"pattern_id": pattern_id, "status": status, **said})
        self.publish(Event("motif", f"review/{new_id()}", decided, now_us()))

    def settle(
        self, progress: Progress | None = None, *, spent: dict[str, float] | None = None
    ) -> None:
        """Learn, federate and project all that is in the log.

        `spent` is given the seconds of each part, added to what it holds.
        """
        self.engine.settle(progress, spent=spent)
        self.keep_up()

    def ask(self, question: Callable[[Readable], Answer]) -> Answer:
        """Ask anything of the settled projection."""
        answer = self.engine.ask(question)
        self.keep_up()
        return answer

    def status(self) -> Status:
        """How far everything is, without settling first."""
        held = self._held()
        return Status(
            folder=self.folder,
            identity=self.identity,
            partitions=self._partitions(held.positions),
            patterns=held.patterns,
            rows=held.rows,
            open_letters=held.dead_letters_undecided,
            log_bytes=size_of(self.folder, LOG),
            projection_bytes=size_of(self.folder, *DERIVED),
            archive_bytes=size_of(self.folder, ARCHIVED),
            notices=list(self.notices),
        )

    def rebuild(self) -> None:
        """Make the projection again from the log, in the place of the one there is."""
        self.engine.rebuild()

    def relearn(self) -> None:
        """Throw away what was learned, and learn it again from the log by today's rules."""
        self.engine.relearn()

    def archive(
        self,
        days: float,
        *,
        as_of_us: int | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Outcome:
        """Move events that are more than so many days old out of the log, into Parquet files.

        They are asked for as before. How old an event is its own time says, before now or
        `as_of_us`; one without a time is as old as its record.

        Raises:
            LogUnavailable: a full disk, or missing rights; it may be called again.
        """
        return self._lifecycle(days, as_of_us, dry_run=dry_run, progress=progress).archive()

    def prune(
        self,
        days: float,
        *,
        as_of_us: int | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Outcome:
        """Delete events that are more than so many days old, in the log and its archive, for good.

        What they taught stays. It cannot be learned again: rules and settings stay what they are.

        Raises:
            LogUnavailable: a full disk, or missing rights; it may be called again.
        """
        old = self._lifecycle(days, as_of_us, dry_run=dry_run, progress=progress)
        outcome = old.prune()
        self.engine.look_again()
        self.settle()
        return outcome

    def verify(self) -> list[Difference]:
        """What differs between the live projection and one made from the log just now.

        Raises:
            LogDamaged: a file of the archive is missing, or is not what was written.
        """
        if isinstance(self.log, SqliteLog):
            self.log.check_files()
            self.notices.extend(_of_no_use(self.log.strays()))
        self.settle()
        self.engine.stop_projecting()
        records = self.folder / RECORDS
        return self.engine.ask(lambda store: verify(self.log, store, records))

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
        return federation.take_in(self.log, self.engine.federators, self.identity, contributions)

    def close(self) -> None:
        """Let go of the folder."""
        self.engine.let_go()
        self.log.close()

    def keep_up(self) -> None:
        """Archive and prune what is due; whoever settles or asks has done so already."""
        upkeep, self.upkeep = self.upkeep, None  # which settles and asks as well
        if upkeep is not None:
            try:
                self.notices.extend(upkeep.run(self))
            finally:
                self.upkeep = upkeep

    def _lifecycle(
        self, days: float, as_of_us: int | None, *, dry_run: bool, progress: Progress | None
    ) -> Lifecycle[Any]:
        """What archives and prunes the events that are so many days old; all is learned."""
        self.settle()
        log = cast("SqliteLog", self.log)  # as a log is opened that is learned here
        cutoff_us = cutoff(now_us() if as_of_us is None else as_of_us, days)
        return FolderLifecycle(log, self.identity, self.folder, cutoff_us, dry_run, progress)

    def _held(self) -> queries.Status:
        """How far the projection is as it is."""
        return queries.status(self.engine.opened())

    def _partitions(self, known: Sequence[queries.Reached]) -> list[PartitionStatus]:
        reached = {(row.topic, row.partition): row for row in known}
        partitions = []
        for topic in LEARNED_TOPICS:
            for partition in range(self.log.partitions):
                row = reached.get((topic.name, partition))
                learned = (row and row.learned) or 0
                partitions.append(
                    PartitionStatus(
                        topic=topic.name,
                        partition=partition,
                        end=self.log.end(topic.name, partition),
                        learned=learned,
                        lag=left(self.log, topic.name, partition, learned),
                        waiting=(row and row.waiting) or 0,
                        late=(row and row.late) or 0,
                        repeats=(row and row.repeats) or 0,
                        conflicting=(row and row.conflicting) or 0,
                        refused=(row and row.refused) or 0,
                        pruned=(row and row.pruned) or 0,
                    )
                )
        return partitions


def _of_no_use(strays: Sequence[Path]) -> Iterator[str]:
    """A sentence about files in the archive that the log does not name."""
    if strays:
        files = "1 file" if len(strays) == 1 else f"{len(strays):,} files"
        yield (
            f"the log does not name {files} in its archive, such as {strays[0]}: the next archive "
            "or prune that finds something old deletes what is of no use, or you may"
        )


def _decided(stated: Mapping[str, str | None]) -> PatternReviewed:
    """The decision that is stated; WrongUse names what of it cannot be meant."""
    try:
        decided = PatternReviewed.model_validate(stated)
        (decided.notes or "").encode()
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0])
    except UnicodeEncodeError:
        wrong = "notes"
    else:
        return decided
    right = {
        "status": f"one of {', '.join(get_args(ReviewStatus))}",
        "notes": "text in UTF-8",
    }.get(wrong, "text in UTF-8 of 1 to 1,024 characters")
    raise WrongUse(f"{wrong} is {stated[wrong]!r:.64}; it must be {right}")
