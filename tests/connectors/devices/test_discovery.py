"""Interviews over real sockets: what well-behaved devices say, and what the others do."""

import asyncio
import gc
from dataclasses import replace
from typing import Any

import pytest

from connectors.devices import modbus_interview
from connectors.devices.contract import Asked
from connectors.devices.discovery import Discovery, Visited
from connectors.devices.ethernetip_interview import ETHERNET_IP
from connectors.devices.modbus_interview import MODBUS
from connectors.devices.pace import Pace
from connectors.devices.recording import DECODER_VERSION, decoded_again
from connectors.devices.sender import Sender
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import Visit, visits_to
from connectors.plant.device import Device, Manner, Quirk
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.modbus_device import ModbusDevice, Unit
from schemas.errors import WrongUse
from tests.connectors.devices.plants import ENBT, HASTY, LOGIX, METER, QUICK, discovered, meter


def outcomes(exchanges: list[Any]) -> list[str]:
    """How the requests of a probe ended."""
    return [exchange["outcome"] for exchange in exchanges]


def test_a_modbus_device_is_asked_21_things_over_one_connection() -> None:
    found = discovered({"meter": meter()})

    probe, counts = found.one("meter"), found.counts["meter"]
    assert MODBUS.requests == len(probe.exchanges) == counts.requests == 21
    assert (counts.connections, counts.most_open, counts.open, counts.unclean) == (1, 1, 0, 0)
    assert (probe.outcome, probe.evidence, probe.unit, probe.units) == (
        "identified",
        "identity",
        255,
        [0, 1],
    )
    assert (probe.vendor, probe.product_code, probe.revision) == ("Acme", "M-1", "V2.10")
    assert (probe.product, probe.conformity, probe.simulator) == ("Acme meter", 0x83, None)
    assert probe.objects == {"0": "Acme", "1": "M-1", "2": "V2.10"}
    assert (probe.path, probe.transport, probe.decoder_version) == ("slow", "tcp", DECODER_VERSION)


def test_an_ethernetip_device_is_asked_30_things_and_its_modules_are_probes_of_their_own() -> None:
    chassis = EthernetIpDevice(ENBT, {0: LOGIX, 3: ENBT})

    found = discovered({"plc": chassis})

    device, first, second = found.probes["plc"]
    assert ETHERNET_IP.requests == found.counts["plc"].requests == 30
    assert len(device.exchanges) + len(first.exchanges) + len(second.exchanges) == 30
    assert (device.slot, first.slot, second.slot) == (None, 0, 3)
    assert (device.vendor_id, device.device_type, device.product_code) == (1, 12, "58")
    assert (device.vendor, device.device_type_name) == (
        "Rockwell Automation",
        "Communications Adapter",
    )
    assert (device.product, device.revision, device.state) == ("1756-ENBT/A", "4.3", 3)
    assert (device.serial, device.mac) == ("00c0ffee", "00:00:bc:00:00:01")
    assert (first.product, first.revision, first.status) == (
        "1756-L61/B LOGIX5561",
        "20.11",
        0x3060,
    )
    assert {one.outcome for one in found.probes["plc"]} == {"identified"}


def test_what_went_and_came_is_kept_byte_for_byte() -> None:
    found = discovered({"meter": meter()})

    first = found.one("meter").exchanges[0]
    assert first["request"] == "000100000005ff2b0e0100"
    assert first["response"] == "00010000001aff2b0e018300000300" + "0441636d65" + (
        "01034d2d31" + "020556322e3130"
    )
    assert first["outcome"] == "ok"
    reply_us = first["reply_us"]
    assert reply_us is not None
    assert reply_us > 0


def test_bytes_decoded_again_say_the_same() -> None:
    found = discovered({"meter": meter(), "plc": EthernetIpDevice(ENBT, {1: LOGIX})})

    probes = [probe for name in found.probes for probe in found.probes[name]]
    assert len(probes) == 3
    for probe in probes:
        blank = probe.model_copy(update={"vendor": "?", "product": None, "decoder_version": 0})
        assert decoded_again(blank) == probe


def test_a_gateway_is_each_of_the_devices_behind_it() -> None:
    other = Unit({0: b"Other", 1: b"O", 2: b"1"})
    gateway = ModbusDevice({1: METER, 7: other, 9: other}, others="gateway")

    usual = discovered({"gateway": gateway})
    asked = discovered({"gateway": gateway}, asked=Asked(units=(1, 7, 9, 30)))

    assert [(probe.unit, probe.vendor) for probe in usual.probes["gateway"]] == [(1, "Acme")]
    assert [(probe.unit, probe.units, probe.vendor) for probe in asked.probes["gateway"]] == [
        (1, None, "Acme"),
        (7, [9], "Other"),
    ]


def test_a_sweep_ends_where_a_gateway_finds_nobody_time_and_again() -> None:
    gateway = ModbusDevice({200: METER}, others="gateway")

    found = discovered({"gateway": gateway}, asked=Asked(units=tuple(range(1, 248))))

    assert found.counts["gateway"].requests == modbus_interview.MISSES_MAX
    assert found.one("gateway").outcome == "answered"


def test_a_device_that_ignores_units_it_does_not_know_is_found_under_its_own() -> None:
    found = discovered({"meter": meter(others="silent")}, limits=HASTY)

    probe = found.one("meter")
    assert (probe.unit, probe.vendor, probe.outcome) == (1, "Acme", "identified")
    assert outcomes(probe.exchanges)[:3] == ["ok", "timeout", "timeout"]


def test_a_device_without_an_identification_is_known_by_what_it_calls_itself() -> None:
    wingpath = Unit(server_id=b"\x00\xffWingpath Limited")
    nameless = Unit()

    found = discovered({"wingpath": meter(identity=wingpath), "nameless": meter(identity=nameless)})

    first, second = found.one("wingpath"), found.one("nameless")
    assert (first.evidence, first.product, first.vendor) == ("server_id", "Wingpath Limited", None)
    assert (first.outcome, second.outcome) == ("identified", "answered")
    assert (second.evidence, second.product) == ("exceptions", None)
    codes = [exchange.get("code") for exchange in second.exchanges[:7]]
    assert codes == [1] * 7


def test_a_stream_over_several_replies_is_gathered_and_costs_its_own_requests() -> None:
    objects = dict.fromkeys(range(7), b"x" * 100) | {0x80: b"private  "}

    found = discovered({"big": meter(identity=Unit(objects))})

    probe = found.one("big")
    assert probe.objects is not None
    assert list(probe.objects) == ["0", "1", "2", "3", "4", "5", "6", "128"]
    assert probe.objects["128"] == "private  "
    assert found.counts["big"].requests > MODBUS.requests


def test_a_gateway_that_counts_the_whole_stream_is_understood() -> None:
    value = b"1=SCharger-22KT-S0;2=FusionCharge V100R023C10SPC120;3=P1.15-D1.0;4=0000;5=2"
    huawei = Unit({0: b"HUAWEI", 0x8B: value}, codes=(1, 3), conformity=3, declared=7)

    found = discovered({"huawei": meter(identity=huawei)})

    probe = found.one("huawei")
    assert (probe.vendor, probe.product_code) == ("Huawei", "SCharger-22KT-S0")
    assert probe.revision == "FusionCharge V100R023C10SPC120"


def test_a_stream_without_an_end_is_ended_and_kept() -> None:
    endless = meter(identity=Unit(dict.fromkeys(range(256), b"x")), manner=Manner(quirk="endless"))

    found = discovered({"endless": endless})

    probe = found.one("endless")
    assert "malformed" in outcomes(probe.exchanges)
    assert found.counts["endless"].requests <= 3 + 20 + 3 * 16
    assert probe.outcome == "identified"


def test_a_busy_device_is_left_alone() -> None:
    found = discovered({"busy": meter(identity=replace(METER, busy=True))})

    assert found.counts["busy"].requests <= 2
    assert found.one("busy").exchanges[0].get("code") == 6


def test_a_device_that_speaks_slowly_is_understood() -> None:
    dribbling = Manner(quirk="dribbles")

    found = discovered(
        {
            "meter": meter(manner=dribbling),
            "plc": EthernetIpDevice(ENBT, manner=dribbling),
        }
    )

    assert found.one("meter").vendor == "Acme"
    assert found.one("plc").product == "1756-ENBT/A"


BAD: list[tuple[Quirk, str, int]] = [
    ("silent", "silent", 3),
    ("closes", "silent", 4),
    ("resets", "silent", 1),
    ("garbage", "malformed", 1),
    ("lies", "malformed", 1),
    ("truncates", "malformed", 1),
]


@pytest.mark.parametrize(("quirk", "outcome", "most"), BAD)
@pytest.mark.parametrize("kind", ["modbus", "ethernetip"])
def test_a_device_that_misbehaves_is_left_alone_soon(
    kind: str, quirk: Quirk, outcome: str, most: int
) -> None:
    manner = Manner(quirk=quirk)
    device: Device = meter(manner=manner)
    if kind == "ethernetip":
        device = EthernetIpDevice(ENBT, manner=manner)

    found = discovered({"bad": device}, limits=HASTY)

    assert found.one("bad").outcome == outcome
    assert found.counts["bad"].requests <= most
    assert found.counts["bad"].most_open == 1


@pytest.mark.parametrize("quirk", ["garbage", "lies", "truncates"])
def test_what_is_no_reply_is_kept_with_its_bytes(quirk: Quirk) -> None:
    found = discovered({"bad": meter(manner=Manner(quirk=quirk))})

    (exchange,) = found.one("bad").exchanges
    assert exchange["outcome"] == "malformed"
    assert exchange.get("response")


def test_a_late_reply_is_not_taken_for_the_next_one() -> None:
    late = meter(manner=Manner(quirk="late"))

    probe = discovered({"late": late}, limits=HASTY).one("late")

    assert outcomes(probe.exchanges)[0] == "ok"
    assert "malformed" not in outcomes(probe.exchanges)
    for exchange in probe.exchanges:
        response = exchange.get("response")
        assert response is None or response[:4] == exchange["request"][:4]


def test_an_address_that_a_device_states_is_never_connected_to() -> None:
    """Its identity names another simulated device as its own address."""
    trap = EthernetIpDevice(LOGIX)
    stating = EthernetIpDevice(ENBT, address=bytes((127, 0, 0, 1)))

    found = discovered({"stating": stating, "trap": trap})

    assert found.counts["trap"].connections == found.counts["stating"].connections == 1


def test_the_identity_is_found_behind_items_of_cip_security() -> None:
    secured = EthernetIpDevice(ENBT, items=((0x0086, bytes(14)),))

    assert discovered({"secured": secured}).one("secured").product_code == "58"


def test_only_the_slots_that_are_asked_for_are_asked() -> None:
    chassis = EthernetIpDevice(ENBT, {9: LOGIX})

    found = discovered({"plc": chassis}, asked=Asked(slots=(9, 10)))

    assert [probe.slot for probe in found.probes["plc"]] == [None, 9]
    assert found.counts["plc"].requests == 3 + 1 + 2 + 1


def test_an_address_of_ipv6_is_probed() -> None:
    assert discovered({"meter": meter()}, address="::1").one("meter").vendor == "Acme"


def test_at_most_one_connection_and_one_request_at_a_time_reach_a_device() -> None:
    fleet: dict[str, Device] = {f"m{n}": meter(manner=Manner(delay_s=0.001)) for n in range(40)}

    found = discovered(fleet, limits=QUICK)

    assert all(counts.most_open == 1 for counts in found.counts.values())
    assert all(counts.open == counts.unclean == 0 for counts in found.counts.values())
    assert all(probes[0].outcome == "identified" for probes in found.probes.values())


def test_a_port_that_is_nobodys_needs_a_protocol() -> None:
    with pytest.raises(WrongUse, match="5020 is the usual port of no protocol"):
        visits_to([Target("10.0.0.1", 5020, named=True)])
    with pytest.raises(WrongUse, match="no protocol is called 'bacnet'"):
        visits_to([Target("10.0.0.1", None, named=True)], ["bacnet"])

    both = visits_to([Target("10.0.0.1", None, named=True), Target("10.0.0.2", 502, named=True)])
    assert [visit.port for visit in both] == [502, 44818, 502]


class Broken(Discovery):
    """It fails at port 2, and is done at once with every other."""

    async def visit(self, visit: Visit) -> Visited:
        if visit.port == 2:
            raise ZeroDivisionError
        return Visited(visit.target, visit.protocol.name, [])


def test_targets_that_are_done_at_once_are_given_together_and_then_what_went_wrong() -> None:
    sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
    targets = [Target("127.0.0.1", port, named=True) for port in (1, 2, 3)]
    given: set[int | None] = set()

    async def run() -> None:
        async for several in Broken(sender).together(visits_to(targets, ["modbus.tcp"])):
            given.update(visited.target.port for visited in several)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert given == {1, 3}


def test_nothing_is_left_open_or_unawaited() -> None:
    silent = meter(manner=Manner(quirk="silent"))
    discovered({"meter": meter(), "silent": silent}, limits=HASTY)

    gc.collect()  # a socket or a task that was forgotten warns here, and a warning is an error
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
