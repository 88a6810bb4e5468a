"""BOOTP and DHCP requests: what real devices sent, and what is cut off."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices import bootp
from connectors.devices.octets import Malformed


def request(
    hardware: str = "0000bc123456",
    options: bytes = b"",
    *,
    cookie: bytes = bootp.COOKIE,
    relay: bytes = bytes(4),
    server_name: bytes = bytes(64),
    file: bytes = bytes(128),
    length: int = 300,
) -> bytes:
    """A request of a device, filled up to its length."""
    head = bytes([1, 1, 6, 0]) + bytes.fromhex("00001234") + bytes(4) + bytes(12) + relay
    whole = head + bytes.fromhex(hardware).ljust(16, b"\0") + server_name + file + cookie + options
    return whole.ljust(length, b"\0")


def test_a_plain_bootp_request_without_options_tells_its_maker() -> None:
    """As a 1756-ENBT sends it: 300 bytes, the cookie, and nothing behind it."""
    seen = bootp.decode(request())

    assert (seen.oui, seen.message_type, seen.options, seen.length) == ("00:00:bc", None, (), 300)
    assert (seen.parameters, seen.vendor_class, seen.relayed) == (None, None, False)


def test_a_dhcp_request_tells_in_which_order_it_wants_what() -> None:
    """As a Koyo DL405 sends it."""
    options = bytes([53, 1, 1, 57, 2, 2, 64, 55, 4, 1, 3, 28, 6, 255])

    seen = bootp.decode(request("00e062001122", options, length=308))

    assert (seen.oui, seen.message_type) == ("00:e0:62", 1)
    assert (seen.options, seen.parameters, seen.length) == ((53, 57, 55), (1, 3, 28, 6), 308)


def test_options_in_the_fields_of_the_header_are_found() -> None:
    file = bytes([60, 3]) + b"abc" + bytes([255]) + bytes(122)
    name = bytes([60, 2]) + b"de" + bytes([255]) + bytes(59)

    seen = bootp.decode(
        request(options=bytes([52, 1, 3, 0, 255]), file=file, server_name=name, length=0)
    )

    assert seen.vendor_class == b"abcde"


def test_a_reply_tells_nothing_of_a_device() -> None:
    with pytest.raises(Malformed, match="operation"):
        bootp.decode(b"\x02" + request()[1:])


def test_a_request_through_a_relay_says_so() -> None:
    assert bootp.decode(request(relay=bytes([10, 0, 0, 1]))).relayed


def test_without_the_cookie_there_are_no_options() -> None:
    assert bootp.decode(request(cookie=b"abcd", options=b"\x35\x01\x01")).options == ()


@pytest.mark.parametrize("length", [0, 1, 4, 235])
def test_a_request_that_is_cut_off_is_malformed(length: int) -> None:
    with pytest.raises(Malformed):
        bootp.decode(request()[:length])


def test_an_option_that_is_longer_than_the_request_is_malformed() -> None:
    with pytest.raises(Malformed, match="option 60"):
        bootp.decode(request(options=bytes([60, 200, 1]), length=0))


@given(st.binary(max_size=80), st.binary(max_size=128))
def test_noise_is_decoded_or_malformed_and_never_anything_else(noise: bytes, file: bytes) -> None:
    whole = request(options=bytes([52, 1, 3]) + noise, file=file.ljust(128, b"\0"), length=0)

    assert sentence(lambda: bootp.decode(whole)) != ""


def sentence(read: Callable[[], object]) -> str | None:
    """Why something is malformed; None where it is not."""
    try:
        read()
    except Malformed as refusal:
        return str(refusal)
    return None
