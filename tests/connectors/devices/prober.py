"""Somebody who discovers one device again and again, to be killed: `-m ... PROTOCOL PORT TIMES`.

Writes a byte whenever a probe is done. TIMES of 0 is without an end.
"""

import asyncio
import sys

from connectors.devices.discovery import Discovery
from connectors.devices.pace import Pace
from connectors.devices.sender import Sender
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from tests.connectors.devices.plants import QUICK


async def probe(protocol: str, port: int, times: int) -> None:
    """Discover the device on this port of loopback so often."""
    sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
    done = 0
    while not times or done < times:
        visits = visits_to([Target("127.0.0.1", port, named=True)], [protocol])
        async for visited in Discovery(sender).run(visits):
            assert visited.events
        done += 1
        sys.stdout.write(".")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(probe(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
