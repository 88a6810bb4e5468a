"""Workers of a simulation: each a process with learners and federators of its partitions."""

from collections import Counter

from motif.simulation.log import Access, Crashed, SimulatedLog
from schemas.errors import Fenced, LogIncompatible
from schemas.topics import AGENT_EVENTS
from streams.contribution import Contributor, Epoch
from streams.federator import Federator
from streams.identity import Identity, identity_of
from streams.learner import Learner
from streams.rules import Rules


class Unexcused(Exception):
    """A partition was learned again, and nothing had been lost."""


class Excuses:
    """Partitions whose learners may have reason to begin again."""

    def __init__(self, partitions: int) -> None:
        self._excused = [False] * partitions

    def give(self, partition: int) -> None:
        """Something this partition's learner depends on was lost or changed."""
        self._excused[partition] = True

    def check(self, partition: int, notice: str) -> None:
        """A learner began again.

        Raises:
            Unexcused: it had no reason to.
        """
        if not self._excused[partition]:
            raise Unexcused(f"{notice}; nothing had been lost")

    def take_back(self, partition: int) -> None:
        """It is learned again now; the next time it needs another reason."""
        self._excused[partition] = False


class Worker:
    """A process: learners and federators by partition, under the rules the log had at its start."""

    def __init__(self, name: str, log: SimulatedLog, excuses: Excuses, seen: Counter[str]) -> None:
        self.name = name
        self.access = Access(log)
        self.asleep = False
        self.learners: dict[int, Learner] = {}
        self.federators: dict[int, Federator] = {}
        self._epochs: dict[int, Epoch] = {}
        self._log = log
        self._excuses = excuses
        self._seen = seen

    @property
    def partitions(self) -> list[int]:
        """What it believes to be its own."""
        return sorted(self.learners)

    def assign(self, partition: int) -> None:
        """Begin with a partition, under the rules of now."""
        identity = known(self._log)
        of = Contributor(identity.site_id, identity.log_id, AGENT_EVENTS.name, partition)
        rules = Rules.of(identity)
        self._epochs[partition] = identity.epoch
        self.learners[partition] = Learner(self.access, of, rules, label=identity.label)
        self.federators[partition] = Federator(self.access, partition)

    def leave(self, partition: int) -> None:
        """Give a partition up in order."""
        self.learners.pop(partition).release()
        self.federators.pop(partition).release()

    def learn(self, partition: int, limit: int) -> int:
        """A step of a learner; one that was fenced or is too old begins again if it still may."""
        try:
            done = self.learners[partition].step(limit)
        except (Fenced, LogIncompatible) as gone:
            self._seen["fenced" if isinstance(gone, Fenced) else "refused newer rules"] += 1
            self.account(partition)
            self._dropped(partition)
            return 1
        except Crashed:
            self.account(partition)
            raise
        # Who still has the old rules leaves it to somebody else to begin again under the new.
        if self.account(partition) and self._epochs[partition] == known(self._log).epoch:
            self._excuses.take_back(partition)
        return done

    def account(self, partition: int) -> bool:
        """Whether its learner began again just now; it must have had a reason."""
        notices = self.learners[partition].notices
        for notice in notices:
            self._seen["learned again"] += 1
            self._excuses.check(partition, notice)
        began_again = bool(notices)
        notices.clear()
        return began_again

    def federate(self, partition: int) -> int:
        """A step of a federator, likewise."""
        try:
            return self.federators[partition].step()
        except Fenced:
            self._seen["fenced"] += 1
            self._dropped(partition)
            return 1

    def restart(self) -> None:
        """Lose all memory, and go on."""
        self.access = Access(self._log)
        for partition in self.partitions:
            self.assign(partition)

    def _dropped(self, partition: int) -> None:
        """Whoever was asleep has no partitions any more when it finds out; others try again."""
        if self.asleep:
            del self.learners[partition], self.federators[partition]
        else:
            self.assign(partition)


def known(log: SimulatedLog) -> Identity:
    """Who the log is, and its settings as they are now."""
    identity = identity_of(log)
    assert identity is not None, "a simulation founds its log first"
    return identity
