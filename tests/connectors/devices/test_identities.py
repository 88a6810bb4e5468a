"""The identities of real devices, served by simulated ones and read again."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.devices import modbus
from connectors.devices.names import vendor_of
from connectors.plant.device import Device
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.identities import NEEDED, device_of, is_hint
from connectors.plant.modbus_device import ModbusDevice, Unit
from schemas.devices import DeviceProbed
from schemas.vendors import vendor_key
from streams.fingerprint import fingerprint_of
from streams.sorts import Sort, Sorts, sort_of
from streams.versions import rank_of
from tests.connectors.devices.plants import discovered

pytestmark = pytest.mark.needs_shared_data

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "device-identities.jsonl"


@cache
def rows() -> dict[int, dict[str, Any]]:
    """The rows by their numbers from 1."""
    lines = DATA.read_text("utf-8").splitlines()
    return {number: json.loads(line) for number, line in enumerate(lines, 1)}


@cache
def probes() -> dict[int, DeviceProbed]:
    """What a discovery says of every row that is served."""
    from connectors.devices.contract import Asked

    devices: dict[str, Device] = {}
    units: dict[int, list[str]] = {}
    for number, row in rows().items():
        if not is_hint(row):
            devices[str(number)] = device_of(row)
            units.setdefault(row.get("unit_id", -1), []).append(str(number))
    found: dict[int, DeviceProbed] = {}
    for unit, names in units.items():
        asked = Asked(units=(unit,)) if unit >= 0 else Asked()
        got = discovered({name: devices[name] for name in names}, asked=asked)
        found |= {int(name): got.one(name) for name in names}
    return found


def test_all_rows_are_served_but_those_that_only_hint() -> None:
    hints = [row for row in rows().values() if is_hint(row)]

    assert len(rows()) == 87
    assert len(hints) == 2 + 2 + 21
    assert len(probes()) == 62


def test_what_a_row_states_comes_back_exactly() -> None:
    for number, probe in probes().items():
        row = rows()[number]
        assert probe.outcome == "identified", row
        if row["protocol"] == "ethernet-ip":
            stated = {
                "vendor_id": probe.vendor_id,
                "device_type": probe.device_type,
                "product_code": int(probe.product_code or -1),
                "product_name": probe.product,
                "revision": probe.revision,
                "state": probe.state,
                "status": None if probe.status is None else f"0x{probe.status:04x}",
            }
        else:
            stated = {
                "product_code": probe.product_code,
                "product_name": probe.product,
                "revision": probe.revision,
            }
        for name, value in stated.items():
            assert name not in row or row[name] == value, (number, name, value)
        if row["protocol"] == "modbus-tcp" and "raw_pdu_hex" not in row:
            assert probe.conformity in ints(row.get("conformity", 0x83)), number


def ints(stated: int | list[int]) -> list[int]:
    """What a row states once, or as one of several."""
    return [stated] if isinstance(stated, int) else stated


def test_texts_of_modbus_devices_come_back_as_they_were_spelt() -> None:
    texts = {"vendor": "0", "product_code": "1", "revision": "2", "product_name": "4"}
    said = 0
    for number, probe in probes().items():
        row = rows()[number]
        if row["protocol"] != "modbus-tcp" or "raw_pdu_hex" in row:
            continue
        objects = probe.objects or {}
        stated = {texts[name]: row[name] for name in texts if name in row}
        basic = {key: text for key, text in objects.items() if int(key) < 0x80}
        assert basic == stated, number
        said += len(stated)
        if "interface_version" in row:
            assert f";3={row['interface_version']};" in objects["139"]

    assert said == 16 + 16 + 12 + 4


def test_a_server_id_comes_back_byte_for_byte() -> None:
    for number, data in (
        (4, rows()[4]["raw_pdu_hex"][4:]),
        (27, (b"\xfa\xffPM710PowerMeter").hex()),
    ):
        exchanges = probes()[number].exchanges
        (reply,) = [one.get("response") for one in exchanges if one["request"].endswith("11")]
        assert (reply or "")[18:] == data

    assert (probes()[4].product, probes()[27].product) == ("Wingpath Limited", "PM710PowerMeter")


def test_serial_numbers_come_back_where_they_are_not_masked() -> None:
    stated = {n: row["serial"] for n, row in rows().items() if "serial" in row}

    assert len(stated) == 10
    for number, serial in stated.items():
        assert probes()[number].serial == serial.replace("*", "0")


def sort_like(pattern_id: str, probe: DeviceProbed) -> Sort:
    """A sort that was verified with devices that all say of themselves what this one says."""
    fingerprint = fingerprint_of(probe)
    assert fingerprint is not None
    rank = rank_of(probe.revision)
    ranks = None if rank is None else (rank, rank)
    return sort_of(pattern_id, fingerprint.parts, 1.0, 9, {"interviewed": 2}, ranks)


def test_each_row_is_found_as_its_own_sort_and_as_no_other() -> None:
    real = {number: probe for number, probe in probes().items() if not probe.simulator}
    keys = {number: fingerprint_of(probe) for number, probe in real.items()}
    known = Sorts(sort_like(str(number), probe) for number, probe in real.items())

    assert len(known) == len({one.parts for one in keys.values() if one is not None})
    for number, probe in real.items():
        found = known.find(probe)
        assert found is not None
        same = rows()[int(found.sort.pattern_id)]
        for name in ("vendor_id", "device_type", "product_code"):
            assert same.get(name) == rows()[number].get(name), number
    for number in set(probes()) - set(real):
        assert known.find(probes()[number]) is None


def hinted(row: dict[str, Any], **made_up: Any) -> DeviceProbed:
    """A probe that says what an EtherNet/IP row says, and nothing else but what is made up."""
    names = {"product_name": "product"}
    told = {names.get(one, one): row.get(one) for one in (*NEEDED, "vendor", "product_name")}
    told |= made_up
    code = told.pop("product_code")
    return probes()[1].model_copy(
        update={**told, "product_code": None if code is None else str(code)}
    )


def test_what_a_row_leaves_out_is_never_taken_for_0() -> None:
    hints = [
        row
        for row in rows().values()
        if row["protocol"] == "ethernet-ip" and any(row.get(one) is None for one in NEEDED)
    ]
    real = Sorts(
        sort_like(str(number), probe) for number, probe in probes().items() if not probe.simulator
    )

    assert len(hints) == 21
    for row in hints:
        missing = [one for one in NEEDED if row.get(one) is None]
        zeros = hinted(row, **{one: "0.0" if one == "revision" else 0 for one in missing})
        found = Sorts([sort_like("zeros", zeros)])
        assert found.find(zeros) is not None
        assert found.find(hinted(row)) is None, row
        assert real.find(hinted(row)) is None, row


@dataclass(frozen=True, slots=True)
class Quoted(ModbusDevice):
    """A device that gives one quoted reply to one request, and its own to all others."""

    request: bytes = b""
    reply: bytes = b""

    def answer(self, request: bytes) -> bytes | None:
        """The quoted reply, or the device's own."""
        if request[modbus.HEADER_BYTES :] == self.request:
            length = (len(self.reply) + 1).to_bytes(2)
            return request[:4] + length + request[6:7] + self.reply
        return ModbusDevice.answer(self, request)


def test_row_23_is_understood_from_its_whole_frame() -> None:
    """The frame declares seven objects and holds one; the serial number is masked."""
    row = rows()[23]
    told = (row["product_code"], row["revision"], "P1.15-D1.0", "0" * 12, "5", "1")
    value = ";".join(f"{number}={text}" for number, text in enumerate(told, 1)) + ";8=Charger"
    head = (row["conformity"], row["more_follows"], row["next_object"], row["number_of_objects"])
    frame = bytes((0x2B, 0x0E, 3, *head, 0x8B, len(value))) + value.encode()
    own = Unit({0: row["vendor"].encode()}, conformity=row["conformity"], codes=(1, 3))
    request = modbus.read_identification(modbus.EXTENDED)

    found = discovered({"charger": Quoted({1: own}, request=request, reply=frame)})

    probe = found.one("charger")
    first = next(one for one in probe.exchanges if one["request"].endswith(request.hex()))
    assert (first.get("response") or "")[14:] == frame.hex()
    following = modbus.read_identification(modbus.EXTENDED, row["next_object"]).hex()
    assert any(one["request"].endswith(following) for one in probe.exchanges)
    assert (probe.objects or {})["139"] == value
    for name in ("product_code", "revision", "conformity"):
        assert getattr(probe, name) == row[name]


def test_a_field_that_a_row_does_not_state_is_not_known_and_never_zero() -> None:
    for number, probe in probes().items():
        row = rows()[number]
        if row["protocol"] == "modbus-tcp":
            assert probe.vendor_id is None
            assert probe.device_type is None
            for name in ("product_code", "revision"):
                assert name in row or getattr(probe, name) is None, number


def test_vendors_have_the_names_of_the_rows_through_the_table_of_aliases() -> None:
    for number, probe in probes().items():
        row = rows()[number]
        if "vendor" in row:
            assert vendor_key(probe.vendor or "") == vendor_key(row["vendor"]), number


def test_the_table_of_vendors_knows_all_ids_of_the_rows() -> None:
    for row in rows().values():
        if row.get("vendor_id") is not None:
            named = vendor_of(row["vendor_id"])
            assert named is not None
            assert vendor_key(named) == vendor_key(row["vendor"])


def test_only_the_four_simulators_are_marked() -> None:
    marked = {number for number, probe in probes().items() if probe.simulator}

    assert marked == {n for n, row in rows().items() if row["evidence"] == "simulator"}
    assert len(marked) == 4


@pytest.mark.parametrize("product_code", ["166", "158"])
def test_products_with_one_code_and_two_types_stay_apart(product_code: str) -> None:
    found = {
        (probe.device_type, probe.product_code)
        for probe in probes().values()
        if probe.product_code == product_code
    }

    assert found == {(12, product_code), (14, product_code)}


@pytest.mark.parametrize("product_code", ["166", "158"])
def test_they_stay_apart_at_one_revision_as_well(product_code: str) -> None:
    """The type alone tells them apart: their revisions are made the same."""
    of_type = {
        probe.device_type: probe.model_copy(update={"revision": "11.1"})
        for probe in probes().values()
        if probe.product_code == product_code
    }

    for device_type, probe in of_type.items():
        known = Sorts([sort_like("one", probe)])
        found = {other: known.find(of_type[other]) is not None for other in of_type}
        assert found == {12: device_type == 12, 14: device_type == 14}


def test_modules_of_a_chassis_are_read_from_its_slots() -> None:
    modules = {number: device_of(rows()[number]) for number in (1, 3, 63, 68) if number in probes()}
    inside = {
        slot: device.module
        for slot, device in enumerate(modules.values())
        if isinstance(device, EthernetIpDevice)
    }
    first = next(iter(inside.values()))

    found = discovered({"chassis": EthernetIpDevice(first, inside)}).probes["chassis"]

    assert [(probe.slot, probe.product) for probe in found] == [
        (None, "1756-ENBT/A"),
        (0, "1756-ENBT/A"),
        (1, "1756-L61/B LOGIX5561"),
        (2, "1756-IB16"),
        (3, "1756-IT6I"),
    ]
