"""Runs of workflows: what is known of each, and what it adds to the operations it performed.

A run counts once for an operation, whatever says so and however often: its own request, as the
rules recognise it, or an assertion. So a run is kept as its current statement together with what
was asserted of it, and what both add up to. Of these three only the last is folded; all three
stand in one list of changes, told apart by the first part of their pattern.
"""

from typing import Final, NamedTuple

from schemas.envelope import Event
from schemas.errors import Refused
from schemas.times import time_us
from schemas.tuples import maker
from schemas.workflows import WorkflowRunFinished
from streams.change import Change, change_of
from streams.operations import OperationRules, recogniser
from streams.recognise.operation import of_run, pattern_of, patterns_of
from streams.state import State
from streams.statements import DELETED, Statement

DAY_US: Final = 86_400_000_000

_RUN, _DELETED, _ASSERTED = "run", DELETED, "asserted"
_OF_RUN: Final = (_RUN,)
_NO_STATEMENT: Final = -1

FORGOTTEN: Final = 2**63 - 1
"""The revision of what was forgotten: none comes behind it."""


class OfForgotten(Exception):
    """A fact is about a thing that was forgotten: it does not count, and is no row."""


class _Known(NamedTuple):
    """What is known of a run: its own statement, what was asserted, what is folded."""

    revision: int
    appended_us: int
    run: Change | None
    deleted: bool
    asserted: list[Change]
    folded: list[Change]


_UNKNOWN: Final = _Known(_NO_STATEMENT, 0, run=None, deleted=False, asserted=[], folded=[])


class Heard(NamedTuple):
    """Of a fact about a run: which run, its place among the statements, and when and where."""

    thing: bytes
    revision: int
    at_us: int | None
    offset: int
    appended_us: int


heard_of: Final = maker(Heard)
"""The same of the values of all its fields."""


class RunKeeper:
    """Applies facts about runs to a partition's state."""

    def __init__(self, state: State, rules: OperationRules) -> None:
        """Bind to the state of one partition and the rules that recognise operations."""
        self._state = state
        self._recognise = recogniser(rules)

    def finished(self, heard: Heard, run: WorkflowRunFinished) -> None:
        """Fold a statement about a run, in place of a smaller one."""
        found = self._recognise(run.input_text, run.error_message, run.template)
        patterns = patterns_of(found) if found else ()
        thing, revision, at_us, offset, appended_us = heard
        stated = of_run(_OF_RUN, run, at_us)
        before = self._state.statement(thing)
        if before is None:
            self._state.amend_alike(thing, revision, appended_us, stated, patterns)
            if patterns:
                _, *said = stated
                self._state.fold([change_of((one, *said)) for one in patterns], offset, thing)
            return
        known = _remembered(before)
        if known.revision >= heard.revision:
            return
        asserted = [tuple(one.pattern[1:]) for one in known.asserted]
        folded = [stated._replace(pattern=one) for one in dict.fromkeys([*patterns, *asserted])]
        self._replace(heard, known, known._replace(run=stated, deleted=False, folded=folded))

    def deleted(self, heard: Heard) -> None:
        """Take back what a run added; what was asserted of it waits for it to come back."""
        known = _remembered(self._state.statement(heard.thing))
        if known.revision < heard.revision:
            self._replace(heard, known, known._replace(run=None, deleted=True, folded=[]))

    def forgotten(self, heard: Heard) -> None:
        """Take back what a run added, for good, whatever else is said of it."""
        known = _known(self._state.statement(heard.thing))
        if known.revision < FORGOTTEN:
            gone = known._replace(run=None, deleted=True, folded=[], asserted=[])
            self._replace(heard._replace(revision=FORGOTTEN), known, gone)

    def mentioned(self, thing: bytes) -> None:
        """Hear of a run in a fact that adds nothing to it."""
        _remembered(self._state.statement(thing))

    def asserted(self, heard: Heard, signature: str) -> None:
        """Count the run for an operation, if it does not count for it already."""
        known = _remembered(self._state.statement(heard.thing))
        pattern = pattern_of(signature)
        claim = Change((_ASSERTED, *pattern), heard.at_us, 0)
        if any(tuple(one.pattern) == claim.pattern for one in known.asserted):
            return
        added: list[Change] = []
        if not known.deleted and all(tuple(one.pattern) != pattern for one in known.folded):
            # Of a run that did not state itself nothing is known but that it was.
            run = known.run or Change((), heard.at_us)
            added = [run._replace(pattern=pattern)]
        asserted, folded = [*known.asserted, claim], [*known.folded, *added]
        self._store(heard.thing, known._replace(asserted=asserted, folded=folded))
        self._state.fold(added, heard.offset, heard.thing)

    def _replace(self, heard: Heard, before: _Known, after: _Known) -> None:
        """Make this what is known of the run, and fold what it adds in place of what it did."""
        after = after._replace(revision=heard.revision, appended_us=heard.appended_us)
        self._state.unfold(before.folded, heard.offset, heard.thing)
        self._store(heard.thing, after)
        self._state.fold(after.folded, heard.offset, heard.thing)

    def _store(self, thing: bytes, known: _Known) -> None:
        changes = [] if known.run is None else [known.run]
        if known.deleted:
            changes.append(Change((_DELETED,), None, 0))
        changes += [*known.asserted, *known.folded]
        self._state.amend(thing, known.revision, known.appended_us, changes)


def _remembered(stated: Statement | None) -> _Known:
    """What a stored statement says.

    Raises:
        OfForgotten: it says that the thing was forgotten.
    """
    known = _known(stated)
    if known.revision == FORGOTTEN:
        raise OfForgotten
    return known


def _known(stated: Statement | None) -> _Known:
    """What a stored statement says."""
    if stated is None:
        return _UNKNOWN
    revision, appended_us, changes = stated
    run: Change | None = None
    deleted = False
    asserted: list[Change] = []
    folded: list[Change] = []
    for change in changes:
        match change.pattern[0]:
            case "run":
                run = change
            case "deleted":
                deleted = True
            case "asserted":
                asserted.append(change)
            case _:
                folded.append(change)
    return _Known(revision, appended_us, run, deleted, asserted, folded)


def check_amended(event: Event, horizon_us: int | None) -> None:
    """Refuse a statement that its source changed too long after the thing happened.

    The extension `amendedtime` says when that was; without it, or without a time, there is no
    limit. It is a function of the event alone, so it does not matter when it arrives.

    Raises:
        Refused: it was changed more than the horizon later, or `amendedtime` is no time.
    """
    stated = event.extensions.get("amendedtime")
    if stated is None or event.time_us is None or horizon_us is None:
        return
    late_us = time_us(str(stated), "amendedtime") - event.time_us
    if late_us > horizon_us:
        days, limit = late_us // DAY_US, horizon_us // DAY_US
        detail = f"its source changed it {days} days after it happened; {limit} days are allowed"
        raise Refused("amended_too_late", detail)
