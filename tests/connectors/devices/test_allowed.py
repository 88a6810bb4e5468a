"""What may be sent: whatever is not on the list is refused, and all that we build is on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices import cip, ethernetip, modbus
from connectors.devices.allowed import Forbidden, check

MODBUS, ETHERNET_IP = modbus.PROTOCOL, ethernetip.PROTOCOL
CONTEXT = b"\0\0motif1"
READS = (1, 2, 3, 4)

messages = st.one_of(
    st.builds(cip.get_all, st.sampled_from(sorted(cip.READABLE)), st.integers(0, 255)),
    st.builds(
        cip.get_single,
        st.sampled_from(sorted(cip.READABLE)),
        st.integers(0, 255),
        st.integers(0, 255),
    ),
)
packets = st.one_of(
    st.sampled_from([4, 0x63, 0x64]).map(lambda one: ethernetip.packet(one, 0, CONTEXT)),
    st.just(ethernetip.register(CONTEXT)),
    st.integers(0, 2**32 - 1).map(lambda one: ethernetip.packet(0x66, one, CONTEXT)),
    st.builds(
        ethernetip.send,
        st.integers(0, 2**32 - 1),
        st.binary(min_size=8, max_size=8),
        messages | st.builds(cip.to_slot, messages, st.integers(0, 255)),
    ),
)
pdus = st.one_of(
    st.builds(modbus.read_identification, st.integers(1, 4), st.integers(0, 255)),
    st.just(modbus.report_server_id()),
    st.builds(modbus.read, st.sampled_from(READS), st.integers(0, 60_000), st.integers(1, 125)),
)
frames = st.builds(modbus.frame, st.integers(0, 65_535), st.integers(0, 255), pdus)


def is_refused(protocol: str, frame: bytes) -> bool:
    """Whether the frame is not let through."""
    try:
        check(protocol, frame)
    except Forbidden:
        return True
    return False


@given(frames)
def test_every_modbus_request_that_is_built_passes(frame: bytes) -> None:
    assert not is_refused(MODBUS, frame)


@given(packets)
def test_every_ethernetip_request_that_is_built_passes(frame: bytes) -> None:
    assert not is_refused(ETHERNET_IP, frame)


@given(st.integers(0, 255).filter(lambda one: one not in {*READS, 17, 43}), st.binary(max_size=252))
def test_no_other_function_passes_whatever_follows_it(function: int, rest: bytes) -> None:
    assert is_refused(MODBUS, modbus.frame(1, 1, bytes([function]) + rest))


@pytest.mark.parametrize("function", [5, 6, 7, 8, 11, 15, 16, 20, 21, 22, 23, 24, 90, 0x80])
def test_functions_that_write_or_do_are_refused(function: int) -> None:
    assert is_refused(MODBUS, modbus.frame(1, 255, bytes([function, 0, 1, 0, 1])))


@given(st.binary(max_size=40))
def test_function_43_carries_nothing_but_the_four_ways_to_identify(rest: bytes) -> None:
    passes = len(rest) == 3 and rest[0] == 14 and 1 <= rest[1] <= 4

    assert is_refused(MODBUS, modbus.frame(1, 1, b"\x2b" + rest)) is not passes


@given(st.sampled_from(READS), st.integers(0, 65_535), st.integers(0, 65_535))
def test_reading_is_bounded(function: int, address: int, count: int) -> None:
    pdu = bytes([function]) + address.to_bytes(2) + count.to_bytes(2)
    passes = 1 <= count <= modbus.READ_MAX[function] and address + count <= 65_536

    assert is_refused(MODBUS, modbus.frame(1, 1, pdu)) is not passes


@given(st.integers(0, 255).filter(lambda one: one not in {1, 14}), st.binary(max_size=60), messages)
def test_no_other_service_passes_bare_or_in_an_envelope(
    service: int, rest: bytes, message: bytes
) -> None:
    changed = bytes([service]) + message[1:]

    for one in (changed, bytes([service]) + rest, cip.to_slot(changed, 0)):
        assert is_refused(ETHERNET_IP, ethernetip.send(1, CONTEXT, one))


@given(st.integers(0, 255).filter(lambda one: one not in cip.READABLE))
def test_no_other_class_of_objects_is_read(class_id: int) -> None:
    assert is_refused(ETHERNET_IP, ethernetip.send(1, CONTEXT, cip.get_all(class_id)))


@given(st.integers(0, 65_535), st.binary(max_size=20))
def test_no_other_command_passes(command: int, data: bytes) -> None:
    passes = command in {4, 0x63, 0x64, 0x66} and not data

    assert is_refused(ETHERNET_IP, ethernetip.packet(command, 0, CONTEXT, data)) is not passes


def test_an_envelope_in_an_envelope_is_refused() -> None:
    inner = cip.to_slot(cip.get_all(cip.IDENTITY), 1)

    assert is_refused(ETHERNET_IP, ethernetip.send(1, CONTEXT, cip.to_slot(inner, 2)))


def test_an_envelope_to_anybody_but_the_connection_manager_is_refused() -> None:
    good = cip.to_slot(cip.get_all(cip.IDENTITY), 1)

    assert is_refused(ETHERNET_IP, ethernetip.send(1, CONTEXT, good[:3] + b"\x01" + good[4:]))


@given(frames | packets, st.data())
def test_what_is_cut_off_or_goes_on_is_refused(frame: bytes, data: st.DataObject) -> None:
    """Two requests in one send would be two outstanding requests."""
    protocol = ETHERNET_IP if len(frame) >= 24 else MODBUS
    at = data.draw(st.integers(0, len(frame) - 1))
    tail = data.draw(st.binary(min_size=1, max_size=30) | st.just(frame))

    assert is_refused(protocol, frame[:at])
    assert is_refused(protocol, frame + tail)


@given(st.binary(max_size=300), st.sampled_from([MODBUS, ETHERNET_IP, "bootp", ""]))
def test_noise_is_refused_with_a_sentence(noise: bytes, protocol: str) -> None:
    with pytest.raises(Forbidden, match="not on the list"):
        check(protocol, noise)


@given(frames, packets)
def test_a_frame_of_one_protocol_is_none_of_another(frame: bytes, packet: bytes) -> None:
    assert is_refused(ETHERNET_IP, frame)
    assert is_refused(MODBUS, packet)
