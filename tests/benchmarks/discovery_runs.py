"""Runs of discovery that are counted by devices in another process, a row each, and gates."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

from connectors.devices.discovery import Visited
from connectors.devices.pace import UNLIMITED, Limits
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from connectors.plant.device import Device
from motif.discovering import Discovered, Plan, Wanted, discovered, known_to
from motif.node import Node
from schemas.clock import monotonic_s
from schemas.devices import DeviceProbed
from tests.benchmarks.discovery_fleet import Truth, class_of, speaks, told_by, truth_of
from tests.benchmarks.plant_beside import ADDRESS, Beside, Counted

LIMITS: Final = replace(UNLIMITED, reply_timeout_s=2)
HEAD: Final = (
    f"{'run':<42}{'devices':>8}{'fast':>6}{'requests':>10}{'of slow':>9}{'session':>9}"
    f"{'p50':>9}{'of slow':>9}{'met':>8}{'all':>8}"
)


@dataclass
class Gates:
    """What must hold, and whether it did."""

    failed: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def most(self, name: str, value: float, most: float, unit: str = "") -> None:
        """A value that is at most so much."""
        self._keep(name, f"{value:,.3g}{unit}", f"<= {most:,.3g}{unit}", holds=value <= most)

    def least(self, name: str, value: float, least: float, unit: str = "") -> None:
        """A value that is at least so much."""
        self._keep(name, f"{value:,.3g}{unit}", f">= {least:,.3g}{unit}", holds=value >= least)

    def all_of(self, name: str, count: int, of: int) -> None:
        """A count that leaves nobody out; of nobody it claims nothing."""
        self._keep(name, f"{count} of {of}", "all", holds=count == of > 0)

    def _keep(self, name: str, value: str, goal: str, *, holds: bool) -> None:
        self.lines.append(f"{'pass' if holds else 'FAIL'}  {name:<62}{value:>14}  {goal}")
        if not holds:
            self.failed.append(name)


@dataclass
class Ran:
    """What a run gave: what devices counted, and what was stated about each.

    The last of the devices was done after `met_s`, addresses of nobody apart.
    """

    found: Discovered
    met_s: float
    counted: Mapping[str, Counted]
    probes: Mapping[str, Sequence[DeviceProbed]]

    def is_fast(self, name: str) -> bool:
        """Whether a device was taken for what was learned, and its modules as well."""
        probes = self.probes[name]
        confirmed = any(one.usage == "confirmed" for one in probes)
        return confirmed and all(one.path == "fast" for one in probes)

    def asked_anew(self, names: Iterable[str]) -> int:
        """How many of these devices were asked everything and taken for nothing known."""
        return sum(
            any(one.path == "slow" for one in self.probes[name])
            and not any(one.usage == "confirmed" for one in self.probes[name])
            for name in names
        )

    def requests(self, names: Iterable[str]) -> float:
        """Requests that a device counted, in the mean."""
        counts = [self.counted[name].requests for name in names]
        return sum(counts) / len(counts)

    def seconds(self, name: str) -> float | None:
        """Seconds from the first request to the last reply, if any, those of the session apart."""
        counted = self.counted[name]
        return None if counted.seconds is None else counted.seconds - counted.session_s

    def p50_s(self, names: Iterable[str]) -> float:
        """The median of these seconds."""
        return median(seconds for name in names if (seconds := self.seconds(name)) is not None)


@dataclass
class Bench:
    """A node that discovers the devices of a plant, and what is known of the truth.

    `slow` has of each class of devices the requests and the seconds that the slow path takes.
    """

    node: Node
    plant: Beside
    gates: Gates
    round_trip_s: float = 0.0
    devices: dict[str, Device] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    slow: dict[str, tuple[float, float]] = field(default_factory=dict)
    wrong: int = 0
    most_open: int = 0
    unclean: int = 0
    _patterns: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def serve(self, devices: Mapping[str, Device]) -> list[str]:
        """Put devices at new addresses; their names."""
        self.ports |= self.plant.serve(devices, self.round_trip_s)
        self.devices |= devices
        return list(devices)

    def exchanged(self, names: Sequence[str], devices: Mapping[str, Device]) -> Sequence[str]:
        """Put other devices at some of these addresses, which keep their names."""
        self.plant.exchange(devices)
        self.devices |= devices
        return names

    def run(
        self,
        title: str,
        names: Sequence[str],
        silent: Sequence[int] = (),
        limits: Limits = LIMITS,
        *,
        named: bool = True,
    ) -> Ran:
        """Discover these devices, hold what was found against the truth, and print a row.

        Addresses of nobody are those of a range, and devices where they are not `named`.
        """
        names_at = {self.ports[name]: name for name in names}
        visits = []
        for port, name in names_at.items():
            target = Target(ADDRESS, port, named=named)
            visits += visits_to([target], [speaks(self.devices[name])])
        for number, port in enumerate(silent):
            protocol = "ethernet_ip" if number % 2 else "modbus.tcp"
            visits += visits_to([Target(ADDRESS, port, named=False)], [protocol])
        plan = Plan(policy_of([ADDRESS]), visits, limits, Wanted([], [ADDRESS]))
        known = known_to(self.node)
        began_s = monotonic_s()
        met_s = [0.0]

        def told(visited: Visited, done: int, planned: int) -> None:
            del done, planned
            if visited.target.port in names_at:
                met_s.append(monotonic_s() - began_s)

        found = asyncio.run(discovered(self.node.publish, plan, told, known))
        self.node.settle()
        probes: dict[str, list[DeviceProbed]] = {name: [] for name in names}
        for probe in found.probes:
            if probe.port in names_at:
                probes[names_at[probe.port]].append(probe)
        ran = Ran(found, met_s[-1], self.plant.counted(), probes)
        self._judge(ran)
        self._learn_slow(ran, names)
        self._print(title, ran, names, len(silent))
        return ran

    def of_slow(self, ran: Ran, names: Sequence[str]) -> tuple[float, float]:
        """Percent of the requests, and in the median of the time, that the slow path takes here."""
        slow = {name: self.slow[class_of(self.devices[name])] for name in names}
        requests = sum(one[0] for one in slow.values()) / len(slow)
        seconds = median((ran.seconds(name) or 0) / one[1] for name, one in slow.items())
        return 100 * ran.requests(names) / requests, 100 * seconds

    def _learn_slow(self, ran: Ran, names: Sequence[str]) -> None:
        """Take the first run over devices of a class for its slow path, if it was one."""
        for name in {class_of(self.devices[name]) for name in names} - self.slow.keys():
            of_class = [one for one in names if class_of(self.devices[one]) == name]
            assert not any(ran.is_fast(one) for one in of_class)
            self.slow[name] = (ran.requests(of_class), ran.p50_s(of_class))

    def _judge(self, ran: Ran) -> None:
        """Count what is told otherwise than it is, and patterns that are of other devices.

        What a device with a quirk does not tell is not wrong; whatever it tells must be so.
        """
        for name, probes in ran.probes.items():
            device = self.devices[name]
            counts = ran.counted[name].counts
            self.most_open = max(self.most_open, counts.most_open)
            if device.manner.quirk is None:
                slots = {probe.slot for probe in probes}
                self.wrong += slots != {None, *getattr(device, "slots", ())}
                self.unclean += counts.unclean
            for probe in probes:
                truth: Truth = truth_of(device, probe.slot)
                if device.manner.quirk is None or probe.evidence is not None:
                    self.wrong += told_by(probe) != truth
                if probe.usage == "confirmed":
                    pattern_id = probe.pattern_id or ""
                    self.wrong += self._patterns.setdefault(truth.sort, pattern_id) != pattern_id
        self.wrong += len(set(self._patterns.values())) != len(self._patterns)

    def _print(self, title: str, ran: Ran, names: Sequence[str], silent: int) -> None:
        fast = sum(ran.is_fast(name) for name in names)
        requests, seconds = self.of_slow(ran, names)
        sessions = sum(ran.counted[name].counts.sessions for name in names) / len(names)
        print(
            f"{title:<42}{len(names) + silent:>8}{fast:>6}{ran.requests(names):>10.1f}"
            f"{requests:>8.1f}%{sessions:>9.1f}{1000 * ran.p50_s(names):>6.0f} ms{seconds:>8.1f}%"
            f"{ran.met_s:>6.2f} s{ran.found.seconds:>6.2f} s",
            flush=True,
        )
