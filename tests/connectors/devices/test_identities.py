"""The identities of real devices, served by simulated ones and read again."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.devices.names import vendor_of
from connectors.plant.device import Device
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.identities import device_of, is_hint
from schemas.devices import DeviceProbed
from schemas.vendors import vendor_key
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
        if isinstance(row.get("conformity"), int):
            assert probe.conformity == row["conformity"]


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


def test_row_4_is_served_byte_for_byte() -> None:
    exchanges = probes()[4].exchanges

    (seventeen,) = [one for one in exchanges if one["request"].endswith("0a11")]
    assert (seventeen.get("response") or "")[14:] == rows()[4]["raw_pdu_hex"]


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
