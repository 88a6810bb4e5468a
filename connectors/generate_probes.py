"""Plausible probes of devices out of a seed, as `connectors.generate` makes sessions.

Nothing is sent: the simulated devices of a small plant answer as bytes, and these are decoded as
those of real devices are.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

from connectors.devices import ethernetip, modbus
from connectors.devices.contract import Probe, Sent
from connectors.devices.ethernetip_interview import ETHERNET_IP
from connectors.devices.modbus_interview import MODBUS
from connectors.devices.recording import stated
from connectors.generate import DAYS, SOURCE, START_US
from connectors.plant.device import Device
from connectors.plant.modbus_device import ModbusDevice
from connectors.plant.small import small_plant
from schemas.clock import DAY_US
from schemas.devices import DeviceProbed, ExchangeOutcome, ProbeOutcome, Usage
from schemas.envelope import Event

_CONTEXT: Final = bytes(7) + b"\1"
_NETWORK: Final = "192.0.2."
"""Addresses for documentation, which nobody has."""

_DEVICES: Final = 40
_SILENT: Final = 0.03
_ALONE: Final = 0.8
_USAGES: Final[tuple[Usage | None, ...]] = (None, "agreed", "applied", "confirmed", "contradicted")
_REPLY_US: Final = 8_000


def probes(seed: int, count: int) -> Iterator[Event]:
    """So many probes of devices of a plant, which are asked again and again.

    The same seed gives the same events.
    """
    randomness = Random(f"probes/{seed}")
    kinds = list(small_plant().values())
    spacing_us = max(1, DAYS * DAY_US // max(1, count))
    for number in range(count):
        place = randomness.randrange(_DEVICES)
        device = kinds[place % len(kinds)]
        probed = _probed(device, f"{_NETWORK}{place + 1}", randomness)
        yield Event(SOURCE, f"probe-{seed}-{number}", probed, START_US + number * spacing_us)


def _probed(device: Device, address: str, randomness: Random) -> DeviceProbed:
    is_modbus = isinstance(device, ModbusDevice)
    protocol = MODBUS if is_modbus else ETHERNET_IP
    requests = [ethernetip.packet(ethernetip.LIST_IDENTITY, 0, _CONTEXT)]
    if is_modbus:
        pdus = (modbus.read_identification(modbus.BASIC), modbus.report_server_id())
        requests = [modbus.frame(at, 1, pdu) for at, pdu in enumerate(pdus, 1)]
    exchanges = []
    for request in requests:
        response = None if randomness.random() < _SILENT else device.answer(request)
        reply_us = None if response is None else round(randomness.expovariate(1 / _REPLY_US)) + 1
        ended: ExchangeOutcome = "timeout" if response is None else "ok"
        exchanges.append(Sent(request, response, reply_us, ended))
    unit = 1 if is_modbus else None
    probe = Probe(unit, None, "silent", tuple(exchanges))
    known = protocol.decode(probe).evidence is not None
    outcome: ProbeOutcome = "identified" if known else "silent"
    usage = randomness.choice(_USAGES) if known else None
    probe = Probe(
        *(unit, None, outcome, tuple(exchanges)),
        path="fast" if usage in {"confirmed", "contradicted"} else "slow",
        alone=randomness.random() < _ALONE or None,
        usage=usage,
    )
    return stated(probe, protocol, address, protocol.port)
