"""Discovering simulated plants: what the tests of this folder share."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

from connectors.devices.contract import Asked
from connectors.devices.discovery import Discovery, Lookup
from connectors.devices.pace import UNLIMITED, Limits, Pace
from connectors.devices.sender import Sender
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from connectors.plant.delay import Way, ways_to
from connectors.plant.device import Counts, Device
from connectors.plant.ethernetip_device import EthernetIpDevice, Module
from connectors.plant.modbus_device import ModbusDevice, Unit
from connectors.plant.serving import serving
from schemas.devices import DeviceProbed
from schemas.envelope import Event

QUICK = replace(UNLIMITED, connect_timeout_s=5, datagram_timeout_s=0.5)
"""No gaps: these devices are on this machine, which may be busy with something else."""

HASTY = replace(QUICK, reply_timeout_s=0.3)
"""Little patience, for devices that do not answer."""

METER = Unit({0: b"Acme", 1: b"M-1", 2: b"V2.10"}, server_id=b"\x01\xffAcme meter")
LOGIX = Module(1, 14, 54, 20, 11, b"1756-L61/B LOGIX5561", status=0x3060, serial=0x00510001)
ENBT = Module(1, 12, 58, 4, 3, b"1756-ENBT/A")


@dataclass
class Found:
    """What a discovery of a plant gave: probes by device, and what the devices counted."""

    probes: dict[str, list[DeviceProbed]]
    counts: dict[str, Counts]
    connections: int
    requests: int
    events: list[Event]

    def one(self, name: str) -> DeviceProbed:
        """The only probe of a device."""
        (probe,) = self.probes[name]
        return probe


def meter(unit: int = 1, identity: Unit = METER, **more: object) -> ModbusDevice:
    """A Modbus device with one unit, by default reached under every number."""
    return replace(ModbusDevice({unit: identity}), **more)  # type: ignore[arg-type]


def protocol_of(device: Device) -> str:
    """What a simulated device speaks."""
    return "ethernet_ip" if isinstance(device, EthernetIpDevice) else "modbus.tcp"


def discovered(
    devices: Mapping[str, Device],
    *,
    asked: Asked | None = None,
    limits: Limits = QUICK,
    address: str = "127.0.0.1",
    protocols: Mapping[str, str] | None = None,
    lookup: Lookup | None = None,
    unit: int | None = None,
    round_trip_s: float | None = None,
) -> Found:
    """Serve the devices and discover them all; with `unit`, they were met under it before.

    With `round_trip_s` all that goes and comes is carried by a relay that takes so long.
    """

    async def run() -> Found:
        nowhere: Mapping[str, Way] = {}
        async with (
            serving(devices, address) as plant,
            nullcontext(nowhere) if round_trip_s is None else ways_to(plant, round_trip_s) as ways,
        ):
            sender = Sender(policy_of([address]), Pace(limits))
            visits = []
            names = {}
            for name, served in plant.devices.items():
                port = ways[name].port if name in ways else served.port
                target = Target(served.address, port, named=True)
                names[port] = name
                spoken = (protocols or {}).get(name) or protocol_of(served.device)
                visits += visits_to([target], [spoken])
            probes: dict[str, list[DeviceProbed]] = {name: [] for name in devices}
            events = []
            units = {} if unit is None else {visit.place: unit for visit in visits}
            discovery = Discovery(sender, asked or Asked(), lookup=lookup, units=units)
            async for visited in discovery.run(visits):
                events += visited.events
                for event in visited.events:
                    assert isinstance(event.data, DeviceProbed)
                    probes[names[event.data.port]].append(event.data)
            counts = {name: served.counts for name, served in plant.devices.items()}
            return Found(probes, counts, sender.connections, sender.requests, events)

    return asyncio.run(run())
