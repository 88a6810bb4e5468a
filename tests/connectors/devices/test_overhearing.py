"""Devices that are overheard say the same as devices that are asked, however traffic was cut."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.devices import ethernetip, modbus
from connectors.devices.captures import Packet, packets_in
from connectors.devices.passive import Overhearing
from connectors.plant.device import Device
from connectors.plant.ethernetip_device import EthernetIpDevice
from schemas.devices import DeviceProbed
from tests.connectors.devices.plants import ENBT, LOGIX, discovered, meter
from tests.connectors.devices.recorded import (
    CLIENT,
    DEVICE,
    Told,
    conversation,
    pcap,
    pcapng,
    tcp,
    udp,
)
from tests.connectors.devices.test_bootp import request as bootp_request

SAID = ("vendor_id", "vendor", "device_type", "product_code", "product", "revision", "serial")
"""What a device is known by; its state is another at another time."""

NOBODY = "0.0.0.0"  # noqa: S104  # whom a device that has no address speaks as

Pairs = list[tuple[int, bytes, bytes | None]]


@pytest.fixture(scope="module")
def asked() -> dict[str, list[DeviceProbed]]:
    """A meter and a chassis that were asked everything."""
    devices: dict[str, Device] = {
        "meter": meter(),
        "chassis": EthernetIpDevice(ENBT, slots={2: LOGIX}),
    }
    return discovered(devices).probes


def pairs_of(probes: Sequence[DeviceProbed]) -> Pairs:
    """All that was exchanged with a device, as requests with their replies."""
    sents = [sent for probe in probes for sent in probe.exchanges]
    return [
        (
            10 * number,
            bytes.fromhex(sent["request"]),
            bytes.fromhex(reply) if (reply := sent.get("response")) else None,
        )
        for number, sent in enumerate(sents)
    ]


def heard(told: Sequence[Told], folder: Path, form: str = "pcap") -> list[DeviceProbed]:
    """What a capture of these packets tells."""
    path = folder / "capture"
    path.write_bytes(pcap(told) if form == "pcap" else pcapng(told))
    return [probe for probe, _ in named(list(packets_in(path)))]


def named(packets: list[Packet]) -> list[tuple[DeviceProbed, str]]:
    found = []
    for event in Overhearing().events(packets):
        assert isinstance(event.data, DeviceProbed)
        found.append((event.data, event.id))
    return found


def said(probe: DeviceProbed) -> dict[str, object]:
    return {name: getattr(probe, name) for name in SAID}


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_a_meter_that_somebody_asks_is_known_as_if_we_had_asked(
    asked: dict[str, list[DeviceProbed]], tmp_path: Path, form: str
) -> None:
    [ours] = asked["meter"]
    found = heard(conversation(pairs_of([ours]), modbus.PORT), tmp_path, form)

    units = {probe.unit: probe for probe in found}
    passive = units[ours.unit]
    assert said(passive) == said(ours)
    assert (passive.address, passive.port, passive.path) == (DEVICE, 502, "passive")
    assert (passive.transport, passive.outcome) == ("capture", "identified")
    assert passive.objects == ours.objects
    assert passive.conformity == ours.conformity
    assert {sent["reply_us"] for sent in passive.exchanges} == {3_000}
    assert all(probe.outcome == "identified" for probe in found)


def test_a_chassis_that_somebody_asks_is_known_with_its_slots(
    asked: dict[str, list[DeviceProbed]], tmp_path: Path
) -> None:
    found = heard(conversation(pairs_of(asked["chassis"]), ethernetip.PORT), tmp_path)

    expected = {probe.slot: said(probe) for probe in asked["chassis"]}
    assert {probe.slot: said(probe) for probe in found} == expected
    assert len(expected) > 1


def test_what_a_device_says_to_everybody_is_heard_with_and_without_the_question(
    asked: dict[str, list[DeviceProbed]], tmp_path: Path
) -> None:
    own = next(probe for probe in asked["chassis"] if probe.slot is None)
    question, answer = next(
        (request, reply)
        for _, request, reply in pairs_of([own])
        if request[:1] == bytes([ethernetip.LIST_IDENTITY])
    )
    assert answer is not None
    everybody = udp(0, (CLIENT, 40_000), ("255.255.255.255", 44_818), question)
    reply = udp(2_000, (DEVICE, 44_818), (CLIENT, 40_000), answer)

    [whole] = heard([everybody, reply], tmp_path)
    [alone] = heard([reply], tmp_path)
    assert said(whole) == said(alone) == said(own)
    assert whole.exchanges[0]["request"] == question.hex()
    assert alone.exchanges[0]["request"] == ""


def test_a_device_that_is_heard_in_both_ways_is_one_probe(
    asked: dict[str, list[DeviceProbed]], tmp_path: Path
) -> None:
    own = [probe for probe in asked["chassis"] if probe.slot is None]
    pairs = pairs_of(own)
    answer = next(reply for _, request, reply in pairs if reply and request[:1] == b"\x63")
    over_tcp = [pair for pair in pairs if pair[1][:1] != b"\x63"]
    told = [udp(0, (DEVICE, 44_818), (CLIENT, 40_000), answer)]

    [probe] = heard([*told, *conversation(over_tcp, ethernetip.PORT)], tmp_path)
    assert said(probe) == said(own[0])
    assert len(probe.exchanges) == 2


@pytest.mark.parametrize("asking", ["2b", "2b0e", "2b0d00", "11ffff"])
def test_a_request_of_others_that_is_cut_off_tells_nothing_and_ends_nothing(
    asking: str, tmp_path: Path
) -> None:
    reply = bytes.fromhex("2b0e0101000001000341636d")
    request = modbus.frame(1, 1, bytes.fromhex(asking))
    pairs: Pairs = [(1, request, modbus.frame(1, 1, reply))]

    assert heard(conversation(pairs, modbus.PORT), tmp_path) == []


def test_a_device_that_asks_for_an_address_is_seen_and_only_a_hint(tmp_path: Path) -> None:
    asking = udp(0, (NOBODY, 68), ("255.255.255.255", 67), bootp_request())

    [probe] = heard([asking], tmp_path)
    assert (probe.protocol, probe.evidence, probe.mac) == ("bootp", "request", "00:00:bc:12:34:56")
    assert probe.objects == {
        "oui": "00:00:bc",
        "kind": "bootp",
        "length": "300",
        "options": "",
    }
    assert probe.vendor_id is None


def test_a_device_with_another_firmware_than_before_is_another_probe(tmp_path: Path) -> None:
    from connectors.plant.modbus_device import Unit

    first = discovered({"a": meter()}).one("a")
    second = discovered({"a": meter(identity=Unit({0: b"Acme", 1: b"M-1", 2: b"V3.00"}))}).one("a")
    pairs = pairs_of([first])
    later = [(ms + 60_000, request, reply) for ms, request, reply in pairs_of([second])]

    found = heard(conversation([*pairs, *pairs, *later], modbus.PORT), tmp_path)
    revisions = [probe.revision for probe in found if probe.unit == first.unit]
    assert revisions == ["V2.10", "V3.00"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_however_segments_are_cut_doubled_and_mixed_the_same_is_heard(
    asked: dict[str, list[DeviceProbed]], tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = Random(seed)
    folder = tmp_path_factory.mktemp("cut")
    for name, port in (("meter", modbus.PORT), ("chassis", ethernetip.PORT)):
        pairs = pairs_of(asked[name])
        whole = heard(conversation(pairs, port), folder)
        again = heard(_disturbed(pairs, port, rng), folder)

        assert {(one.unit, one.slot): said(one) for one in again} == {
            (one.unit, one.slot): said(one) for one in whole
        }


def _disturbed(pairs: Pairs, port: int, rng: Random) -> list[Told]:
    """The same conversation in pieces, some of them twice, neighbours in another order."""
    client, server = (CLIENT, 50_123), (DEVICE, port)
    mine = theirs = rng.randrange(2**32)
    told = [tcp(0, client, server, b"", mine - 1, 2), tcp(0, server, client, b"", theirs - 1, 2)]
    for ms, request, reply in pairs:
        told += _cut(ms, client, server, request, mine, rng)
        mine += len(request)
        if reply is not None:
            told += _cut(ms + 3, server, client, reply, theirs, rng)
            theirs += len(reply)
    return told


def _cut(
    ms: int,
    source: tuple[str, int],
    target: tuple[str, int],
    payload: bytes,
    sequence: int,
    rng: Random,
) -> list[Told]:
    pieces = []
    at = 0
    while at < len(payload):
        size = rng.randint(1, len(payload) - at)
        back = rng.randint(0, min(at, 3))  # what was sent before comes once more
        pieces.append(tcp(ms, source, target, payload[at - back : at + size], sequence + at - back))
        at += size
    pieces += [piece for piece in pieces if rng.random() < 0.2]
    rng.shuffle(pieces)
    return pieces


def test_the_same_capture_again_is_the_same_events(
    asked: dict[str, list[DeviceProbed]], tmp_path: Path
) -> None:
    path = tmp_path / "capture"
    path.write_bytes(pcap(conversation(pairs_of(asked["meter"]), modbus.PORT)))
    once, again = (named(list(packets_in(path))) for _ in range(2))

    assert [identity for _, identity in once] == [identity for _, identity in again]
    assert len({identity for _, identity in once}) == len(once)


def test_traffic_that_begins_in_the_middle_is_heard_from_the_next_frame_on(
    asked: dict[str, list[DeviceProbed]], tmp_path: Path
) -> None:
    told = conversation(pairs_of(asked["meter"]), modbus.PORT)[2:]

    assert said(heard(told, tmp_path)[0]) == said(asked["meter"][0])


def test_polling_without_an_identity_tells_nothing(tmp_path: Path) -> None:
    request = modbus.frame(1, 1, modbus.read(3, 0, 1))
    reply = modbus.frame(1, 1, bytes([3, 2, 0, 7]))

    assert heard(conversation([(0, request, reply)], modbus.PORT), tmp_path) == []
