"""The devices of the demo: a simulated plant on loopback that is discovered twice.

The devices are made up; what asks them is what asks real ones, over real sockets.
"""

import asyncio
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import motif
from connectors.devices.pace import UNLIMITED
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import serving
from connectors.plant.small import small_plant
from motif.discovering import Plan, Wanted, discovered, known_to
from motif.node import Node

ADDRESS: Final = "127.0.0.1"
COPIES: Final = 3
"""Devices of each sort: two that agree make a sort that is used."""

REPLY_S: Final = 0.005
"""How long the devices take to answer, about as long as a quick controller does."""


class Asked(NamedTuple):
    """A discovery of the whole plant: what it found, by which path, and what it took.

    `requests` and `connections` are those that the devices counted.
    """

    devices: int
    slow: int
    fast: int
    requests: int
    connections: int
    seconds: float


def plant() -> dict[str, Device]:
    """Some devices of each sort: meters, gateways, chassis with modules, drives."""
    manner = Manner(delay_s=REPLY_S)
    return {
        f"{name}-{copy}": device
        for copy in range(COPIES)
        for name, device in small_plant(manner).items()
    }


def discover_twice() -> list[Asked]:
    """Ask all devices of a plant, learn from it, and ask them all again.

    In a folder of their own, which is deleted: they are met today, and what is generated is old,
    so that a month that ends today would hold nothing of it.
    """
    asked = []
    with TemporaryDirectory(prefix="motif-demo-") as folder, motif.open(folder) as node:
        for _ in range(2):
            asked.append(asyncio.run(_discovered(node)))
            node.settle()
    return asked


async def _discovered(node: Node) -> Asked:
    known = known_to(node)
    async with serving(plant(), ADDRESS) as served:
        visits = []
        for one in served.devices.values():
            spoken = "ethernet_ip" if isinstance(one.device, EthernetIpDevice) else "modbus.tcp"
            visits += visits_to([Target(one.address, one.port, named=True)], [spoken])
        wanted = Wanted([f"{ADDRESS}:{visit.port}" for visit in visits], [ADDRESS], who="demo")
        plan = Plan(policy_of([ADDRESS]), visits, UNLIMITED, wanted)
        found = await discovered(node.publish, plan, None, known)
        counts = [one.counts for one in served.devices.values()]
    return Asked(
        devices=len(found.probes),
        slow=sum(probe.path == "slow" for probe in found.probes),
        fast=sum(probe.path == "fast" for probe in found.probes),
        requests=sum(one.requests for one in counts),
        connections=sum(one.connections for one in counts),
        seconds=found.seconds,
    )
