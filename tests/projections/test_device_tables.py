"""Probes of devices as rows: one an exchange, and one for every device there is."""

from typing import Any

from schemas.clock import from_us
from schemas.devices import DeviceProbed
from schemas.envelope import Event, to_structured
from schemas.ids import partition_of
from schemas.log import Outgoing
from schemas.topics import DEVICE_PROBES
from tests.projections.world import NOON_US, World

OK = {"request": "0001", "response": "0002", "reply_us": 7, "outcome": "ok"}
REFUSED = {"outcome": "exception", "code": 1, "meaning": "illegal function"}
FAILED = {"request": "0003", "response": "0083", "reply_us": 9, **REFUSED}
SILENT = {"request": "0005", "outcome": "timeout"}


def probed(name: str, at_us: int | None = NOON_US, **more: Any) -> Event:
    said = {
        "address": "10.0.0.7",
        "port": 502,
        "protocol": "modbus.tcp",
        "unit": 255,
        "transport": "tcp",
        "path": "slow",
        "outcome": "identified",
        "exchanges": [OK, FAILED, SILENT],
        "units": [0, 1],
        "evidence": "identity",
        "vendor": "Acme",
        "product_code": "M-1",
        "revision": "V2.10",
        "objects": {"0": "ACME ", "1": "M-1"},
        "decoder_version": 1,
    }
    return Event("motif", name, DeviceProbed.model_validate({**said, **more}), at_us)


def test_a_probe_has_a_row_an_exchange_in_their_order(world: World) -> None:
    state(world, probed("p1"))

    rows = world.rows("device_probes", order="number")

    told = ("number", "request", "response", "reply_us", "outcome", "code", "meaning")
    assert [tuple(row[name] for name in told) for row in rows] == [
        (1, "0001", "0002", 7, "ok", None, None),
        (2, "0003", "0083", 9, "exception", 1, "illegal function"),
        (3, "0005", None, None, "timeout", None, None),
    ]
    assert {row["event_id"] for row in rows} == {"p1"}
    assert {(row["address"], row["port"], row["unit"], row["slot"]) for row in rows} == {
        ("10.0.0.7", 502, 255, None)
    }
    assert {(row["vendor"], row["product_code"], row["probe_outcome"]) for row in rows} == {
        ("Acme", "M-1", "identified")
    }


def test_a_probe_that_exchanged_nothing_has_one_row_without_an_exchange(world: World) -> None:
    state(world, probed("p1", exchanges=[], outcome="refused", evidence=None))

    (row,) = world.rows("device_probes")

    assert (row["number"], row["request"], row["outcome"]) == (None, None, None)
    assert row["probe_outcome"] == "refused"


def test_the_inventory_says_what_a_device_said_last_and_when_it_was_seen(world: World) -> None:
    gone: dict[str, Any] = {"exchanges": [], "outcome": "silent", "evidence": None, "vendor": None}
    state(
        world,
        probed("p1", NOON_US),
        probed("p2", NOON_US + 10, revision="V2.11"),
        probed("p3", NOON_US + 20, **gone),
        probed("p4", NOON_US, unit=7, vendor="Other"),
        probed("p5", NOON_US, address="10.0.0.8", **gone),
    )

    first, second = world.rows("device_inventory", order="unit DESC")

    assert (first["vendor"], first["revision"], first["probes"]) == ("Acme", "V2.11", 3)
    assert (first["first_seen"], first["last_seen"]) == (from_us(NOON_US), from_us(NOON_US + 10))
    assert (first["last_probed"], first["last_outcome"]) == (from_us(NOON_US + 20), "silent")
    assert first["units"] == [0, 1]
    assert (second["unit"], second["vendor"], second["probes"]) == (7, "Other", 1)


def test_slots_of_a_chassis_are_devices_of_their_own(world: World) -> None:
    chassis: dict[str, Any] = {
        "protocol": "ethernet_ip",
        "port": 44818,
        "unit": None,
        "units": None,
    }
    state(
        world,
        probed("p1", **chassis),
        probed("p2", **chassis, slot=0),
        probed("p3", **chassis, slot=3, vendor_id=1, product_code="54"),
    )

    rows = world.rows("device_inventory", order="slot NULLS FIRST")

    assert [row["slot"] for row in rows] == [None, 0, 3]
    assert [row["vendor_id"] for row in rows] == [None, None, 1]


def test_changes_are_what_a_device_says_against_what_was_said_before(world: World) -> None:
    gone: dict[str, Any] = {"exchanges": [], "outcome": "silent", "evidence": None, "vendor": None}
    state(
        world,
        probed("p1", NOON_US, serial="1"),
        probed("p2", NOON_US + 10, serial="1"),
        probed("p3", NOON_US + 20, serial="1", revision="V2.11"),
        probed("p4", NOON_US + 30, serial="2", revision="V2.11"),
        probed("p5", NOON_US + 40, serial="2", product_code="M-2"),
        probed("p6", NOON_US + 50, **gone, unit=None),
        probed("p7", NOON_US + 60, **gone, unit=None),
        probed("p8", NOON_US + 70, address="10.0.0.8", serial="2", product_code="M-2"),
        probed("p9", NOON_US, address="10.0.0.9", **gone),
    )

    rows = world.rows("device_changes", order="happened_at")

    assert [(row["event_id"], row["change"]) for row in rows] == [
        *(("p1", "new"), ("p3", "firmware"), ("p4", "replaced"), ("p5", "replaced")),
        *(("p6", "gone"), ("p8", "moved")),
    ]
    assert (rows[1]["revision_before"], rows[1]["revision"]) == ("V2.10", "V2.11")
    assert rows[-1]["address_before"] == "10.0.0.7"


def test_a_probe_in_structured_mode_makes_the_same_row(world: World) -> None:
    event = probed("p1")
    other = probed("p2")
    headers = (("content-type", b"application/cloudevents+json"),)
    world.append(event)
    at = partition_of(other.key, world.partitions)
    world.log.append([Outgoing(DEVICE_PROBES.name, at, other.key, to_structured(other), headers)])
    state(world)

    first, second = world.rows("device_probed", order='"offset"')

    same = ("exchanges", "objects", "units", "vendor", "outcome", "decoder_version")
    assert [first[name] for name in same] == [second[name] for name in same]


def state(world: World, *events: Event) -> None:
    """Append events, learn and project them."""
    world.append(*events)
    world.learn(topic=DEVICE_PROBES.name)
    world.project()
