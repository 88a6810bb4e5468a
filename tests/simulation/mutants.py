"""Learners that are wrong on purpose, each in the way somebody might really get it wrong."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from schemas.failpoint import reach
from schemas.log import Log, Outgoing, Record
from schemas.topics import DEAD_LETTERS, LEARNER_CHECKPOINTS
from streams import apply, contribution, dedupe, intake, learner, restore, sessions
from streams.checkpoint import epochs_in, read_segments
from streams.contributed import Contributed
from streams.contribution import Contributor, Epoch
from streams.learner import Learner
from streams.state import Unamended

_NOTHING = Unamended({}, ())

Mutant = Callable[[], AbstractContextManager[None]]


def _replaced(owner: object, name: str, value: object) -> Mutant:
    @contextmanager
    def patched() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, value)
            yield

    return patched


def _position_first(self: Learner, working: learner._Working) -> None:
    """Commit the position in one transaction, and what it covers in another."""
    working.state.settle(lambda: _NOTHING)
    effects = list(self._effects(working))
    working.owner.append([one for one in effects if one.topic == LEARNER_CHECKPOINTS.name])
    working.owner.append([one for one in effects if one.topic != LEARNER_CHECKPOINTS.name])
    _committed(working)


def _letters_apart(self: Learner, working: learner._Working) -> None:
    """Write dead letters as anybody may, before the transaction."""
    working.state.settle(lambda: _NOTHING)
    effects = list(self._effects(working))
    self._log.append([one for one in effects if one.topic == DEAD_LETTERS.name])
    working.owner.append([one for one in effects if one.topic != DEAD_LETTERS.name])
    _committed(working)


def _unfenced(self: Learner, working: learner._Working) -> None:
    """Write everything in one transaction, but not as the owner."""
    working.state.settle(lambda: _NOTHING)
    self._log.append(self._effects(working))
    _committed(working)


def _committed(working: learner._Working) -> None:
    reach("learner.after_commit")
    working.state.cut()
    working.facts, working.letters = [], []
    working.start = restore.Start(working.state, working.start.checkpoint)


def _without_version(
    pattern: tuple[str, ...], owner: str, epoch: Epoch, _offset: int, tally: bytes
) -> tuple[str, bytes]:
    """The version's offset is always the same."""
    return contribution.encode(pattern, owner, epoch, 0, tally)


def _forgetful(
    records: list[Record], seen: dedupe.Seen, partitions: int
) -> tuple[list[intake.Verdict], bytes]:
    """The last id of several is not remembered."""
    verdicts, ids = intake.examine(records, seen, partitions)
    return verdicts, ids[: -dedupe.WIDTH] if len(ids) > dedupe.WIDTH else ids


def _any_epoch(
    log: Log, contributor: Contributor, epoch: Epoch, shared: Contributed | None = None
) -> restore.Start:
    """A checkpoint is a checkpoint, whatever the rules were."""
    epochs = epochs_in(read_segments(log, contributor.topic, contributor.partition))
    accepted = max(epochs) if epochs and max(epochs) < epoch else epoch
    return restore.start_of(log, contributor, accepted, shared)


def _dated_by_arrival(
    call: sessions.Call,
) -> Iterator[tuple[tuple[str, ...], sessions.Call, sessions.Call]]:
    """A run is dated by the call that completed it, not by its last."""
    for tools, last, before in sessions.runs_through(call):
        dated = sessions.Call(last.tool, call.at_us, last.appended_us, ordered=last.ordered)
        yield tools, dated, before


_CONTRIBUTIONS = Learner._contributions


def _one_less(self: Learner, working: learner._Working) -> Iterator[Outgoing]:
    """The last contribution of several is counted in the checkpoint and never written."""
    made = list(_CONTRIBUTIONS(self, working))
    yield from made[:-1] if len(made) > 1 else made


MUTANTS: dict[str, Mutant] = {
    "position before effect": _replaced(Learner, "_commit", _position_first),
    "contribution without version": _replaced(learner, "encode", _without_version),
    "forgotten repeat": _replaced(learner, "examine", _forgetful),
    "effect outside the transaction": _replaced(Learner, "_commit", _letters_apart),
    "transaction that is nobody's": _replaced(Learner, "_commit", _unfenced),
    "checkpoint of another epoch": _replaced(learner, "start_of", _any_epoch),
    "transition dated by arrival": _replaced(apply, "runs_through", _dated_by_arrival),
    "checkpoint without a contribution": _replaced(Learner, "_contributions", _one_less),
}
