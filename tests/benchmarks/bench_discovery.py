"""What the fast path saves, counted by simulated devices: `make bench-discovery`.

Every device takes 20 ms to answer and lives in another process, so that its processor time is not
the discovery's. Everything is run twice, the second time over a way of 20 ms there and back, whose
handshake is in the p50. Requests are a device's in the mean; those that only open and close a
session of EtherNet/IP stand in a column of their own, and their time is left out of the p50. Ends
with the gates, and with 1 where one does not hold.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import quantiles

import motif
from connectors.devices.pace import POLITE
from schemas.devices import DeviceProbed
from streams.sorts import Sorts, sort_of
from streams.versions import rank_of
from tests.benchmarks.discovery_fleet import (
    MANNER,
    SORTS,
    chassis,
    drawn,
    fleet,
    newer,
    one_of,
)
from tests.benchmarks.discovery_fleet import sort_of as number_of
from tests.benchmarks.discovery_runs import HEAD, LIMITS, Bench, Gates, Ran
from tests.benchmarks.plant_beside import beside

COPIES, LIVE, SILENT, CHASSIS = 25, 50, 204, 10
LEARNED, LOOKUPS, ROUNDS = 100_000, 10_000, 5
REVISION = "V2.1"
OTHER = 50
"""Sorts from this number on nobody has learned."""
ALONE, SAME, AT_ONCE = 20, 32, 8
"""The first sort that is asked alone, how many of it are twice, and how many at once."""


def main() -> int:
    """Print a row a run, then the gates; 1 where one does not hold."""
    gates = Gates()
    for round_trip_s, p50_most in ((0.0, 10.0), (0.02, 15.0)):
        print(f"\nround trip {1000 * round_trip_s:.0f} ms\n{HEAD}")
        with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node, beside() as plant:
            bench = Bench(node, plant, gates, round_trip_s)
            identities(bench, p50_most)
            fleets(bench)
            changes(bench)
            modules(bench)
            if not round_trip_s:
                sparse(bench)
                polite(bench)
            gates.most(f"wrong identities, {_way(bench)}", bench.wrong, 0)
            gates.most(f"connections a device has at once, {_way(bench)}", bench.most_open, 1)
            gates.most(f"connections not ended in order, {_way(bench)}", bench.unclean, 0)
    print()
    lookups(gates)
    print("\n".join(["", *gates.lines]))
    return 1 if gates.failed else 0


def identities(bench: Bench, p50_most: float) -> None:
    """One sort of each protocol, few at once: what a single fast hit costs."""
    calm = replace(LIMITS, at_once=AT_ONCE)
    for number, protocol in enumerate(("modbus.tcp", "ethernet_ip"), ALONE):
        learned = bench.serve(fleet(f"learned {protocol}", SAME, first=number, sorts=1))
        bench.run(f"one identity, {protocol}, cold", learned, limits=calm)
        asked = bench.serve(fleet(f"asked {protocol}", SAME, first=number, sorts=1))
        warm = bench.run(f"one identity, {protocol}, warm", asked, limits=calm)
        requests, seconds = bench.of_slow(warm, asked)
        name = f"{protocol}, {_way(bench)}"
        bench.gates.all_of(f"fast hits, {name}", _fast(warm, asked), len(asked))
        bench.gates.most(f"requests of the slow path's, {name}", requests, 10, "%")
        bench.gates.most(f"p50 of the slow path's, {name}", seconds, p50_most, "%")
    bench.slow.clear()  # more at once take longer


def fleets(bench: Bench) -> None:
    """Devices of sorts that nobody knows, then that all are known, then of both."""
    live = bench.serve(fleet("live", COPIES))
    bench.run("fleet, cold", live)
    again = bench.run("fleet, warm, known addresses", live)
    moved = bench.serve(fleet("moved", COPIES))
    warm = bench.run("fleet, warm, new addresses", moved)
    bench.gates.all_of(f"fast, {_way(bench)}", _fast(warm, moved), len(moved))
    if not bench.round_trip_s:
        seconds = min(again.found.seconds, warm.found.seconds)
        bench.gates.most(f"{len(live)} warm devices, unthrottled", seconds, 1, " s")
    swept = bench.serve(fleet("swept", COPIES))
    bench.run("fleet, warm, new addresses of a range", swept, named=False)
    mixed = bench.serve(fleet("mixed", 4) | fleet("new", 1, first=OTHER))
    bench.run("mixed, a fifth of sorts nobody knows", mixed)
    odd = bench.serve(drawn(fleet("odd", COPIES)))
    bench.run("warm, a twentieth has quirks, drawn times", odd)


def changes(bench: Bench) -> None:
    """What stands at known addresses is not what was there."""
    gates, way = bench.gates, _way(bench)
    names = [name for name in bench.devices if name.startswith("moved")][::5]
    live = [name for name in bench.devices if name.startswith("moved")]
    swapped = {name: one_of((number_of(bench.devices[name]) + 2) % SORTS, 7) for name in names}
    wrong = bench.wrong
    ran = bench.run("a fifth of the addresses swapped", bench.exchanged(live, swapped))
    gates.all_of(f"swapped, and fast as what is there now, {way}", _fast(ran, names), len(names))
    gates.most(f"swapped, and taken for what was there, {way}", bench.wrong - wrong, 0)
    olds = {name: bench.devices[name] for name in names}
    ran = bench.run("firmware 4.3 is 4.8 in a fifth", bench.exchanged(live, newer(olds)))
    gates.all_of(f"firmware not observed, asked anew, {way}", ran.asked_anew(names), len(names))
    others = {name: one_of(number_of(one) + 2 * OTHER, 1) for name, one in olds.items()}
    ran = bench.run("a fifth is of sorts nobody knows", bench.exchanged(live, others))
    gates.all_of(f"other identity, asked anew, {way}", ran.asked_anew(names), len(names))


def modules(bench: Bench) -> None:
    """Chassis: all their modules are asked, and one that is new has all asked anew."""
    names = bench.serve(chassis("chassis", CHASSIS))
    bench.run("chassis with two modules, cold", names)
    bench.run("chassis with two modules, warm", names)
    some = names[::5]
    changed = chassis("chassis", CHASSIS, exchanged=True)
    ran = bench.run(
        "a module exchanged in a fifth",
        bench.exchanged(names, {name: changed[name] for name in some}),
    )
    anew = ran.asked_anew(some)
    bench.gates.all_of(f"module exchanged, asked anew, {_way(bench)}", anew, len(some))


def sparse(bench: Bench) -> None:
    """A network where most addresses are nobody's: what takes the time is not what is asked."""
    names = [name for name in bench.devices if name.startswith("live")][:: SORTS * COPIES // LIVE]
    nobody = bench.plant.silence(SILENT)
    bench.run(f"{LIVE} alone", names)
    bench.run(f"sparse: {LIVE}, and {SILENT} addresses of nobody", names, nobody, named=False)
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        cold = Bench(node, bench.plant, bench.gates, 0.0, bench.devices, bench.ports)
        cold.run("sparse, cold", names, nobody, named=False)
        bench.wrong += cold.wrong


def polite(bench: Bench) -> None:
    """The default pace, with the rates as the devices see them."""
    names = bench.serve(fleet("calm", 4) | fleet("calm", 1, first=3 * OTHER))
    ran = bench.run("mixed, at the polite default", names, limits=POLITE)
    counts = [ran.counted[name].counts for name in names]
    asked_s = sorted(at_s for one in counts for at_s in one.asked_s)
    opened_s = sorted(at_s for one in counts for at_s in one.opened_s)
    gaps_s = [later - earlier for one in counts for earlier, later in pairwise(one.asked_s)]
    gates = bench.gates
    gates.most("polite: requests a second", _rate(asked_s), POLITE.requests_per_s)
    gates.most("polite: connections a second", _rate(opened_s), POLITE.connections_per_s)
    # Arrivals waver by what the two processes wait for a processor.
    gates.most("polite: the busiest second", _busiest(asked_s), 1.1 * POLITE.requests_per_s)
    gap_ms = 1000 * (min(gaps_s) - MANNER.delay_s)
    gates.least("polite: gap between reply and request", gap_ms, 900 * POLITE.gap_s, " ms")


def lookups(gates: Gates) -> None:
    """How long it takes to find a sort among many, its fingerprint included."""
    works = {"interviewed": 2, "alone": 2, "works.0300000001.4": 2}
    rank = rank_of(REVISION)
    assert rank is not None
    sorts = Sorts(
        sort_of(f"{n}", ("modbus.tcp", "acme", "", f"m-{n}", "2"), 0.5, 0, works, (rank, rank))
        for n in range(LEARNED)
    )
    rounds = sorted(_round_us(sorts, number) for number in range(ROUNDS))
    p50_us, p99_us = rounds[ROUNDS // 2][1], rounds[ROUNDS // 2][0]
    print(f"lookup among {len(sorts):,}: median {p50_us:.1f} us, p99 {p99_us:.1f} us")
    gates.most(f"lookup among {LEARNED:,}, fingerprint included, p99", p99_us, 100, " us")


def _round_us(sorts: Sorts, first: int) -> tuple[float, float]:
    """The 99th percentile and the median of many lookups, in microseconds."""
    times_us = []
    for number in range(LOOKUPS):
        probed = _meter((first + number * 7_919) % LEARNED)
        began_ns = time.perf_counter_ns()
        found = sorts.find(probed)
        times_us.append((time.perf_counter_ns() - began_ns) / 1000)
        assert found is not None
        assert found.applied
    cuts = quantiles(times_us, n=100)
    return cuts[98], cuts[49]


def _way(bench: Bench) -> str:
    return f"{1000 * bench.round_trip_s:.0f} ms away"


def _fast(ran: Ran, names: Sequence[str]) -> int:
    return sum(ran.is_fast(name) for name in names)


def _rate(times_s: Sequence[float]) -> float:
    return (len(times_s) - 1) / (times_s[-1] - times_s[0])


def _busiest(times_s: Sequence[float]) -> int:
    return max(sum(begin <= at_s < begin + 1 for at_s in times_s) for begin in times_s)


def _meter(number: int) -> DeviceProbed:
    said = {"address": "10.0.0.7", "port": 502, "protocol": "modbus.tcp", "transport": "tcp"}
    known = {"vendor": "ACME Ltd.", "product_code": f"M-{number} ", "revision": REVISION}
    ended = {"path": "slow", "outcome": "identified", "exchanges": [], "evidence": "identity"}
    return DeviceProbed.model_validate({**said, **known, **ended, "decoder_version": 1})


if __name__ == "__main__":
    sys.exit(main())
