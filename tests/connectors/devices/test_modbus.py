"""Modbus: replies as real devices give them, and replies that lie."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.devices import modbus
from connectors.devices.modbus import (
    BASIC,
    EXTENDED,
    REGULAR,
    Failure,
    Identification,
    ServerId,
    Stream,
    Values,
)
from connectors.devices.octets import Malformed

WINGPATH = bytes.fromhex("111200ff57696e6770617468204c696d69746564")
PM710 = b"\x11\x10\xfa\xffPM710PowerMeter"[:1] + bytes([17]) + b"\xfa\xffPM710PowerMeter"
HUAWEI_VALUE = (
    b"1=SCharger-22KT-S0;2=FusionCharge V100R023C10SPC120;3=P1.15-D1.0;"
    b"4=GF0000000000;5=2;6=1;8=Charger"
)


def identification(
    objects: dict[int, bytes],
    *,
    code: int = BASIC,
    more: int = 0,
    following: int = 0,
    declared: int | None = None,
    conformity: int = 1,
) -> bytes:
    """The PDU of a reply to function 43/14."""
    number = len(objects) if declared is None else declared
    head = bytes([43, 14, code, conformity, more, following, number])
    return head + b"".join(
        bytes([one, len(value)]) + value for one, value in sorted(objects.items())
    )


def asked(code: int = BASIC, object_id: int = 0) -> bytes:
    """The request."""
    return modbus.read_identification(code, object_id)


def reply(*, objects: dict[int, bytes], following: int, more: bool = True) -> Identification:
    """A reply of a stream, decoded."""
    return Identification(EXTENDED, 3, more, following, len(objects), objects)


def test_an_identification_comes_back_byte_for_byte_with_its_spaces() -> None:
    objects = {0: b"KBR GmbH", 1: b"multicomp F144-3  ", 2: b" 2.00r016"}

    answer = modbus.decode(asked(), identification(objects))

    assert answer == Identification(
        BASIC, 1, more=False, next_object=0, declared=3, objects=objects
    )


def test_a_gateway_that_counts_the_objects_of_the_whole_stream_is_understood() -> None:
    """One of seven declared objects is in the frame, and more follow."""
    pdu = identification(
        {0x8B: HUAWEI_VALUE}, code=EXTENDED, more=255, following=140, declared=7, conformity=3
    )

    answer = modbus.decode(asked(EXTENDED, 0x8B), pdu)

    assert isinstance(answer, Identification)
    assert answer.objects == {0x8B: HUAWEI_VALUE}
    assert (answer.more, answer.next_object, answer.declared) == (True, 140, 7)


def test_the_answer_to_function_17_loses_no_byte() -> None:
    answer = modbus.decode(modbus.report_server_id(), WINGPATH)

    assert answer == ServerId(b"\x00\xffWingpath Limited")
    assert isinstance(answer, ServerId)
    assert answer.text == "Wingpath Limited"


def test_the_name_is_found_wherever_the_run_indicator_stands() -> None:
    answer = modbus.decode(modbus.report_server_id(), PM710)

    assert isinstance(answer, ServerId)
    assert answer.text == "PM710PowerMeter"
    assert ServerId(b"\x01\xff").text is None


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6, 10, 11])
def test_an_exception_is_an_answer(code: int) -> None:
    assert modbus.decode(asked(), bytes([0xAB, code])) == Failure(43, code)


def test_values_are_counted_and_not_kept() -> None:
    bits = modbus.decode(modbus.read(1, 0, 9), bytes([1, 2, 0xFF, 1]))
    registers = modbus.decode(modbus.read(3, 0, 2), bytes([3, 4, 1, 2, 3, 4]))

    assert (bits, registers) == (Values(1, 9), Values(3, 2))


LIES = {
    "an object longer than the frame": identification({0: b"abcde"})[:-5] + b"\x14abcde",
    "an object without its length": identification({0: b"abc"}) + b"\x01",
    "bytes behind the objects": identification({0: b"abc"}) + b"xyz",
    "objects that are not there": identification({}, declared=3),
    "another interface": b"\x2b\x0d" + identification({})[2:],
    "another code": identification({0: b"a"}, code=REGULAR),
    "more that is neither yes nor no": identification({0: b"a"}, more=7),
    "another function": b"\x03\x02\x00\x01",
    "an exception of another function": b"\x83\x01",
    "an exception without its code": b"\xab",
    "an exception with a tail": b"\xab\x01\x00",
    "nothing": b"",
    "a head that is cut off": b"\x2b\x0e\x01\x01\x00",
}


@pytest.mark.parametrize("pdu", LIES.values(), ids=LIES)
def test_a_reply_that_lies_is_malformed(pdu: bytes) -> None:
    with pytest.raises(Malformed):
        modbus.decode(asked(), pdu)


@pytest.mark.parametrize("count", [0, 3, 5, 255])
def test_a_byte_count_that_does_not_fit_is_malformed(count: int) -> None:
    with pytest.raises(Malformed, match="byte count"):
        modbus.decode(modbus.read(3, 0, 2), bytes([3, count, 1, 2, 3, 4]))


@pytest.mark.parametrize("request_pdu", ["", "2b", "2b0e", "2b0d01"])
def test_what_answers_a_request_that_asks_nothing_is_malformed(request_pdu: str) -> None:
    """Requests of others are overheard, whatever they are."""
    with pytest.raises(Malformed):
        modbus.decode(bytes.fromhex(request_pdu), identification({0: b"Acme"}))


def test_a_server_id_that_is_cut_off_is_malformed() -> None:
    with pytest.raises(Malformed):
        modbus.decode(modbus.report_server_id(), WINGPATH[:-1])


@given(st.sampled_from([asked(), asked(EXTENDED, 0x80), b"\x11", modbus.read(1, 0, 5)]), st.data())
def test_noise_is_decoded_or_malformed_and_never_anything_else(
    request: bytes, data: st.DataObject
) -> None:
    noise = data.draw(st.binary(max_size=260) | st.binary(max_size=250).map(request[:1].__add__))

    assert sentence(lambda: modbus.decode(request, noise)) != ""


def sentence(read: Callable[[], object]) -> str | None:
    """Why something is malformed; None where it is not."""
    try:
        read()
    except Malformed as refusal:
        return str(refusal)
    return None


def test_a_frame_comes_back_and_its_size_is_known_from_the_header() -> None:
    frame = modbus.frame(513, 7, b"\x11")

    assert modbus.read_frame(frame) == (513, 7, b"\x11")
    assert modbus.frame_size(frame[:6]) is None
    assert modbus.frame_size(frame[:7]) == len(frame) == 8


@pytest.mark.parametrize("length", [0, 1, 255, 65_535])
def test_a_length_no_frame_has_is_malformed_before_anything_is_waited_for(length: int) -> None:
    with pytest.raises(Malformed, match="length"):
        modbus.frame_size(bytes(4) + length.to_bytes(2) + b"\x01")


def test_another_protocol_is_known_from_its_first_bytes() -> None:
    with pytest.raises(Malformed, match="protocol"):
        modbus.frame_size(b"HTTP/1.1 400 Bad Request")
    with pytest.raises(Malformed, match="protocol"):
        modbus.frame_size(b"\x15\x03\x03")


@given(st.binary(max_size=20), st.integers(1, 5))
def test_a_frame_that_is_cut_off_or_goes_on_is_malformed(pdu: bytes, cut: int) -> None:
    frame = modbus.frame(1, 1, b"\x11" + pdu)

    for wrong in (frame[:-cut], frame + bytes(cut)):
        with pytest.raises(Malformed):
            modbus.read_frame(wrong)


def test_a_stream_gathers_objects_over_its_replies() -> None:
    stream = Stream()

    first = stream.add(reply(objects={0: b"a", 1: b"b"}, following=2))
    second = stream.add(reply(objects={2: b"c"}, following=0x80))
    last = stream.add(reply(objects={0x80: b"d"}, following=0, more=False))

    assert (first, second, last) == (2, 0x80, None)
    assert stream.objects == {0: b"a", 1: b"b", 2: b"c", 0x80: b"d"}


@pytest.mark.parametrize("following", [0, 1])
def test_a_stream_that_does_not_lead_on_is_malformed(following: int) -> None:
    with pytest.raises(Malformed, match="behind"):
        Stream().add(reply(objects={0: b"a", 1: b"b"}, following=following))


def test_a_stream_that_begins_again_is_malformed() -> None:
    """A server that does not know the object to go on from begins at the first."""
    stream = Stream()
    stream.add(reply(objects={0: b"a"}, following=5))

    with pytest.raises(Malformed, match="went back"):
        stream.add(reply(objects={0: b"a"}, following=6))


@given(st.integers(1, 9))
def test_a_stream_without_an_end_is_ended(step: int) -> None:
    stream = Stream()

    def follow() -> None:
        for at in range(0, 255, step):
            stream.add(reply(objects={at: b"x"}, following=at + step))

    with pytest.raises(Malformed, match="does not end"):
        follow()

    assert stream.rounds == modbus.ROUNDS_MAX


def test_what_a_stream_gives_twice_keeps_what_came_first() -> None:
    stream = Stream()
    stream.add(reply(objects={0: b"a", 3: b"b"}, following=4))
    stream.add(reply(objects={4: b"c"}, following=0, more=False))

    assert stream.objects == {0: b"a", 3: b"b", 4: b"c"}
