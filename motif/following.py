"""A node of a log whose learners and federators are other processes, as on Kafka.

It learns nothing. What it projects is what was learned; where a projector keeps the folder up to
date, not even that: it asks the projector, whose answer is at most seconds behind.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, cast

from connectors.contract import Options
from motif import importing
from motif.asking import Answer, Asked
from motif.engine import Engine, Progress
from motif.importing import NO_OPTIONS, Imported, Reading
from motif.lifecycle import cutoff
from motif.node import Node
from motif.waiting import Waiting
from projections import queries
from projections.remote import Readable
from projections.verify import Difference
from schemas.clock import now_us
from schemas.errors import LogHeld, WrongUse
from schemas.log import Log
from streams.identity import Identity

if TYPE_CHECKING:
    from connectors.logs.archived import ArchivedLog
    from motif.kafka_lifecycle import KafkaLifecycle


class Follower(Engine):
    """Projects a log up to where others have learned it."""

    def settle(
        self, progress: Progress | None = None, *, spent: dict[str, float] | None = None
    ) -> None:
        """Project all that was learned; what was not, somebody else will learn."""
        del spent
        self._project(progress)


class FollowingNode(Node):
    """Publishes into a log, and answers about what others learned from it."""

    def __init__(
        self, folder: Path, log: Log, identity: Identity, *, asked: Asked | None = None
    ) -> None:
        """Take over a founded log; `asked` is the projector of the folder, where one runs."""
        super().__init__(folder, log, identity, Follower(folder, log, identity))
        self.asked: Final = asked

    def settle(
        self, progress: Progress | None = None, *, spent: dict[str, float] | None = None
    ) -> None:
        """Project what was learned, where no projector does."""
        if self.asked is None:
            self.engine.settle(progress, spent=spent)

    def ask(self, question: Callable[[Readable], Answer]) -> Answer:
        """Ask the projector, else the projection of our own."""
        return self.engine.ask(question) if self.asked is None else self.asked.ask(question)

    def import_files(
        self,
        format_name: str,
        paths: Sequence[Path] = (),
        *,
        options: Options = NO_OPTIONS,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Imported:
        """Read files or folders of a format, append their events, and wait until they are learned.

        What workers do not learn is recorded all the same, which is said among the notices.

        Raises:
            WrongUse: no such format, or nothing at a path.
        """
        reading = Reading(format_name, paths, progress, options, self.folder)
        if dry_run:
            return reading.dry(self.log)
        before = self.ask(queries.kinds_by_totals)
        with self.stating(reading.states_for) as statements:
            items = reading.into(statements)
            published = self.publisher.publish(items, origin=reading.source.name)
        waiting = Waiting(self, published.positions, progress)
        learned = waiting.learned()
        if learned:
            waiting.federated()
        self.notices.extend(waiting.notices)
        noted = self.ask(
            lambda store: queries.noted_between(store, published.starts, published.positions)
        )
        after = self.ask(queries.kinds_by_totals)
        return Imported(
            report=reading.report,
            appended=published.appended,
            refused=published.refused + noted.refused,
            repeats=noted.repeats,
            conflicting=noted.conflicting,
            patterns=after,
            new_patterns=importing.more(before, after),
            learned=learned,
            forgotten=published.forgotten,
        )

    def rebuild(self) -> None:
        """Make the projection again from the log.

        Raises:
            LogHeld: a projector keeps it up to date.
        """
        self._alone()
        super().rebuild()

    def relearn(self) -> NoReturn:
        """Refuse: what workers learn they alone can learn again.

        Raises:
            WrongUse: always.
        """
        raise WrongUse(
            "workers learn a log on Kafka; they learn it again when its rules change, "
            "by MOTIF_OPERATION_RULES or MOTIF_MCP_SERVERS and 'motif topics create'"
        )

    def verify(self) -> list[Difference]:
        """What differs between the live projection and one made from the log just now.

        Raises:
            LogHeld: a projector keeps it up to date.
        """
        self._alone()
        return super().verify()

    def take_in(self, contributions: object) -> NoReturn:
        """Refuse: contributions of other sites come to a log on Kafka by mirrored topics.

        Raises:
            WrongUse: always.
        """
        del contributions
        raise WrongUse("a log that workers learn takes in contributions through its topics")

    def _lifecycle(
        self, days: float, as_of_us: int | None, *, dry_run: bool, progress: Progress | None
    ) -> "KafkaLifecycle":
        """On Kafka records go from the beginning of a partition only, up to one that stays."""
        from motif.kafka_lifecycle import KafkaLifecycle  # noqa: PLC0415  # Where it is installed.

        self.settle()
        log = cast("ArchivedLog", self.log)  # as a log is opened that is followed
        cutoff_us = cutoff(now_us() if as_of_us is None else as_of_us, days)
        return KafkaLifecycle(log, self.identity, self.folder, cutoff_us, dry_run, progress)

    def _held(self) -> queries.Status:
        return super()._held() if self.asked is None else self.asked.ask(queries.status)

    def _alone(self) -> None:
        if self.asked is not None:
            raise LogHeld(
                f"the projection in {self.folder} is kept up to date by process "
                f"{self.asked.about.pid}; stop it first"
            )
