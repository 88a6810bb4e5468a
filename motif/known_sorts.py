"""Sorts of devices a node knows: learned from probes, or said by somebody, or both."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from motif.asking import Asking
from projections import device_sorts
from projections.device_sorts import DefinedSort, LearnedSort
from projections.remote import Readable
from schemas.devices import DataPoint
from schemas.ids import pattern_id, signature
from streams.recognise import KINDS
from streams.recognise.device import confidence_of, is_read
from streams.sorts import Retired, Sort, defined_sort, sort_of
from streams.versions import RANK_MOST, rank_of

_KIND: Final = KINDS["device"]


class KnownSort(NamedTuple):
    """What was learned of a sort, what was said of it, and what discovery makes of both."""

    learned: LearnedSort
    defined: DefinedSort | None
    sort: Sort
    data_points: Sequence[DataPoint] = ()

    @property
    def status(self) -> str:
        """Deprecated and archived is what somebody decided so; experimental is not verified yet."""
        if self.sort.retired:
            return self.sort.retired
        return "active" if self.sort.is_learned and self._is_shown else "experimental"

    @property
    def _is_shown(self) -> bool:
        return self.defined is None or self.learned.verified > 0 or self.learned.interviewed > 1


def known_sorts(node: Asking) -> list[KnownSort]:
    """All sorts that are known, the surest first."""
    return node.ask(_known)


def _known(store: Readable) -> list[KnownSort]:
    said = {tuple(one.parts): one for one in device_sorts.defined(store)}
    points = device_sorts.mapped(store)
    retired = device_sorts.retired(store)
    learned = device_sorts.sorts(store)
    met = {tuple(one.parts) for one in learned}
    learned += [_never_met(one) for parts, one in said.items() if parts not in met]
    found = [
        KnownSort(
            *(one, definition),
            _sort(one, definition, retired.get(one.pattern_id)),
            points.get(tuple(one.parts), ()),
        )
        for one in learned
        for definition in [said.get(tuple(one.parts))]
    ]
    return sorted(found, key=lambda one: (-one.sort.confidence, one.learned.pattern_id))


def _sort(learned: LearnedSort, defined: DefinedSort | None, retired: Retired | None) -> Sort:
    made = sort_of(
        learned.pattern_id,
        learned.parts,
        learned.confidence,
        learned.verified,
        learned.counters,
        _span(learned.least_rank, learned.greatest_rank),
    )
    if defined is not None:
        made = defined_sort(
            made,
            _said(defined.least_revision, defined.greatest_revision),
            defined.confidence * defined.reputation,
            (learned.verified, learned.contradicted),
            # Whoever states a definition may write anything where requests stand.
            {one: length for one, length in defined.answers.items() if is_read(one)},
            alone=bool(defined.alone),
        )
    return made.but_retired(retired) if retired else made


def _never_met(defined: DefinedSort) -> LearnedSort:
    """A sort of which nothing was learned."""
    parts = tuple(defined.parts)
    text = signature(*parts)
    return LearnedSort(
        pattern_id=pattern_id(_KIND.name, text),
        signature=text,
        title=_KIND.title(parts),
        parts=parts,
        confidence=confidence_of(0, 0),
    )


def _said(least: str | None, greatest: str | None) -> tuple[int, int] | None:
    """A range that somebody stated; an end that is not stated, or states no more, is open."""
    if least is None and greatest is None:
        return None
    first, last = rank_of(least), rank_of(greatest)
    if least is not None and greatest is not None and first is None and last is None:
        return None  # revisions of one number, of which there is one
    return first or 0, RANK_MOST if last is None else last


def _span(least: int | None, greatest: int | None) -> tuple[int, int] | None:
    return None if least is None or greatest is None else (least, greatest)
