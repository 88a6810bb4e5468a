"""EtherNet/IP and CIP: replies as real devices give them, and replies that lie."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices import cip, ethernetip
from connectors.devices.ethernetip import IDENTITY_ITEM, LIST_IDENTITY, Listed
from connectors.devices.octets import Malformed

CONTEXT = b"\0\0motif1"
LOGIX = bytes.fromhex(
    "0100 0c00 3600 0100 0002af12 00000000 0000000000000000 0100 0e00 3600 140b 6031 1a066c00 14"
) + (b"1756-L61/B LOGIX5561\xff")
"""The reply of a simulator, as it was captured."""


def item(kind: int, data: bytes) -> bytes:
    """An item with its length."""
    return kind.to_bytes(2, "little") + len(data).to_bytes(2, "little") + data


def items(*made: bytes) -> bytes:
    """Items with their number."""
    return len(made).to_bytes(2, "little") + b"".join(made)


def test_an_identity_is_read_with_its_numbers() -> None:
    listed = ethernetip.listed_in(LOGIX)

    identity = cip.Identity(
        vendor_id=1,
        device_type=14,
        product_code=54,
        major=20,
        minor=11,
        status=0x3160,
        serial=0x006C061A,
        name=b"1756-L61/B LOGIX5561",
        state=255,
    )
    assert listed == Listed(identity, 1, "0.0.0.0", 44818)  # noqa: S104  # it says so
    assert identity.revision == "20.11"


def test_the_identity_is_found_wherever_it_stands_among_the_items() -> None:
    """Devices with CIP Security add items, also before it."""
    security = item(0x0086, bytes(12))

    listed = ethernetip.listed_in(items(security, LOGIX[2:], security))

    assert listed.identity.product_code == 54


def test_no_identity_among_the_items_is_malformed() -> None:
    with pytest.raises(Malformed, match="none of the items"):
        ethernetip.listed_in(items(item(0x0086, bytes(40))))


def test_a_name_that_is_longer_than_its_item_is_malformed() -> None:
    data = bytearray(LOGIX)
    data[data.index(0x14, 30)] = 0x14
    at = LOGIX.index(b"\x14" + b"1756")
    data[at] = 200

    with pytest.raises(Malformed, match="name"):
        ethernetip.listed_in(bytes(data))


def test_an_identity_without_a_state_is_read_and_the_state_is_not_known() -> None:
    data = LOGIX[6:-1]

    assert ethernetip.listed_in(items(item(IDENTITY_ITEM, data))).identity.state is None


def test_items_that_are_declared_and_not_there_are_malformed() -> None:
    with pytest.raises(Malformed):
        ethernetip.listed_in(b"\x02\x00" + LOGIX[2:])
    with pytest.raises(Malformed, match="declares 65535"):
        ethernetip.listed_in(b"\xff\xff" + LOGIX[2:])
    with pytest.raises(Malformed, match="behind"):
        ethernetip.listed_in(LOGIX + b"\x00")


def test_a_packet_comes_back_and_its_size_is_known_from_the_header() -> None:
    packet = ethernetip.packet(LIST_IDENTITY, 7, CONTEXT, LOGIX)

    assert ethernetip.read_packet(packet) == (LIST_IDENTITY, 7, 0, CONTEXT, LOGIX)
    assert ethernetip.packet_size(packet[:23]) is None
    assert ethernetip.packet_size(packet[:24]) == len(packet)


def test_a_length_no_reply_has_is_malformed_before_anything_is_waited_for() -> None:
    with pytest.raises(Malformed, match="length"):
        ethernetip.packet_size(b"\x63\x00\xff\xff" + bytes(20))


@pytest.mark.parametrize("first", [b"\x15\x03\x03\x00", b"HTTP/1.1 400", b"SSH-2.0"])
def test_another_protocol_is_known_from_its_first_bytes(first: bytes) -> None:
    with pytest.raises(Malformed, match="command"):
        ethernetip.packet_size(first)


def test_services_are_listed_by_their_names() -> None:
    service = item(0x0100, b"\x01\x00\x20\x01Communications\0\0")

    assert ethernetip.services_in(items(service)) == {"Communications": 0x0120}


def test_all_attributes_of_an_identity_are_read_from_a_slot() -> None:
    message = cip.to_slot(cip.get_all(cip.IDENTITY), 3)
    data = LOGIX[24:-1]

    answer = cip.answer_to(message, b"\x81\0\0\0" + data)

    assert (answer.service, answer.status) == (cip.GET_ALL, 0)
    assert cip.identity_of(answer.data).name == b"1756-L61/B LOGIX5561"


def test_an_envelope_that_found_nobody_is_an_answer_with_a_status() -> None:
    message = cip.to_slot(cip.get_all(cip.IDENTITY), 9)

    answer = cip.answer_to(message, bytes.fromhex("d2000101110300"))

    assert (answer.service, answer.status, answer.extended) == (0x52, 1, bytes.fromhex("1103"))


def test_a_reply_to_another_service_is_malformed() -> None:
    with pytest.raises(Malformed, match="service"):
        cip.answer_to(cip.get_all(cip.IDENTITY), b"\x8e\0\0\0")
    with pytest.raises(Malformed, match="service"):
        cip.answer_to(cip.to_slot(cip.get_all(cip.IDENTITY), 1), b"\xd2\0\0\0")


@pytest.mark.parametrize("message", ["", "52", "52022006240100000600"])
def test_a_reply_to_a_message_that_asks_nothing_is_malformed(message: str) -> None:
    """Messages of others are overheard, whatever they are."""
    with pytest.raises(Malformed):
        cip.answer_to(bytes.fromhex(message), b"\x81\0\0\0")


def test_the_message_of_a_reply_is_found_behind_other_items() -> None:
    data = bytes(6) + items(item(0, b""), item(0x8002, bytes(16)), item(0xB2, b"\x81\0\0\0"))

    assert ethernetip.message_in(data) == b"\x81\0\0\0"
    with pytest.raises(Malformed):
        ethernetip.message_in(bytes(6) + items(item(0, b"")))


READERS: list[Callable[[bytes], object]] = [
    ethernetip.listed_in,
    ethernetip.services_in,
    ethernetip.message_in,
    ethernetip.read_packet,
    cip.identity_of,
    cip.mac_of,
    lambda noise: cip.answer_to(cip.to_slot(cip.get_all(1), 1), noise),
]


@given(
    st.sampled_from(range(len(READERS))),
    st.binary(max_size=120) | st.tuples(st.integers(0, 80), st.binary(max_size=6)),
)
def test_noise_and_damaged_replies_are_decoded_or_malformed_and_never_anything_else(
    reader: int, noise: bytes | tuple[int, bytes]
) -> None:
    if isinstance(noise, tuple):
        at, put = noise
        noise = LOGIX[:at] + put + LOGIX[at + len(put) :]

    assert sentence(lambda: READERS[reader](noise)) != ""


def sentence(read: Callable[[], object]) -> str | None:
    """Why something is malformed; None where it is not."""
    try:
        read()
    except Malformed as refusal:
        return str(refusal)
    return None
