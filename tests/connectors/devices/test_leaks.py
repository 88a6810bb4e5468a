"""What is left behind on a device that takes four connections and counts those that stay open."""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from connectors.devices.discovery import Discovery, visits_to
from connectors.devices.pace import POLITE, Pace
from connectors.devices.sender import Sender
from connectors.devices.targets import Target, policy_of
from connectors.plant.device import Counts, Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import Served, serving
from schemas.clock import monotonic_s
from tests.connectors.devices.plants import ENBT, QUICK, discovered, meter, protocol_of

LONG = 10_000 if os.environ.get("MOTIF_CAMPAIGN") else 150
PATIENCE_S = 20
SLOW_S = 8
"""What a device takes that nobody waits for."""


async def probe(served: Served, times: int) -> None:
    """Interview one device again and again."""
    sender = Sender(policy_of([served.address]), Pace(QUICK))
    target = Target(served.address, served.port, named=True)
    for _ in range(times):
        async for visited in Discovery(sender).run(
            visits_to([target], [protocol_of(served.device)])
        ):
            assert visited.events


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, for a while."""
    loop = asyncio.get_running_loop()
    moved = asyncio.Event()

    def look() -> None:
        if true():
            moved.set()
        else:
            loop.call_later(0.01, look)

    look()
    async with asyncio.timeout(PATIENCE_S):
        await moved.wait()


async def asked_beyond(served: Served, number: int) -> None:
    """Wait until a device was asked more often than that."""
    await until(lambda: served.counts.requests > number)


DEVICES: dict[str, Device] = {
    "modbus": meter(),
    "ethernetip": EthernetIpDevice(ENBT),
    "closes": meter(manner=Manner(quirk="closes")),
    "truncates": EthernetIpDevice(ENBT, manner=Manner(quirk="truncates")),
}


@pytest.mark.parametrize("name", DEVICES)
def test_many_probes_leave_no_connection_open_and_end_none_uncleanly(name: str) -> None:
    async def run() -> Counts:
        async with serving({name: DEVICES[name]}) as plant:
            served = plant.devices[name]
            await probe(served, LONG if name in {"modbus", "ethernetip"} else LONG // 10)
            await until(lambda: served.counts.open == 0)
            return served.counts

    counts = asyncio.run(run())

    assert counts.connections >= LONG // 10
    assert (counts.most_open, counts.unclean, counts.turned_away) == (1, 0, 0)


PROBER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.connectors.devices.plants import QUICK
from connectors.devices.discovery import Discovery, visits_to
from connectors.devices.pace import Pace
from connectors.devices.sender import Sender
from connectors.devices.targets import Target, policy_of

async def run():
    sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
    while True:
        visits = visits_to([Target("127.0.0.1", {port}, True)], ["modbus.tcp"])
        async for _ in Discovery(sender).run(visits):
            pass

asyncio.run(run())
"""


def test_whoever_is_killed_in_the_middle_of_a_probe_leaves_no_connection_open() -> None:
    """Time and again, more often than the device has connections."""

    async def run() -> Counts:
        async with serving({"meter": meter(manner=Manner(delay_s=0.001))}) as plant:
            served = plant.devices["meter"]
            code = PROBER.format(root=str(Path.cwd()), port=served.port)
            for _ in range(5):
                before = served.counts.requests
                process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
                await asked_beyond(served, before + 10)
                process.kill()
                await process.wait()
                await until(lambda: served.counts.open == 0)
            return served.counts

    counts = asyncio.run(run())

    assert counts.turned_away == 0
    assert counts.most_open == 1


def test_the_polite_limits_are_kept_as_the_devices_count() -> None:
    """What arrives may be a little late, and the next then a little sooner after it."""
    found = discovered({"a": meter(), "b": meter(), "c": meter()}, limits=POLITE)

    moments = sorted(at_s for counts in found.counts.values() for at_s in counts.asked_s)
    assert len(moments) == 63
    assert moments[-1] - moments[0] >= 62 / POLITE.requests_per_s - LATE_S
    for counts in found.counts.values():
        gaps = [later - earlier for earlier, later in pairwise(counts.asked_s)]
        assert min(gaps) >= POLITE.gap_s - LATE_S


LATE_S = 0.05


def test_a_run_that_is_stopped_closes_its_connections_in_order() -> None:
    async def run() -> Counts:
        async with serving({"slow": meter(manner=Manner(delay_s=SLOW_S))}) as plant:
            served = plant.devices["slow"]
            running = asyncio.create_task(probe(served, 1))
            await until(lambda: served.counts.requests == 1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return replace(served.counts)

    began_s = monotonic_s()
    counts = asyncio.run(run())

    assert monotonic_s() - began_s < SLOW_S - 1
    assert counts.unclean == 0
