"""The relay that takes time: what it carries arrives as it was sent, and later."""

import asyncio
from typing import Any

from connectors.plant.delay import PIECE, PIECES_MAX, ways_to
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import serving
from tests.connectors.devices.plants import LOGIX, Found, discovered, meter

ROUND_TRIP_S = 0.02
US = 1_000_000


def said(found: Found) -> list[dict[str, Any]]:
    """All probes, without where and when."""
    probes = [probe for several in found.probes.values() for probe in several]
    dumped = [probe.model_dump(exclude={"port"}) for probe in probes]
    for probe in dumped:
        for exchange in probe["exchanges"]:
            exchange.pop("reply_us", None)
    return dumped


def test_each_exchange_takes_a_round_trip_more_and_the_first_two() -> None:
    devices: dict[str, Device] = {"meter": meter(), "plc": EthernetIpDevice(LOGIX)}

    near, far = discovered(devices), discovered(devices, round_trip_s=ROUND_TRIP_S)

    assert said(near) == said(far)
    for name, (probe,) in far.probes.items():
        first, *others = [
            (one["reply_us"] or 0) / US for one in probe.exchanges if "reply_us" in one
        ]
        assert first >= 2 * ROUND_TRIP_S
        assert min(others) >= ROUND_TRIP_S
        counts = far.counts[name]
        assert (counts.connections, counts.open, counts.unclean) == (1, 0, 0)


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
