"""What a partition's learner knows: a pure function of the log up to its position.

No clock, no chance, no input or output here. `changed` and `journal` gather what the next commit
has to write; everything else is the state itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import Refused
from streams import statements
from streams.change import Bulk, Change, Pattern
from streams.dedupe import Seen
from streams.gathered import Gathered
from streams.recognise import AMENDED_KINDS, MIXED_KINDS
from streams.sessions import (
    CALLED,
    ERROR_CLASSES,
    FACT,
    FINISHED,
    Call,
    Result,
    Session,
    pack_time,
    unpack,
)
from streams.statements import Statement
from streams.tally import Tally

HOT_CALLS_MAX = 4_000
"""Calls of recently touched sessions that stay linked; the others are packed facts only."""


class Learned:
    """A pattern as this partition knows it: its tally and the offset that last changed it."""

    __slots__ = ("_packed", "_tally", "digest", "offset", "pattern")

    def __init__(self, pattern: Pattern, packed: bytes | None = None) -> None:
        """Start empty, or from an encoded tally that is decoded when it is first needed."""
        self.pattern = pattern
        self.offset = -1
        self.digest = 0
        self._packed = packed
        self._tally: Tally | None = None if packed else Tally()

    @property
    def tally(self) -> Tally:
        """The integers learned so far."""
        if self._tally is None:
            self._tally = Tally.decode(self._packed or b"")
            self._packed = None
        return self._tally

    def restart(self) -> None:
        """Forget the tally, to fold it again."""
        self._tally, self._packed = Tally(), None

    def add(self, more: Tally) -> None:
        """Add what was folded elsewhere."""
        self._tally, self._packed = self.tally + more, None


@dataclass(slots=True)
class Counts:
    """Facts about a partition that are shown, not learned from."""

    waiting: int = 0
    late: int = 0
    repeats: int = 0
    conflicting: int = 0
    refused: int = 0


@dataclass(slots=True)
class Journal:
    """What was added since the last commit, in the packed form of the checkpoint."""

    ids: bytearray = field(default_factory=bytearray)
    facts: bytearray = field(default_factory=bytearray)
    tools: list[str] = field(default_factory=list)
    current: dict[bytes, bytes] = field(default_factory=dict)


class Sessions:
    """The sessions of a partition: packed facts of all, linked calls of the recent ones."""

    def __init__(self) -> None:
        """Start with none."""
        self.packed: dict[int, bytearray] = {}
        self.tools: list[str] = []
        self._index: dict[str, int] = {}
        self._hot: dict[int, Session] = {}
        self._hot_calls = 0

    def restore(self, facts: dict[int, bytearray], tools: Iterable[str]) -> None:
        """Take over packed facts by session, and the names they speak of."""
        self.packed = facts
        self.tools = list(tools)
        self._index = {tool: place for place, tool in enumerate(self.tools)}

    def of(self, key: int) -> Session:
        """The linked calls of a session, most recently used last."""
        session = self._hot.pop(key, None)
        if session is None:
            facts = self.packed.get(key)
            session = Session() if facts is None else unpack(facts, self.tools)
            self._hot_calls += len(session)
            self._cool()
        self._hot[key] = session
        return session

    def place_of(self, tool: str, journal: Journal) -> int:
        """The number that stands for a tool's name in packed facts."""
        place = self._index.get(tool)
        if place is None:
            place = self._index[tool] = len(self.tools)
            self.tools.append(tool)
            journal.tools.append(tool)
        return place

    def keep(self, key: int, fact: bytes, journal: Journal) -> None:
        """Add a packed fact to its session and to the next checkpoint."""
        facts = self.packed.get(key)
        if facts is None:
            self.packed[key] = bytearray(fact)
        else:
            facts += fact
        journal.facts += fact

    def grew(self) -> None:
        """A linked session got one call more."""
        self._hot_calls += 1

    def _cool(self) -> None:
        while self._hot_calls > HOT_CALLS_MAX and self._hot:
            oldest = self._hot.pop(next(iter(self._hot)))
            self._hot_calls -= len(oldest)
            oldest.unlink()


class Unamended(NamedTuple):
    """What facts changed that are never amended: some folded already, by pattern, the rest not."""

    folded: Mapping[Pattern, Tally]
    changes: Iterable[Change]


class State:
    """Tallies by pattern, sessions, folded ids, current statements, position."""

    def __init__(self) -> None:
        """Start before the first record."""
        self.position = 0
        self.patterns: dict[Pattern, Learned] = {}
        self.sessions = Sessions()
        self.seen = Seen()
        self.current: dict[bytes, bytes] = {}
        self.counts = Counts()
        self.changed: dict[Pattern, Learned] = {}
        self.journal = Journal()
        self._gathered = Gathered()
        self._taken: list[tuple[Change, int]] = []

    def fold(self, changes: Iterable[Change], offset: int, thing: bytes | None = None) -> None:
        """Add changes to the tallies they name, at the latest when the state settles.

        With the thing that they are stated of they cost less to take back soon.
        """
        self._gathered.add(changes, offset, thing)
        if self._gathered.is_full:
            self._gathered.fold_into(self._tally)

    def fold_later(self, bulk: Bulk, fact: object, at_us: int | None, offset: int) -> None:
        """Add what a fact changes, recognised with others of its type: the same, and quicker."""
        self._gathered.put_off(bulk, fact, at_us, offset)
        if self._gathered.is_full:
            self._gathered.fold_into(self._tally)

    def unfold(self, changes: list[Change], offset: int, thing: bytes) -> None:
        """Take back the changes that were stated of a thing, at the latest when the state settles.

        Of a kind that facts feed, that is possible for counters alone: they keep no extremes.
        """
        for change in changes:
            is_counted = not change.occurrences and not change.measures
            if not is_counted and change.pattern[0] not in AMENDED_KINDS | MIXED_KINDS:
                message = f"{change.pattern[0]} is fed by facts that are never amended"
                raise AssertionError(message)
        if not self._gathered.take_back(thing, changes, offset):
            self._taken += [(change, offset) for change in changes]

    def amend(self, thing: bytes, revision: int, appended_us: int, changes: list[Change]) -> None:
        """Make this the current statement about a thing."""
        self._keep(thing, statements.pack(revision, appended_us, changes))

    def amend_alike(
        self,
        thing: bytes,
        revision: int,
        appended_us: int,
        change: Change,
        patterns: Sequence[Pattern],
    ) -> None:
        """Make the current statement a change, and the same change of these patterns."""
        self._keep(thing, statements.pack_alike(revision, appended_us, change, patterns))

    def _keep(self, thing: bytes, packed: bytes) -> None:
        self.current[thing] = packed
        self.journal.current[thing] = packed

    def statement(self, thing: bytes) -> Statement | None:
        """The current statement about a thing: revision, append time, its changes."""
        packed = self.current.get(thing)
        return None if packed is None else statements.unpack(packed)

    def no_longer(self, pattern: Pattern, offset: int) -> Learned:
        """A pattern that was contributed under earlier rules and is not made by these."""
        learned = self.patterns[pattern] = Learned(pattern)
        learned.offset = offset
        return learned

    def settle(self, unamended: Callable[[], Unamended]) -> None:
        """Bring the tallies up to date: fold what was gathered, then take back what was amended.

        A tally that cannot forget exactly is folded again from the current statements and, where
        they are not all that it counted, from `unamended`: what the facts changed that are never
        amended, of the whole log up to here.
        """
        self._gathered.fold_into(self._tally)
        to_rebuild: dict[Pattern, Learned] = {}
        left: dict[Pattern, int] = {}
        for change, offset in self._taken:
            pattern = tuple(change.pattern)
            learned = self._touch(pattern, offset)
            left[pattern] = left.get(pattern, learned.tally.occurrences) - change.occurrences
            if pattern not in to_rebuild and not _take_back(learned.tally, change):
                to_rebuild[pattern] = learned
        self._taken = []
        if not to_rebuild:
            return
        for learned in to_rebuild.values():
            learned.restart()
        _fold_again(to_rebuild, self._stated())
        missing = {
            pattern: learned
            for pattern, learned in to_rebuild.items()
            if pattern[0] in MIXED_KINDS and learned.tally.occurrences < left[pattern]
        }
        if missing:
            facts = unamended()
            for pattern in missing.keys() & facts.folded.keys():
                missing[pattern].add(facts.folded[pattern])
            _fold_again(missing, facts.changes)

    def _stated(self) -> Iterator[Change]:
        """The changes of all current statements."""
        for packed in self.current.values():
            yield from statements.unpack(packed)[2]

    def cut(self) -> None:
        """Start gathering for the next commit."""
        self.changed = {}
        self.journal = Journal()

    def _touch(self, pattern: Pattern, offset: int) -> Learned:
        learned = self.patterns.get(pattern)
        if learned is None:
            learned = self.patterns[pattern] = Learned(pattern)
        learned.offset = max(offset, learned.offset)
        self.changed[pattern] = learned
        return learned

    def _tally(self, pattern: Pattern, offset: int) -> Tally:
        return self._touch(pattern, offset).tally

    def call(self, key: int, identity: int, previous: int, call: Call) -> Session:
        """Add a call to its session; the session, linked."""
        session = self.sessions.of(key)
        self._leave(session)
        session.add_call(identity, previous, call)
        self._enter(session)
        self.sessions.grew()
        place = self.sessions.place_of(call.tool, self.journal)
        at = pack_time(call.at_us)
        fact = FACT.pack(
            CALLED, call.ordered, 0, place, key, identity, previous, at, call.appended_us
        )
        self.sessions.keep(key, fact, self.journal)
        return session

    def result(self, key: int, identity: int, result: Result) -> tuple[Session, Call | None]:
        """Add a result to its session; the session, and the call it was joined to.

        Raises:
            Refused: the call has a result; it is said once.
        """
        session = self.sessions.of(key)
        if session.has_result(identity):
            raise Refused("already_finished", "another event is the result of this call")
        self._leave(session)
        call = session.add_result(identity, result)
        self._enter(session)
        error = ERROR_CLASSES.index(result.error_class or "")
        at = pack_time(result.at_us)
        fact = FACT.pack(FINISHED, result.ok, error, 0, key, identity, 0, at, result.appended_us)
        self.sessions.keep(key, fact, self.journal)
        return session, call

    def _leave(self, session: Session) -> None:
        self.counts.waiting -= session.waiting
        self.counts.late -= session.late

    def _enter(self, session: Session) -> None:
        self.counts.waiting += session.waiting
        self.counts.late += session.late


def _fold_again(patterns: dict[Pattern, Learned], changes: Iterable[Change]) -> None:
    """Fold, of many changes, those of these patterns."""
    gathered = Gathered()

    def tally_of(pattern: Pattern, _: int) -> Tally:
        return patterns[pattern].tally

    for change in changes:
        if change.pattern in patterns:
            gathered.add((change,), 0)
            if gathered.is_full:
                gathered.fold_into(tally_of)
    gathered.fold_into(tally_of)


def _take_back(tally: Tally, change: Change) -> bool:
    whole = tally.unfold(change.at_us, change.occurrences, change.successes, change.failures)
    for name in change.counts:
        whole &= tally.uncount(name)
    for name, value in change.measures:
        whole &= tally.unmeasure(name, value)
    return whole
