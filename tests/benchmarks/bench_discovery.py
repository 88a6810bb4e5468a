"""What the fast path saves, counted by simulated devices: `make bench-discovery`.

Every device takes 20 ms to answer. Requests are what the devices counted; those that only open and
close a session of EtherNet/IP stand in a column of their own.
"""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from statistics import quantiles

import motif
from connectors.devices.pace import UNLIMITED
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice, Module
from connectors.plant.modbus_device import ModbusDevice, Unit
from connectors.plant.serving import serving
from motif.discovering import Plan, Wanted, discovered, known_to
from motif.node import Node
from schemas.devices import DeviceProbed
from streams.sorts import Sorts, sort_of

MANNER = Manner(delay_s=0.02)
LIMITS = replace(UNLIMITED, reply_timeout_s=0.5)
SORTS, COPIES, SILENT = 10, 10, 200
LEARNED, LOOKUPS = 100_000, 20_000


def main() -> None:
    """Print a line a run, then how long a lookup takes."""
    print(f"{'run':<34}{'devices':>8}{'requests':>10}{'session':>9}{'fast':>6}{'seconds':>9}")
    live, moved = fleet("1"), fleet("1")
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        run(node, "cold", live)
        run(node, "warm, new addresses", live)
        run(node, "warm again, new addresses", moved)
        run(node, "mixed, a fifth new", fleet("1", 8) | fleet("other", 2, of=2))
        run(node, "drift, a fifth of new firmware", fleet("1", 8) | fleet("9", 2))
        silent = Manner(quirk="silent")
        dead = {f"dead{n}": ModbusDevice({1: Unit()}, manner=silent) for n in range(SILENT)}
        few = dict(list(live.items())[:50])
        run(node, "50 alone", few)
        run(node, f"50, and {SILENT} that are silent", few | dead)
    with tempfile.TemporaryDirectory() as folder, motif.open(folder) as node:
        run(node, f"the same {50 + SILENT}, cold", few | dead)
    lookups()


def fleet(minor: str, copies: int = COPIES, *, of: int = SORTS) -> dict[str, Device]:
    """Copies of devices of several sorts, half of them Modbus, with this in their revision."""
    found: dict[str, Device] = {}
    for number in range(of):
        for copy in range(copies):
            name = f"{minor}/{number}/{copy}"
            if number % 2:
                revision = int(minor) if minor.isdecimal() else 1
                kind = 100 + number + (0 if minor.isdecimal() else 50)
                module = Module(60_000, 14, kind, 3, revision, b"Drive", serial=copy + 1)
                found[name] = EthernetIpDevice(module, manner=MANNER)
            else:
                code = f"M-{number}" if minor.isdecimal() else f"N-{number}"
                objects = {0: b"Acme", 1: code.encode(), 2: f"2.{minor}".encode()}
                found[name] = ModbusDevice({1: Unit(objects)}, manner=MANNER)
    return found


def run(node: Node, name: str, devices: Mapping[str, Device]) -> None:
    """Discover the devices, and print what they counted."""

    async def visit() -> None:
        known = known_to(node)
        async with serving(devices) as plant:
            visits = []
            for one in plant.devices.values():
                is_numbered = isinstance(one.device, EthernetIpDevice)
                spoken = "ethernet_ip" if is_numbered else "modbus.tcp"
                visits += visits_to([Target(one.address, one.port, named=True)], [spoken])
            plan = Plan(policy_of(["127.0.0.1"]), visits, LIMITS, Wanted([], ["127.0.0.1"]))
            found = await discovered(node.publish, plan, None, known)
            counts = [one.counts for one in plant.devices.values()]
        sessions = sum(one.sessions for one in counts)
        requests = sum(one.requests for one in counts) - sessions
        told = f"{len(devices):>8}{requests:>10}{sessions:>9}{found.fast:>6}{found.seconds:>9.2f}"
        print(f"{name:<34}{told}", flush=True)

    asyncio.run(visit())
    node.settle()


def lookups() -> None:
    """How long it takes to find a sort among many, its fingerprint included."""
    works = {"interviewed": 2, "alone": 2, "works.0300000001.4": 2}
    sorts = Sorts(
        sort_of(f"{n}", ("modbus.tcp", "acme", "", f"m-{n}", "2"), 0.5, 0, works, (1, 1))
        for n in range(LEARNED)
    )
    times_us = []
    for number in range(LOOKUPS):
        probed = _meter(number * 7_919 % LEARNED)
        began_ns = time.perf_counter_ns()
        found = sorts.find(probed)
        times_us.append((time.perf_counter_ns() - began_ns) / 1000)
        assert found is not None
        assert found.applied
    cuts = quantiles(times_us, n=100)
    print(f"lookup among {len(sorts):,}: median {cuts[49]:.1f} us, p99 {cuts[98]:.1f} us")


def _meter(number: int) -> DeviceProbed:
    said = {"address": "10.0.0.7", "port": 502, "protocol": "modbus.tcp", "transport": "tcp"}
    known = {"vendor": "ACME Ltd.", "product_code": f"M-{number} ", "revision": "V2.1"}
    ended = {"path": "slow", "outcome": "identified", "exchanges": [], "evidence": "identity"}
    return DeviceProbed.model_validate({**said, **known, **ended, "decoder_version": 1})


if __name__ == "__main__":
    main()
