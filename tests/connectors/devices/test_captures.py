"""Capture files: every form of them gives the same packets, and a damaged one ends quietly."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.devices.captures import Packet, Place, packets_in
from schemas.errors import WrongUse
from tests.connectors.devices import recorded
from tests.connectors.devices.recorded import BEGAN_S, CLIENT, DEVICE, pcap, pcapng, tcp, udp

TOLD = [
    udp(1, (DEVICE, 44_818), (CLIENT, 40_000), b"hello"),
    tcp(1_250, (CLIENT, 40_001), (DEVICE, 502), b"\x00\x01", 7, recorded.SYN),
    udp(2_000, ("fe80::1", 68), ("ff02::1", 67), b""),
]
EXPECTED = [
    Packet(BEGAN_S * 10**6 + 1_000, "udp", Place(DEVICE, 44_818), Place(CLIENT, 40_000), b"hello"),
    Packet(
        BEGAN_S * 10**6 + 1_250_000,
        "tcp",
        Place(CLIENT, 40_001),
        Place(DEVICE, 502),
        b"\x00\x01",
        7,
        begins=True,
    ),
    Packet(BEGAN_S * 10**6 + 2_000_000, "udp", Place("fe80::1", 68), Place("ff02::1", 67), b""),
]

FORMS = {
    "pcap": pcap(TOLD),
    "pcap, the other order": pcap(TOLD, order=">"),
    "pcap, nanoseconds": pcap(TOLD, nano=True),
    **{f"pcap, link {link}": pcap(TOLD, link=link) for link in (101, 0, 113, 276)},
    "pcapng": pcapng(TOLD),
    "pcapng, the other order": pcapng(TOLD, order=">"),
    "pcapng, nanoseconds": pcapng(TOLD, power=9),
    "pcapng, two sections": pcapng(TOLD[:1]) + pcapng(TOLD[1:], order=">"),
}


def read(path: Path, content: bytes) -> list[Packet]:
    path.write_bytes(content)
    return list(packets_in(path))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_packets(tmp_path: Path, form: str) -> None:
    assert read(tmp_path / "capture", FORMS[form]) == EXPECTED


@settings(max_examples=300)
@given(form=st.sampled_from(sorted(FORMS)), data=st.data())
def test_a_file_that_is_cut_gives_what_came_before(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    whole = FORMS[form]
    size = data.draw(st.integers(4, len(whole)))
    found = read(tmp_path_factory.mktemp("cut") / "capture", whole[:size])

    assert found == EXPECTED[: len(found)]


@settings(max_examples=500)
@given(form=st.sampled_from(sorted(FORMS)), data=st.data())
def test_a_damaged_file_ends_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
) -> None:
    damaged = bytearray(FORMS[form])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(4, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = read(tmp_path_factory.mktemp("damaged") / "capture", bytes(damaged))

    assert len(found) <= len(EXPECTED)


def test_what_is_no_capture_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="is no capture; it must be a pcap or pcapng file"):
        read(tmp_path / "text", b"not a capture")
    with pytest.raises(WrongUse, match="cannot be read"):
        list(packets_in(tmp_path / "missing"))


def test_fragments_and_other_protocols_are_passed_over(tmp_path: Path) -> None:
    fragment = bytearray(TOLD[0].ip)
    fragment[6] = 0x20  # more follow
    ping = bytearray(TOLD[0].ip)
    ping[9] = 1
    told = [recorded.Told(0, bytes(fragment)), recorded.Told(0, bytes(ping)), TOLD[0]]

    assert len(read(tmp_path / "capture", pcap(told))) == 1
