"""The relay that takes time: what it carries arrives as it was sent, and later."""

import asyncio
from typing import Any

from connectors.devices import ethernetip, modbus
from connectors.devices.pace import Pace
from connectors.devices.sender import Heard, Sender
from connectors.devices.targets import policy_of
from connectors.plant.delay import PIECE, PIECES_MAX, ways_to
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import serving
from schemas.clock import monotonic_s
from tests.connectors.devices.plants import LOGIX, QUICK, Found, discovered, meter

ROUND_TRIP_S = 0.02
LEAST_S = 0.9 * ROUND_TRIP_S
"""Timers may end a little early."""
US = 1_000_000


def said(found: Found) -> list[dict[str, Any]]:
    """All probes, without where and when."""
    probes = [probe for several in found.probes.values() for probe in several]
    dumped = [probe.model_dump(exclude={"port"}) for probe in probes]
    for probe in dumped:
        for exchange in probe["exchanges"]:
            exchange.pop("reply_us", None)
    return dumped


def test_each_exchange_takes_a_round_trip_more() -> None:
    devices: dict[str, Device] = {"meter": meter(), "plc": EthernetIpDevice(LOGIX)}

    near, far = discovered(devices), discovered(devices, round_trip_s=ROUND_TRIP_S)

    assert said(near) == said(far)
    for name, (probe,) in far.probes.items():
        took_us = [one["reply_us"] for one in probe.exchanges if "reply_us" in one]
        assert all(one is not None and one >= LEAST_S * US for one in took_us)
        counts = far.counts[name]
        assert (counts.connections, counts.open, counts.unclean) == (1, 0, 0)


def test_the_first_reply_takes_two_round_trips_from_the_wish_to_connect() -> None:
    frame = modbus.frame(1, 1, modbus.read(3, 0, 1))

    async def run() -> float:
        async with serving({"meter": meter()}) as plant, ways_to(plant, ROUND_TRIP_S) as ways:
            began_s = monotonic_s()
            reader, writer = await asyncio.open_connection("127.0.0.1", ways["meter"].port)
            writer.write(frame)
            await reader.readexactly(11)
            took_s = monotonic_s() - began_s
            writer.close()
            return took_s

    assert asyncio.run(run()) >= 2 * LEAST_S


def test_a_datagram_and_its_answer_take_a_round_trip() -> None:
    async def run() -> Heard:
        async with (
            serving({"plc": EthernetIpDevice(LOGIX)}) as plant,
            ways_to(plant, ROUND_TRIP_S) as ways,
        ):
            sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
            frame = ethernetip.packet(ethernetip.LIST_IDENTITY, 0, bytes(8))
            return await sender.datagram("ethernet_ip", "127.0.0.1", ways["plc"].port, frame)

    heard = asyncio.run(run())

    assert heard.how == "answered"
    assert (heard.reply_us or 0) >= LEAST_S * US


def test_bytes_that_come_one_by_one_keep_their_order() -> None:
    slow = {"meter": meter(manner=Manner(quirk="dribbles"))}

    assert said(discovered(slow, round_trip_s=0.001)) == said(discovered({"meter": meter()}))


def test_a_device_that_hangs_up_is_seen_to_hang_up() -> None:
    for quirk in ("closes", "resets"):
        found = discovered({"meter": meter(manner=Manner(quirk=quirk))}, round_trip_s=0.001)
        outcomes = {one["outcome"] for one in found.one("meter").exchanges}
        assert outcomes <= {"closed", "reset"}


def test_whoever_sends_more_than_is_on_its_way_waits() -> None:
    async def run() -> int:
        async with (
            serving({"meter": meter(manner=Manner(quirk="silent"))}) as plant,
            ways_to(plant, 2 * 3600) as ways,
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", ways["meter"].port)
            piece = bytes(PIECE)
            taken = 0
            try:
                while taken < 100_000:
                    writer.write(piece)
                    async with asyncio.timeout(1):
                        await writer.drain()
                    taken += 1
            except TimeoutError:
                return taken
            finally:
                writer.close()
            return taken

    # What is on its way, and what the buffers of the system and the streams hold.
    assert PIECES_MAX <= asyncio.run(run()) < 100_000
