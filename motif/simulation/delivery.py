"""How events arrive: out of order, again, contradicted, after the horizon, or lost at first.

A delivery is a list of waves; the clock jumps over the horizon between two of them.
"""

from collections import Counter
from random import Random

import msgspec

from motif.simulation.world import World
from schemas.clock import DAY_US
from schemas.envelope import Event, outgoing
from schemas.log import Outgoing

JUMP_US = 36 * DAY_US
"""From one wave to the next: further than facts are joined."""

Wave = list[Outgoing]


class Delivery:
    """The waves of a world, and the event that each of their records holds."""

    def __init__(self, rng: Random, world: World, partitions: int, seen: Counter[str]) -> None:
        self.events: dict[tuple[object, ...], Event] = {}
        self._rng = rng
        self._partitions = partitions
        late = 0.06 if rng.random() < 0.7 else 0.0
        waves: list[list[tuple[float, Outgoing]]] = [[], []]
        spread = rng.choice([0.0, 5.0, 40.0, 10_000.0])
        for place, event in enumerate(world.events):
            for event_again in self._copies(event, seen):
                wave = int(rng.random() < late)
                seen["late"] += wave
                at = rng.gauss(place, spread)
                if rng.random() < 0.05:
                    at += rng.uniform(0, len(world.events))
                    seen["dropped and redelivered"] += 1
                waves[wave].append((at, self._record(event_again)))
        for poison in world.poison:
            for _ in range(rng.randint(1, 3)):
                waves[0].append((rng.uniform(0, len(world.events)), poison))
                seen["poison"] += 1
        seen["reordered"] += spread > 0
        seen["events"] += len(world.events)
        seen["revised"] += world.revised
        seen["hole in a session"] += world.hole is not None
        self.waves: list[Wave] = [
            [record for _, record in sorted(wave, key=lambda one: one[0])] for wave in waves
        ]

    def _copies(self, event: Event, seen: Counter[str]) -> list[Event]:
        rng = self._rng
        copies = [event] * rng.choices([1, 2, 3], [82, 14, 4])[0]
        seen["repeated"] += len(copies) - 1
        if rng.random() < 0.04:
            seen["contradicted"] += 1
            at_us = None if event.time_us is None else event.time_us - rng.randint(1, DAY_US)
            copies.append(msgspec.structs.replace(event, time_us=at_us))
        return copies

    def _record(self, event: Event) -> Outgoing:
        record = outgoing(event, self._partitions)
        self.events[record[1:]] = event
        return record
