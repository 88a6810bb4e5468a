"""Decoders on whatever bytes: a sample of what `make fuzz-devices` does, and what it has found."""

from random import Random

import pytest

from connectors.devices import bootp
from connectors.devices.octets import Malformed
from tests.connectors.devices.recorded import pcap, udp
from tests.connectors.devices.test_bootp import request
from tests.fuzzing.decoders import DECODERS, address_requests, captures, seeds
from tests.fuzzing.frames import damaged

TIMES = 150


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_withstands_what_devices_say_and_damage_to_it(name: str) -> None:
    random, made = Random(name), list(seeds(name))

    for seed in made:
        DECODERS[name](seed)
    for _ in range(TIMES):
        DECODERS[name](damaged(random, random.choice(made)))

    assert len(made) >= 12


def test_a_request_with_an_endless_vendor_class_is_heard() -> None:
    """Its parts are joined, and are longer together than a name may be."""
    options = (bytes([60, 255]) + b"x" * 255) * 5 + b"\xff"

    address_requests(request(options=options))

    assert bootp.decode(request(options=options)).vendor_class == b"x" * 1275


def test_a_request_that_fills_a_datagram_is_passed_over() -> None:
    """More bytes than an exchange is recorded with."""
    long = request(length=20_000)

    captures(pcap([udp(1, ("0.0.0.0", 68), ("255.255.255.255", 67), long)]))  # noqa: S104

    with pytest.raises(Malformed, match="20000 bytes"):
        bootp.decode(long)
