"""The decoders beside those of pymodbus and pycomm3, on generated frames and on damaged ones.

Where they differ, the case belongs to one of the classes named here; any other difference fails.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from pycomm3.custom_types import ListIdentityObject, ModuleIdentityObject
from pycomm3.exceptions import DataError
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse
from pymodbus.pdu.other_message import ReportDeviceIdResponse

from connectors.devices import cip, ethernetip, modbus
from connectors.devices.octets import Malformed
from tests.connectors.devices.test_ethernetip import LOGIX, item, items
from tests.connectors.devices.test_modbus import asked, identification

ACCEPTS_CUT_OBJECT: Final = "pymodbus takes an object that is shorter than it says"
ACCEPTS_TAIL: Final = "pymodbus reads on behind the objects that are declared"
ACCEPTS_ANYTHING: Final = "pymodbus does not look at the kind, the code or more follows"
ACCEPTS_EMPTY: Final = "pymodbus takes declared objects that are not there"
JOINS_REPEATED: Final = "pymodbus makes a list of an object that comes twice"

CASES: Final = 25_000 if os.environ.get("MOTIF_CAMPAIGN") else 100
"""Damaged frames of each protocol."""

objects = st.dictionaries(st.integers(0, 255), st.binary(max_size=40), max_size=5)
names = st.binary(max_size=32)


def theirs(pdu: bytes) -> ReadDeviceInformationResponse | None:
    """What pymodbus reads; None where it gives up."""
    try:
        found = DecodePDU(is_server=False).decode(pdu)
    except Exception:  # noqa: BLE001  # whatever it raises, it did not read it
        return None
    return found if isinstance(found, ReadDeviceInformationResponse) else None


def ours(pdu: bytes) -> modbus.Identification | None:
    """What we read; None where it is malformed."""
    try:
        found = modbus.decode(asked(), pdu)
    except Malformed:
        return None
    return found if isinstance(found, modbus.Identification) else None


def difference(pdu: bytes) -> str | None:
    """The class of the difference between the two, None where there is none."""
    mine, other = ours(pdu), theirs(pdu)
    if mine is None:
        return None if other is None else _looser(pdu)
    if other is None:
        return "pymodbus does not read what we read"
    same = dict(other.information) == mine.objects
    if not same and any(isinstance(value, list) for value in other.information.values()):
        return JOINS_REPEATED
    more = (other.more_follows == 255, other.next_object_id, other.conformity)
    if same and more == (mine.more, mine.next_object, mine.conformity):
        return None
    return "pymodbus reads something else"


def _looser(pdu: bytes) -> str:
    """Why pymodbus reads what is malformed."""
    if pdu[2] != modbus.BASIC or pdu[4] not in {0, 255}:
        return ACCEPTS_ANYTHING
    at, number = 7, 0
    while at + 2 <= len(pdu):
        size = pdu[at + 1]
        if at + 2 + size > len(pdu):
            return ACCEPTS_CUT_OBJECT
        at, number = at + 2 + size, number + 1
    if number > pdu[6] or at < len(pdu):
        return ACCEPTS_TAIL
    return ACCEPTS_EMPTY if not number and pdu[6] else "pymodbus reads what we call malformed"


LISTED: Final = {
    None,
    ACCEPTS_CUT_OBJECT,
    ACCEPTS_TAIL,
    ACCEPTS_ANYTHING,
    ACCEPTS_EMPTY,
    JOINS_REPEATED,
}


@given(objects, st.sampled_from([0, 255]), st.integers(0, 255), st.sampled_from([1, 2, 3, 0x83]))
def test_pymodbus_reads_the_same_identification(
    stated: dict[int, bytes], more: int, following: int, conformity: int
) -> None:
    pdu = identification(stated, more=more, following=following, conformity=conformity)

    assert ours(pdu) is not None
    assert difference(pdu) is None


@settings(max_examples=CASES)
@given(objects, st.data())
def test_on_damaged_identifications_differences_are_of_the_listed_classes(
    stated: dict[int, bytes], data: st.DataObject
) -> None:
    damaged = bytearray(identification(stated))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(2, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 4))
    pdu = bytes(damaged[: max(3, len(damaged) - cut)]) + data.draw(st.binary(max_size=3))

    assert difference(pdu) in LISTED


@given(st.binary(min_size=1, max_size=60))
def test_of_function_17_pymodbus_loses_the_last_byte_and_we_lose_none(data: bytes) -> None:
    pdu = bytes([17, len(data)]) + data

    other = DecodePDU(is_server=False).decode(pdu)

    assert modbus.decode(modbus.report_server_id(), pdu) == modbus.ServerId(data)
    assert isinstance(other, ReportDeviceIdResponse)
    assert other.identifier == data[:-1]


@given(st.integers(0, 65_535), st.integers(0, 2**32 - 1), names, st.integers(0, 255), st.data())
def test_pycomm3_reads_the_same_identity(
    number: int, serial: int, name: bytes, state: int, data: st.DataObject
) -> None:
    revision = data.draw(st.binary(min_size=2, max_size=2))
    attributes = b"".join(
        (
            number.to_bytes(2, "little") * 3,
            revision,
            b"\x60\x31",
            serial.to_bytes(4, "little"),
            bytes([len(name)]),
            name,
        )
    )
    address = bytes.fromhex("0002af12c0a80001") + bytes(8)
    listed = items(item(0x0C, b"\x01\0" + address + attributes + bytes([state])))

    mine, other = ethernetip.listed_in(listed), ListIdentityObject.decode(listed[2:])

    assert mine.address == other["ip_address"] == "192.168.0.1"
    assert (mine.identity.state, mine.version) == (other["state"], other["encap_protocol_version"])
    for one, beside in (
        (mine.identity, other),
        (cip.identity_of(attributes), ModuleIdentityObject.decode(attributes)),
    ):
        assert said(one) == beside_it(beside)
        assert one.vendor_id == one.device_type == number  # which pycomm3 drops when unknown


def said(identity: cip.Identity) -> tuple[Any, ...]:
    """What we read, in the words of pycomm3."""
    revision = {"major": identity.major, "minor": identity.minor}
    name = identity.name.decode("latin-1")
    return identity.product_code, revision, f"{identity.serial:08x}", name, identity.status


def beside_it(identity: dict[str, Any]) -> tuple[Any, ...]:
    """What pycomm3 reads."""
    words = ("product_code", "revision", "serial", "product_name")
    status = int.from_bytes(identity["status"], "little")
    return (*(identity[word] for word in words), status)


@settings(max_examples=CASES)
@given(st.data())
def test_what_we_read_of_a_damaged_identity_pycomm3_reads_in_the_same_way(
    data: st.DataObject,
) -> None:
    """It reads more: an identity at a fixed place, whatever the items around it say."""
    damaged = bytearray(LOGIX)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(LOGIX) - 1))] = data.draw(st.integers(0, 255))
    listed = bytes(damaged[: len(damaged) - data.draw(st.integers(0, 3))])

    mine, other = read(ethernetip.listed_in, listed), read(ListIdentityObject.decode, listed[2:])

    if mine is not None:
        assert other is not None
        assert said(mine.identity) == beside_it(other)
        assert mine.identity.state in {None, other["state"]}


@given(st.binary(max_size=60))
def test_of_noise_pycomm3_reads_what_we_read_and_names_that_are_cut_off(noise: bytes) -> None:
    mine, other = read(cip.identity_of, noise), read(ModuleIdentityObject.decode, noise)

    name = noise[NAME_AT + 1 :]
    cut_name = 0 < len(name) < noise[NAME_AT] if name else False
    assert (other is not None) is (mine is not None or cut_name)


NAME_AT: Final = 14
"""Where the length of the name stands among the attributes of an identity."""


def read(decode: Callable[[bytes], Any], value: bytes) -> Any:
    """What a decoder makes of it; None where it refuses."""
    try:
        return decode(value)
    except (Malformed, DataError):
        return None
