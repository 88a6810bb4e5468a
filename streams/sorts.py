"""Learned sorts of devices, and how one is found by what a device says of itself.

An index, not a search: devices of one sort have their key in common, so that finding one takes as
long among a hundred thousand as among ten.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, cast

from schemas.devices import DeviceProbed
from streams.fingerprint import Fingerprint, Protocol, fingerprint_of
from streams.match import FAST_FROM, Match, match, takes_fast_path
from streams.recognise.device import ALONE, INTERVIEWED, WORKS, confidence_of
from streams.versions import rank_of

LEARNED_FROM: Final = 2
"""So many whole interviews that agree make a pattern that is used; one that was verified too."""

Retired = Literal["deprecated", "archived"]
"""Not used any more because somebody decided so; what is archived is not shown either."""

_NUMBERED: Final = "ethernet_ip"
"""The protocol whose vendors have numbers."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A pattern of kind `device`, as it is used.

    `answers` are the requests that worked with more than half of all devices, each always with a
    reply of this length. `ranks` are those of the least and the greatest revision that was met
    (`streams.versions`).
    """

    pattern_id: str
    fingerprint: Fingerprint
    confidence: float
    interviewed: int
    verified: int
    alone: bool
    ranks: tuple[int, int] | None
    answers: Mapping[str, int]
    defined: bool = False
    retired: Retired | None = None

    @property
    def is_learned(self) -> bool:
        """Whether enough agrees that the pattern is used, or somebody said how it is asked."""
        if self.retired:
            return False
        if self.defined and self.answers:
            return True
        return self.interviewed >= LEARNED_FROM or (self.interviewed > 0 and self.verified > 0)

    def but_retired(self, how: Retired) -> "Sort":
        """The same, not to be used any more."""
        return replace(self, retired=how)

    def holds(self, revision: str | None) -> bool:
        """Whether a device of this revision lies within what was observed, or was said."""
        if self.defined and self.fingerprint.major is None:
            return True
        rank = rank_of(revision)
        if rank is None or self.ranks is None:
            return rank is None and self.ranks is None
        return self.ranks[0] <= rank <= self.ranks[1]


class Found(NamedTuple):
    """The sort of a device, how far it fits, and whether it is applied."""

    sort: Sort
    match: Match
    applied: bool


class Sorts:
    """All learned sorts, by their keys."""

    def __init__(self, sorts: Iterable[Sort] = ()) -> None:
        """Take in the sorts."""
        self._by_key = {sort.fingerprint.parts: sort for sort in sorts}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_key)

    def find(self, probed: DeviceProbed, least: float = FAST_FROM) -> Found | None:
        """The sort of a device that was probed, None where it is new, pretends or says too little.

        It is applied if it is learned, the device's revision was observed, and the match is sure.
        """
        device = fingerprint_of(probed)
        sort = None if device is None else self._sort_of(device)
        if device is None or sort is None:
            return None
        found = match(device, sort.fingerprint, sort.confidence)
        fits = takes_fast_path(found, sort.confidence, least)
        return Found(sort, found, fits and sort.is_learned and sort.holds(probed.revision))

    def _sort_of(self, device: Fingerprint) -> Sort | None:
        """The sort with this key, else one that somebody defined for every revision."""
        found = self._by_key.get(device.parts)
        if found is None:
            found = self._by_key.get((*device.parts[:-1], ""))
            return found if found is not None and found.defined else None
        return found


def defined_sort(
    sort: Sort,
    ranks: tuple[int, int] | None,
    prior: float,
    counted: tuple[int, int],
    answers: Mapping[str, int],
    *,
    alone: bool,
) -> Sort:
    """A sort with what somebody said of it, beside how often it was verified and contradicted.

    What was learned of how to ask it goes before what was said.
    """
    learned = sort.is_learned
    spans = [span for span in (sort.ranks, ranks) if span is not None]
    return replace(
        sort,
        confidence=confidence_of(*counted, prior),
        answers=sort.answers if learned else answers,
        alone=sort.alone if learned else alone,
        ranks=(min(low for low, _ in spans), max(high for _, high in spans)) if spans else None,
        defined=True,
    )


def sort_of(
    pattern_id: str,
    parts: Sequence[str],
    confidence: float,
    verified: int,
    counters: Mapping[str, int],
    ranks: tuple[int, int] | None,
) -> Sort:
    """The sort that a row of the patterns says."""
    protocol, vendor, device_type, product_code, major = parts
    numbered = protocol == _NUMBERED and vendor.isdecimal()
    interviewed = counters.get(INTERVIEWED, 0)
    fingerprint = Fingerprint(
        protocol=cast("Protocol", protocol),
        evidence="identity",
        vendor_id=int(vendor) if numbered else None,
        vendor=None if numbered else vendor or None,
        device_type=int(device_type) if device_type else None,
        product_code=product_code or None,
        major=int(major) if major else None,
    )
    return Sort(
        pattern_id=pattern_id,
        fingerprint=fingerprint,
        confidence=confidence,
        interviewed=interviewed,
        verified=verified,
        alone=0 < interviewed == counters.get(ALONE, 0),
        ranks=ranks,
        answers=_answers(counters, interviewed),
    )


def _answers(counters: Mapping[str, int], interviewed: int) -> dict[str, int]:
    found: dict[str, int] = {}
    several = set()
    for name, count in counters.items():
        word, _, rest = name.partition(".")
        request, _, length = rest.partition(".")
        if word != WORKS:
            continue
        if request in found:
            several.add(request)
        if count * 2 > interviewed:
            found[request] = int(length)
        else:
            several.add(request)
    return {request: length for request, length in found.items() if request not in several}
