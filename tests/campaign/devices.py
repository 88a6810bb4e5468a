"""The campaign against leaks: `make campaign-devices`.

One simulated device that takes four connections is probed by processes that are killed with
SIGKILL at moments nobody knows beforehand; it counts what stays open.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from random import Random
from typing import Final

from connectors.plant.device import CONNECTIONS_MAX, Device
from connectors.plant.ethernetip_device import EthernetIpDevice
from schemas.clock import monotonic_s
from tests.connectors.devices.killing import killed
from tests.connectors.devices.plants import ENBT, LOGIX, meter

DEVICES: Final[dict[str, Device]] = {
    "modbus": meter(),
    "ethernetip": EthernetIpDevice(ENBT, {0: LOGIX}),
}


def main(words: Sequence[str]) -> int:
    """Probe each device so often; 0 when nothing was left open."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.devices", description=__doc__)
    parser.add_argument("--probes", type=int, default=10_000, help="probes of each device")
    parser.add_argument("--kills", type=int, default=100, help="processes that are killed")
    parser.add_argument("--seed", type=int, default=0, help="of the moments they are killed at")
    parser.add_argument("--device", choices=DEVICES, help="this one alone")
    asked = parser.parse_args(words)
    names = [asked.device] if asked.device else list(DEVICES)
    clean = True
    for name in names:
        clean = one(name, asked.probes, asked.kills, asked.seed) and clean
    return 0 if clean else 1


def one(name: str, probes: int, kills: int, seed: int) -> bool:
    """Probe a device, and say what it counted; whether nothing was left."""
    began_s = monotonic_s()
    random = Random(f"{name} {seed}")
    found = asyncio.run(killed(DEVICES[name], probes=probes, kills=kills, random=random))
    took_s, counts = monotonic_s() - began_s, found.counts
    sys.stdout.write(
        f"{name}: {found.probes:,} probes, {found.kills} processes killed, "
        f"{counts.connections:,} connections, {counts.requests:,} requests in {took_s:.0f} s; "
        f"{found.leaked} left open, at most {counts.most_open} at once, "
        f"{counts.turned_away} turned away, {counts.unclean} ended by a reset; "
        f"afterwards it takes {found.taken}\n"
    )
    sys.stdout.flush()
    return (found.leaked, counts.turned_away, found.taken) == (0, 0, CONNECTIONS_MAX)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
