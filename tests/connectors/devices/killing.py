"""Whoever asks a device is killed in the middle, time and again: what stays open at the device."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from signal import SIGKILL
from typing import Final

from connectors.devices import ethernetip, modbus
from connectors.devices.ethernetip_interview import ETHERNET_IP
from connectors.devices.modbus_interview import MODBUS
from connectors.plant.device import CONNECTIONS_MAX, Counts, Device
from connectors.plant.serving import Served, serving
from tests.connectors.devices.plants import protocol_of

PATIENCE_S: Final = 20
REQUESTS: Final = {MODBUS.name: MODBUS.requests, ETHERNET_IP.name: ETHERNET_IP.requests}
QUESTIONS: Final = {
    MODBUS.name: modbus.frame(1, 1, modbus.read_identification(modbus.BASIC)),
    ETHERNET_IP.name: ethernetip.packet(ethernetip.LIST_IDENTITY, 0, bytes(8)),
}
"""What a device is asked to see that it answers."""


@dataclass
class Killed:
    """Probes that were done and processes that were killed, and what the device counted by then.

    `leaked` is the most that stayed open when nobody was there, and `taken` how many connections
    at once the device answered on at the end.
    """

    probes: int
    kills: int
    counts: Counts
    leaked: int
    taken: int


async def killed(device: Device, *, probes: int, kills: int, random: Random) -> Killed:
    """Have a device probed so often, by processes of which so many are killed at some moment."""
    protocol = protocol_of(device)
    share = 2 * probes * REQUESTS[protocol] // (kills + 1)
    done = leaked = 0
    async with serving({"device": device}) as plant:
        served = plant.devices["device"]
        for _ in range(kills):
            done += await _one(served, protocol, random.randint(1, share))
            leaked = max(leaked, await left_open(served))
        done += await _one(served, protocol, None, max(1, probes - done))
        leaked = max(leaked, await left_open(served))
        counts = replace(served.counts)
        return Killed(done, kills, counts, leaked, await taken_at_once(served, QUESTIONS[protocol]))


async def until(true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so, for a while."""
    loop = asyncio.get_running_loop()
    moved = asyncio.Event()

    def look() -> None:
        if true():
            moved.set()
        else:
            loop.call_later(0.01, look)

    look()
    async with asyncio.timeout(patience_s):
        await moved.wait()


async def _one(served: Served, protocol: str, requests: int | None, times: int = 0) -> int:
    """A process that probes, killed when the device was asked so much more; how often it did."""
    goal = None if requests is None else served.counts.requests + requests
    module = ("-m", "tests.connectors.devices.prober", protocol, str(served.port), str(times))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *module, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    reading = asyncio.create_task(process.stdout.read())
    try:
        if goal is not None:
            await _asked_beyond(served, goal)
            process.kill()
        done = len(await reading)
        assert await process.wait() == (0 if goal is None else -SIGKILL)
        return done
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _asked_beyond(served: Served, goal: int) -> None:
    """Wait until a device was asked more often than that, as long as it is asked at all."""
    while (before := served.counts.requests) <= goal:
        await until(partial(_is_asked, served, before))


def _is_asked(served: Served, before: int) -> bool:
    return served.counts.requests > before


async def left_open(served: Served, patience_s: float = PATIENCE_S) -> int:
    """How many connections are still open when the device had time to notice."""
    try:
        await until(lambda: served.counts.open == 0, patience_s)
    except TimeoutError:
        return served.counts.open
    return 0


async def taken_at_once(served: Served, question: bytes) -> int:
    """On how many connections at once the device answers, tried with one more than it takes."""
    taken, before = 0, served.counts.open
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS_MAX + 1):
            reader, writer = await asyncio.open_connection(served.address, served.port)
            stack.callback(writer.close)
            writer.write(question)
            try:
                taken += bool(await reader.read(1))
            except ConnectionError:
                continue
    await until(lambda: served.counts.open == before)
    return taken
