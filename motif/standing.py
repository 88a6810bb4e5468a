"""How an installation on Kafka fares: its partitions, the rows of patterns, the projector.

And what stalls, each in a sentence. A lag alone is no stall: something may have come just now. It
is one when what waits has waited for a minute and nothing was committed meanwhile, or when nobody
has the partition.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

from motif.beside import DERIVED
from projections import queries, wire
from projections.projector import FOLLOWED_TOPICS
from projections.reading import Place
from projections.tables import positions
from schemas.clock import Clock, now_us
from schemas.log import Log, left
from schemas.topics import EVENT_DUPLICATES, LEARNED_TOPICS, PATTERNS
from streams.identity import Identity

STALLED_S: Final = 60.0
"""How long something may wait before it has stalled."""

RECHECK_S: Final = 5.0
RECHECK_PAUSE_S: Final = 0.2
"""How long, and how often, rows are looked for before nobody is believed to write them."""

_SECOND_US: Final = 1_000_000
_WINDOW: Final = 64


@dataclass(frozen=True, slots=True)
class Learned:
    """One partition of an input topic: how far it is learned, by whom, and how long ago.

    `checkpoint_age_s` is since the last commit, `waiting_s` since the first record came that is
    not learned; None is not known, or that there is none.
    """

    topic: str
    partition: int
    end: int
    learned: int
    lag: int
    owner: str | None
    checkpoint_age_s: float | None
    waiting_s: float | None
    waiting: int
    late: int
    repeats: int
    conflicting: int
    refused: int


@dataclass(frozen=True, slots=True)
class ProjectorStatus:
    """The projector's process, where one runs, and how far the tables are behind."""

    pid: int | None
    behind: int
    behind_s: float | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything at once; `rows_behind` counts patterns whose row is not written yet."""

    log: str
    folder: Path
    identity: Identity
    partitions: list[Learned]
    rows_behind: int
    projector: ProjectorStatus
    patterns: Mapping[str, int]
    rows: Mapping[str, int]
    open_letters: int
    projection_bytes: int
    stalled: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sight:
    """What could be found out: of the log, where it can be reached, and of the tables.

    `owners` is None where nobody knows, `trouble` why the log cannot be reached.
    """

    name: str
    folder: Path
    identity: Identity
    held: queries.Status
    rows_behind: int
    log: Log | None = None
    owners: Mapping[Place, str] | None = None
    about: wire.About | None = None
    trouble: str | None = None
    clock: Clock = now_us


def standing_of(sight: Sight) -> Standing:
    """How everything fares."""
    reached = {(one.topic, one.partition): one for one in sight.held.positions}
    partitions = [
        _learned(sight, place, end, reached.get(place)) for place, end in _ends(sight).items()
    ]
    projector = _projector(sight, reached)
    stalled = [
        *([sight.trouble] if sight.trouble else []),
        *_nobody_learns(sight, partitions),
        *filter(None, (_stalled(one) for one in partitions if one.owner or sight.owners is None)),
        *_rows_stalled(sight),
        *_projector_stalled(projector),
    ]
    return Standing(
        log=sight.name,
        folder=sight.folder,
        identity=sight.identity,
        partitions=partitions,
        rows_behind=sight.rows_behind,
        projector=projector,
        patterns=sight.held.patterns,
        rows=sight.held.rows,
        open_letters=sight.held.dead_letters_undecided,
        projection_bytes=sum(
            path.stat().st_size
            for derived in DERIVED
            for path in sight.folder.glob(derived)
            if path.is_file()
        ),
        stalled=stalled,
    )


def _ends(sight: Sight) -> dict[Place, int]:
    log = sight.log
    if log is None:
        told = sight.about.ends if sight.about else []
        return {(one.topic, one.partition): one.end for one in told}
    return {
        (topic.name, number): log.end(topic.name, number)
        for topic in LEARNED_TOPICS
        for number in range(log.partitions)
    }


def _learned(sight: Sight, place: Place, end: int, projected: queries.Reached | None) -> Learned:
    """What the learner said last, by the log; by the tables, where the log cannot be reached."""
    said, committed_us = said_of(sight.log, place) if sight.log else (None, None)
    found = said or projected
    learned = (said.position if said else projected.learned if projected else None) or 0
    lag = left(sight.log, *place, learned) if sight.log else _told(sight, place)
    waits_us = None
    if lag and sight.log is not None:
        waits_us = sight.log.read(*place, learned, 1)[0].appended_at_us
    return Learned(
        topic=place[0],
        partition=place[1],
        end=end,
        learned=learned,
        lag=lag,
        owner=(sight.owners or {}).get(place),
        checkpoint_age_s=_age_s(sight, committed_us),
        waiting_s=_age_s(sight, waits_us),
        waiting=(found and found.waiting) or 0,
        late=(found and found.late) or 0,
        repeats=(found and found.repeats) or 0,
        conflicting=(found and found.conflicting) or 0,
        refused=(found and found.refused) or 0,
    )


def _told(sight: Sight, place: Place) -> int:
    """The lag as the projector saw it last."""
    ends = sight.about.ends if sight.about else []
    return sum(one.lag for one in ends if (one.topic, one.partition) == place)


def said_of(log: Log, place: Place) -> tuple[positions.Learned | None, int | None]:
    """What the learner of a partition said last, and when, by the log."""
    key = f"{place[0]}/{place[1]}/position".encode()
    topic, partition = EVENT_DUPLICATES.name, place[1]
    end, window = log.end(topic, partition), _WINDOW
    while True:
        first = max(0, end - window)
        for record in reversed(log.read(topic, partition, first, window)):
            if record.key == key and record.value is not None:
                return positions.decode_learned(record.value), record.appended_at_us
        if not first:
            return None, None
        window *= 8


def _age_s(sight: Sight, moment_us: int | None) -> float | None:
    return None if moment_us is None else max(0, sight.clock() - moment_us) / _SECOND_US


def _projector(sight: Sight, reached: Mapping[Place, queries.Reached]) -> ProjectorStatus:
    behind = sum(one.behind for one in sight.held.positions)
    if sight.log is not None:
        behind += sum(
            left(sight.log, topic, number, at.position if at else 0)
            for topic in FOLLOWED_TOPICS
            for number in range(sight.log.partitions)
            for at in [reached.get((topic, number))]
        )
    about = sight.about
    if about is None:
        return ProjectorStatus(None, behind, None, None)
    return ProjectorStatus(about.pid, behind, _age_s(sight, about.caught_up_at_us), about.trouble)


def _nobody_learns(sight: Sight, partitions: list[Learned]) -> Iterator[str]:
    """Partitions with something to learn that no worker has, where owners are known."""
    lost = [one for one in partitions if one.lag and one.owner is None]
    if sight.owners is not None and lost:
        places = ", ".join(f"{one.topic}/{one.partition}" for one in lost)
        yield (
            f"no worker has {places}, of which {sum(one.lag for one in lost):,} offsets are not "
            "learned; start one with: motif worker"
        )


def _stalled(one: Learned) -> str | None:
    """Why a partition stalls that some worker has."""
    if one.waiting_s is None or one.waiting_s <= STALLED_S:
        return None
    age_s = one.checkpoint_age_s
    if age_s is not None and age_s <= STALLED_S:
        return None
    last = "it has no checkpoint" if age_s is None else f"its last checkpoint is {age_s:,.0f} s old"
    return (
        f"{one.topic}/{one.partition} stalls: {one.lag:,} offsets are not learned, the first for "
        f"{one.waiting_s:,.0f} s, and {last}"
    )


def _rows_stalled(sight: Sight) -> Iterator[str]:
    """Whether rows of patterns are due and nobody writes them."""
    log = sight.log
    if log is None or not sight.rows_behind:
        return
    ends = _row_ends(log)
    last_us = max((_last_us(log, number, end) for number, end in ends.items()), default=0)
    age_s = max(0, sight.clock() - last_us) / _SECOND_US
    if age_s <= STALLED_S:
        return
    for _ in range(round(RECHECK_S / RECHECK_PAUSE_S)):
        Event().wait(RECHECK_PAUSE_S)
        if _row_ends(log) != ends:
            return
    ago = f"for {age_s:,.0f} s" if last_us else "ever"
    yield (
        f"the rows of {sight.rows_behind:,} patterns are behind, and none was written {ago}: "
        "no worker federates"
    )


def _row_ends(log: Log) -> dict[int, int]:
    return {number: log.end(PATTERNS.name, number) for number in range(log.partitions)}


def _last_us(log: Log, partition: int, end: int) -> int:
    records = log.read(PATTERNS.name, partition, max(0, end - _WINDOW), _WINDOW)
    return records[-1].appended_at_us if records else 0


def _projector_stalled(projector: ProjectorStatus) -> Iterator[str]:
    who = f"the projector, process {projector.pid},"
    if projector.pid is None:
        return
    if projector.trouble is not None:
        yield f"{who} waits: {projector.trouble}"
    elif projector.behind and (projector.behind_s is None or projector.behind_s > STALLED_S):
        ago = "yet" if projector.behind_s is None else f"for {projector.behind_s:,.0f} s"
        yield f"{who} has not caught up {ago}; {projector.behind:,} offsets are to be projected"
