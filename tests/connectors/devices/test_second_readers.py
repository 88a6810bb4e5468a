"""The decoders beside those of pymodbus, pycomm3 and scapy, on generated, damaged and noisy frames.

Where they differ, the case belongs to one of the classes of `tests.fuzzing.classes`; any other
difference fails, and names the frame.
"""

import os
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from tests.fuzzing.classes import DIFFERENCES
from tests.fuzzing.differences import UNLISTED, Found, found_in
from tests.fuzzing.frames import KINDS, Case, case
from tests.fuzzing.readers import READERS, Facts

CASES = 10_000 if os.environ.get("MOTIF_CAMPAIGN") else 2_500
"""Frames of each kind."""


def differences(kind: str) -> Iterator[tuple[Case, Found]]:
    """Every difference in many frames of a kind."""
    for seed in range(CASES):
        made = case(kind, seed)
        for found in found_in(kind, made):
            if found is not None:
                yield made, found


@pytest.mark.parametrize("kind", KINDS)
def test_other_readers_differ_in_the_listed_ways_only(kind: str) -> None:
    found = [
        f"{one.library}: {one.field or 'refused by one'} of {made.frame.hex()}"
        for made, one in differences(kind)
        if one.difference == UNLISTED
    ]

    assert found == []


def test_every_listed_way_is_met() -> None:
    met = Counter((one.difference, one.library) for kind in KINDS for _, one in differences(kind))

    listed = {(one.name, library) for one in DIFFERENCES for library in one.libraries}
    assert set(met) == listed


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_damaged_is_read_by_us(kind: str) -> None:
    ours, _ = READERS[kind]

    assert all(ours(KINDS[kind](Random(seed))) for seed in range(300))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_differs_otherwise_is_caught(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that reads a fact which nobody else knows."""
    ours, libraries = READERS[kind]

    def mistaken(made: Case) -> Facts | None:
        read = ours(made)
        return read and {**read, "colour": "green"}

    monkeypatch.setitem(READERS, kind, (mistaken, libraries))
    made = KINDS[kind](Random(1))

    assert UNLISTED in {found.difference for found in found_in(kind, made) if found}
