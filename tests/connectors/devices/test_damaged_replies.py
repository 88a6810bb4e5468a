"""Replies damaged in every way: an interview ends within its limits, whatever a device answers."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.devices import ethernetip, modbus
from connectors.devices.modbus_interview import MODBUS
from connectors.devices.pace import Pace
from connectors.devices.recording import decoded_again
from connectors.devices.sender import KEPT_MAX, WIRES, Heard, Line, Sender
from connectors.devices.targets import policy_of
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from schemas.envelope import decode, outgoing
from schemas.log import Record
from tests.connectors.devices.plants import ENBT, HASTY, LOGIX, discovered, meter

IMPATIENT = replace(HASTY, reply_timeout_s=0.02, datagram_timeout_s=0.02)

Damage = Callable[[bytes], bytes]


def flipped(at: int, value: int) -> Damage:
    """Another byte somewhere."""

    def flip(answer: bytes) -> bytes:
        place = at % len(answer)
        return answer[:place] + bytes([value]) + answer[place + 1 :]

    return flip


damages: st.SearchStrategy[Damage] = st.one_of(
    st.just(lambda answer: answer),
    st.builds(flipped, st.integers(0, 80), st.integers(0, 255)),
    st.integers(1, 40).map(lambda cut: lambda answer: answer[:-cut]),
    st.binary(min_size=1, max_size=30).map(lambda tail: lambda answer: answer + tail),
    st.binary(max_size=300).map(lambda noise: lambda _: noise),
    # Whole frames around nonsense get past the framing.
    st.binary(max_size=60).map(lambda noise: lambda answer: reframed(answer, noise)),
)


def reframed(answer: bytes, noise: bytes) -> bytes:
    """A frame of the same head with other contents, and a length that fits."""
    if answer[2:4] == b"\0\0" and answer[:2] != b"\x63\0" and len(answer) < 24:
        return answer[:4] + (len(noise) + 1).to_bytes(2) + answer[6:7] + noise
    return answer[:2] + len(noise).to_bytes(2, "little") + answer[4:24] + noise


@dataclass
class Damaging:
    """A device whose answers are damaged, one after the other."""

    device: Device
    damages: list[Damage]
    manner: Manner = field(default_factory=Manner)
    answered: int = 0

    @property
    def head(self) -> int:
        """As the device has it."""
        return self.device.head

    def size(self, head: bytes) -> int:
        """As the device has it."""
        return self.device.size(head)

    def answer(self, request: bytes) -> bytes | None:
        """The answer, damaged."""
        answer = self.device.answer(request)
        damage = self.damages[self.answered % len(self.damages)]
        self.answered += 1
        return damage(answer) if answer else answer


@settings(max_examples=2_000 if os.environ.get("MOTIF_CAMPAIGN") else 25)
@given(st.lists(damages, min_size=1, max_size=6), st.booleans())
def test_an_interview_ends_and_what_came_is_kept(made: list[Damage], is_modbus: bool) -> None:
    device: Device = meter() if is_modbus else EthernetIpDevice(ENBT, {0: LOGIX})
    damaging = Damaging(device, made)
    protocol = "modbus.tcp" if is_modbus else "ethernet_ip"

    found = discovered({"bad": damaging}, limits=IMPATIENT, protocols={"bad": protocol})

    probes = found.probes["bad"]
    assert probes
    assert found.counts["bad"].requests <= 30 + 3 * modbus.ROUNDS_MAX + MODBUS.requests * 3
    assert found.counts["bad"].most_open == 1
    assert found.counts["bad"].forbidden == []
    for event, probe in zip(found.events, probes, strict=True):
        (record,) = [outgoing(event, 1)]
        read = Record(record.topic, 0, 0, record.key, record.value, record.headers, 0)
        assert decode(read).data == probe
        assert decoded_again(probe) == probe
        for exchange in probe.exchanges:
            assert exchange["outcome"] != "malformed" or exchange.get("response")


class Silent:
    """A writer to nowhere."""

    def write(self, data: bytes) -> None:
        """Take what is sent."""

    async def drain(self) -> None:
        """Never wait."""


FRAMES = {
    modbus.PROTOCOL: modbus.frame(1, 1, modbus.report_server_id()),
    ethernetip.PROTOCOL: ethernetip.packet(ethernetip.LIST_IDENTITY, 0, bytes(8)),
}


arriving = st.lists(st.binary(max_size=400), max_size=4)


@given(st.sampled_from(sorted(FRAMES)), arriving, st.booleans())
def test_whatever_bytes_come_are_a_reply_or_kept_as_none(
    protocol: str, pieces: list[bytes], closed: bool
) -> None:
    async def run() -> Heard:
        reader = asyncio.StreamReader()
        for piece in pieces:
            reader.feed_data(piece)
        if closed:
            reader.feed_eof()
        sender = Sender(policy_of(["10.0.0.0/8"]), Pace(replace(HASTY, reply_timeout_s=0.01)))
        writer = cast("asyncio.StreamWriter", Silent())
        line = Line(sender, WIRES[protocol], "10.0.0.1", reader, writer)
        return await line.ask(FRAMES[protocol])

    heard = asyncio.run(run())

    came = b"".join(pieces)
    assert heard.how in {"answered", "timeout", "closed", "malformed"}
    assert heard.response is None or heard.response in came
    assert len(heard.response or b"") <= max(KEPT_MAX, ethernetip.DATA_MAX + 24)
    if not came:
        assert heard.how == ("closed" if closed else "timeout")
    if heard.how == "malformed":
        assert heard.response
