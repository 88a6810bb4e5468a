"""A simulated plant as a program: which devices, where, and for how long."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from connectors.devices import ethernetip, modbus
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.identities import device_of, is_hint
from connectors.plant.serving import serving
from connectors.plant.small import AS_USUAL, small_plant
from schemas.errors import MotifError

ADDRESS: Final = "127.0.0.1"


class Place(NamedTuple):
    """Where a simulated device is, and what it speaks."""

    name: str
    address: str
    port: int
    protocol: str


def devices_of(identities: Path | None, manner: Manner = AS_USUAL) -> Mapping[str, Device]:
    """The devices of a file of identities, named by their lines; else those of the small plant.

    Raises:
        MotifError: the file cannot be read, or holds no device that can be served.
    """
    if identities is None:
        return small_plant(manner)
    found: dict[str, Device] = {}
    for number, line in enumerate(identities.read_bytes().splitlines(), 1):
        try:
            row = msgspec.json.decode(line, type=dict)
            if not is_hint(row):
                found[f"{identities.stem}-{number}"] = device_of(row, manner)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            message = f"line {number} of {identities} describes no device: {error}"
            raise MotifError(message) from error
    if not found:
        message = f"{identities} describes no device that can be served"
        raise MotifError(message)
    return found


def serve(
    devices: Mapping[str, Device],
    first_port: int,
    told: Callable[[list[Place]], None],
    seconds: float | None = None,
) -> int:
    """Serve the devices until Ctrl-C or SIGTERM, or for so long; how many requests they answered.

    Raises:
        Abused: somebody asked for something that does not only read.
    """
    return asyncio.run(_served(devices, first_port, told, seconds))


async def _served(
    devices: Mapping[str, Device],
    first_port: int,
    told: Callable[[list[Place]], None],
    seconds: float | None,
) -> int:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with serving(devices, ADDRESS, first_port) as plant:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, end.set)
        told(
            [
                Place(name, one.address, one.port, _protocol(one.device))
                for name, one in plant.devices.items()
            ]
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await end.wait()
    return plant.requests


def _protocol(device: Device) -> str:
    is_ethernetip = isinstance(device, EthernetIpDevice)
    return ethernetip.PROTOCOL if is_ethernetip else modbus.PROTOCOL
