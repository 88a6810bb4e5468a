"""What the benchmark of discovery holds and a clock has no part in, with few devices.

One plant is discovered again and again: when nobody knows it, when all is known, and after what
stands at some of its addresses was exchanged.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

import motif
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from connectors.plant.device import Counts, Device
from connectors.plant.serving import Plant, serving
from motif.discovering import Plan, Wanted, discovered, known_to
from motif.node import Node
from schemas.devices import DeviceProbed
from tests.benchmarks.discovery_fleet import (
    SORTS,
    chassis,
    class_of,
    fleet,
    newer,
    one_of,
    sort_of,
    speaks,
    told_by,
    truth_of,
)
from tests.connectors.devices.plants import QUICK

NETWORK = "127.0.0.1"
UNKNOWN = 50
"""Sorts from this number on nobody has learned."""


@dataclass
class Step:
    """One discovery: what was where, what was found there, and what the devices counted."""

    devices: Mapping[str, Device]
    probes: Mapping[str, Sequence[DeviceProbed]]
    counts: Mapping[str, Counts]

    def requests(self, name: str) -> int:
        """What a device was asked, the opening and closing of its session apart."""
        return self.counts[name].requests - self.counts[name].sessions

    def ways(self, name: str) -> tuple[bool, bool]:
        """Whether a device was taken for what is known, and whether it was asked everything."""
        probes = self.probes[name]
        return (
            any(one.usage == "confirmed" for one in probes),
            any(one.path == "slow" for one in probes),
        )


KNOWN, ANEW = (True, False), (False, True)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """All discoveries, by what was done before each."""
    with motif.open(tmp_path_factory.mktemp("gates")) as node:
        return asyncio.run(story(node))


async def story(node: Node) -> dict[str, Step]:
    """Discover a plant before and after each change."""
    live = fleet("live", 2)
    devices = live | chassis("chassis", 4)
    some = list(live)[::5]
    exchanged = chassis("chassis", 4, exchanged=True)
    changes: dict[str, Mapping[str, Device]] = {
        "cold": {},
        "warm": {},
        "swapped": {name: one_of((sort_of(live[name]) + 2) % SORTS, 7) for name in some},
        "newer": newer({name: live[name] for name in some}),
        "other": {name: one_of(sort_of(live[name]) + 2 * UNKNOWN, 1) for name in some},
        "module": {name: exchanged[name] for name in list(exchanged)[:2]},
    }
    steps: dict[str, Step] = {}
    async with serving(devices) as plant:
        for change, others in changes.items():
            for name, device in {**devices, **others}.items():
                plant.devices[name].device = device
            steps[change] = await step(node, plant)
    return steps


async def step(node: Node, plant: Plant) -> Step:
    """Discover a plant with all that is known by now."""
    visits, names, counts = [], {}, {}
    for name, served in plant.devices.items():
        target = Target(served.address, served.port, named=True)
        visits += visits_to([target], [speaks(served.device)])
        names[served.port] = name
        counts[name] = served.counts = Counts()
    plan = Plan(policy_of([NETWORK]), visits, QUICK, Wanted([], [NETWORK]))
    found = await discovered(node.publish, plan, None, known_to(node))
    node.settle()
    probes: dict[str, list[DeviceProbed]] = {name: [] for name in names.values()}
    for probe in found.probes:
        probes[names[probe.port]].append(probe)
    devices = {name: served.device for name, served in plant.devices.items()}
    return Step(devices, probes, counts)


def changed(steps: Mapping[str, Step], change: str) -> list[str]:
    """The devices that are others than at the beginning."""
    step, first = steps[change], steps["cold"]
    return [name for name, device in step.devices.items() if device != first.devices[name]]


def test_a_device_of_a_known_sort_is_asked_a_tenth_of_what_others_are(
    steps: Mapping[str, Step],
) -> None:
    cold, warm = steps["cold"], steps["warm"]

    for name, device in warm.devices.items():
        assert (cold.ways(name), warm.ways(name)) == (ANEW, KNOWN)
        if class_of(device) != "chassis":
            assert 10 * warm.requests(name) <= cold.requests(name)


def test_nothing_is_ever_taken_for_something_else(steps: Mapping[str, Step]) -> None:
    patterns = set()
    for step in steps.values():
        for name, probes in step.probes.items():
            device = step.devices[name]
            assert {one.slot for one in probes} == {None, *getattr(device, "slots", ())}
            for one in probes:
                truth = truth_of(device, one.slot)
                assert told_by(one) == truth
                if one.usage == "confirmed":
                    patterns.add((truth.sort, one.pattern_id))

    assert len(patterns) == len({sort for sort, _ in patterns}) == len({one for _, one in patterns})
    assert len(patterns) == SORTS + 1


@pytest.mark.parametrize(
    ("change", "count", "way"),
    [
        ("swapped", 4, KNOWN),
        ("newer", 4, ANEW),
        ("other", 4, ANEW),
        ("module", 2, ANEW),
    ],
)
def test_what_stands_at_an_address_now_decides_how_it_is_asked(
    steps: Mapping[str, Step], change: str, count: int, way: tuple[bool, bool]
) -> None:
    names = changed(steps, change)
    step = steps[change]

    assert len(names) == count
    assert {step.ways(name) for name in names} == {way}
    if way == ANEW:
        cold = steps["cold"]
        assert all(step.requests(name) >= cold.requests(name) for name in names)
    assert {step.ways(name) for name in step.devices.keys() - names} == {KNOWN}


def test_it_was_another_pattern_before_the_addresses_were_swapped(
    steps: Mapping[str, Step],
) -> None:
    for name in changed(steps, "swapped"):
        (before,), (after,) = steps["warm"].probes[name], steps["swapped"].probes[name]
        assert before.pattern_id != after.pattern_id
