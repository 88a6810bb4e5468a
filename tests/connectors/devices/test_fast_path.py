"""Devices that are recalled: asked what they are and one thing more, and never taken for others."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from connectors.devices import cip, modbus
from connectors.devices.contract import Asked, Profile
from connectors.devices.discovery import Discovery, Lookup, Visited
from connectors.devices.pace import POLITE, Pace
from connectors.devices.sender import Sender
from connectors.devices.targets import Target, policy_of
from connectors.devices.visits import visits_to
from connectors.plant.device import Device
from connectors.plant.ethernetip_device import EthernetIpDevice, Module
from connectors.plant.modbus_device import ModbusDevice, Unit
from connectors.plant.serving import serving
from schemas.devices import DeviceProbed
from tests.connectors.devices.plants import (
    ENBT,
    HASTY,
    LOGIX,
    METER,
    QUICK,
    Found,
    discovered,
    meter,
)

READ = modbus.read(3, 0, 1)
REGISTER = Profile("meters", {READ: 4}, alone=True, applied=True)
IDENTITY = cip.get_all(cip.IDENTITY)
DRIVE = Profile("drives", {IDENTITY: len(LOGIX.attributes)}, alone=True, applied=True)
BRIDGE = Profile("bridges", {IDENTITY: len(ENBT.attributes)}, alone=False, applied=True)


def knowing(profiles: Mapping[str, Profile]) -> Lookup:
    """Recall devices by their product codes."""

    def lookup(probed: DeviceProbed) -> Profile | None:
        return profiles.get(probed.product_code or "")

    return lookup


def usages(found: Found, name: str) -> list[tuple[str, str | None, int]]:
    """Of each probe of a device its path, what came of the pattern, and its requests."""
    return [(one.path, one.usage, len(one.exchanges)) for one in found.probes[name]]


def test_a_modbus_device_that_is_recalled_is_asked_two_things_of_21() -> None:
    found = discovered({"meter": meter()}, lookup=knowing({"M-1": REGISTER}))

    probe = found.one("meter")
    assert usages(found, "meter") == [("fast", "confirmed", 2)]
    assert (found.counts["meter"].requests, found.counts["meter"].connections) == (2, 1)
    assert (probe.unit, probe.alone, probe.pattern_id) == (255, True, "meters")
    assert (probe.vendor, probe.product_code, probe.revision) == ("Acme", "M-1", "V2.10")
    assert probe.answers == {"2b0e0100": 26 - 1, READ.hex(): 4}


def test_an_ethernetip_device_that_is_recalled_is_asked_two_things_besides_its_session() -> None:
    found = discovered({"plc": EthernetIpDevice(LOGIX)}, lookup=knowing({"54": DRIVE}))

    counts = found.counts["plc"]
    assert usages(found, "plc") == [("fast", "confirmed", 4)]
    assert (counts.requests, counts.sessions, counts.open, counts.unclean) == (4, 2, 0, 0)
    assert found.one("plc").alone


def test_what_nobody_recalls_is_asked_the_list_and_not_one_thing_more() -> None:
    plant: dict[str, Device] = {"meter": meter(), "plc": EthernetIpDevice(LOGIX)}

    found = discovered(plant, lookup=knowing({}))

    assert usages(found, "meter") == [("slow", None, 21)]
    assert usages(found, "plc") == [("slow", None, 30)]
    assert found.one("meter").alone
    assert found.one("plc").alone


def test_a_pattern_that_is_not_trusted_saves_nothing_and_is_compared() -> None:
    agreeing, other = replace(REGISTER, applied=False), replace(DRIVE, applied=False)
    wrong = replace(other, answers={IDENTITY: 1})
    plant: dict[str, Device] = {"meter": meter(), "plc": EthernetIpDevice(LOGIX)}

    found = discovered(plant, lookup=knowing({"M-1": agreeing, "54": other}))
    again = discovered(plant, lookup=knowing({"M-1": replace(agreeing, answers={}), "54": wrong}))

    assert usages(found, "meter") == [("slow", "agreed", 21)]
    assert usages(found, "plc") == [("slow", "agreed", 30)]
    assert usages(again, "meter") == [("slow", "matched", 21)]
    assert usages(again, "plc") == [("slow", "disagreed", 30)]


CONTRADICTED: list[tuple[str, Unit, Profile]] = [
    ("an exception", replace(METER, values=0), REGISTER),
    ("a length", METER, replace(REGISTER, answers={modbus.report_server_id(): 3})),
]


@pytest.mark.parametrize(("why", "identity", "profile"), CONTRADICTED)
def test_what_contradicts_a_pattern_is_told_and_asked_everything(
    why: str, identity: Unit, profile: Profile
) -> None:
    found = discovered({why: meter(identity=identity)}, lookup=knowing({"M-1": profile}))

    assert usages(found, why) == [("fast", "contradicted", 2), ("slow", None, 21)]
    assert found.counts[why].requests == 2 + 21
    assert {one.product_code for one in found.probes[why]} == {"M-1"}


def test_another_identity_within_the_session_contradicts_a_pattern() -> None:
    class Exchanged(EthernetIpDevice):
        """It is listed as one thing and is another."""

        def _identity(self) -> bytes:
            return EthernetIpDevice(ENBT)._identity()

    profile = replace(DRIVE, answers={IDENTITY: len(LOGIX.attributes)})

    found = discovered({"plc": Exchanged(LOGIX)}, lookup=knowing({"58": profile}))

    first, second = found.probes["plc"]
    assert (first.path, first.usage, second.path) == ("fast", "contradicted", "slow")


def test_the_value_of_a_register_contradicts_nothing() -> None:
    changing = meter()

    for _ in range(2):
        found = discovered({"meter": changing}, lookup=knowing({"M-1": REGISTER}))
        assert usages(found, "meter") == [("fast", "confirmed", 2)]


def test_a_device_that_does_not_answer_the_read_says_nothing_about_the_pattern() -> None:
    class Deaf(ModbusDevice):
        """It says what it is, and never answers when it is asked for a register."""

        def answer(self, request: bytes) -> bytes | None:
            return None if request[7:] == READ else super().answer(request)

    lookup = knowing({"M-1": REGISTER})

    found = discovered({"meter": Deaf({1: METER})}, lookup=lookup, limits=HASTY)

    first, second = found.probes["meter"]
    assert (first.path, first.usage, second.path) == ("fast", "applied", "slow")


@pytest.mark.parametrize(
    ("answer", "outcome"), [(b"\x15\x03\x01\x00", "malformed"), (b"\x83\x06", "exception")]
)
def test_a_device_that_wants_no_more_of_the_read_is_left_alone_and_remembered(
    answer: bytes, outcome: str
) -> None:
    class Unwilling(ModbusDevice):
        """It says what it is, and then something else, or that it is busy."""

        def answer(self, request: bytes) -> bytes | None:
            if request[7:] != READ:
                return super().answer(request)
            is_code = len(answer) == len(b"\x83\x06")
            return request[:4] + b"\x00\x03" + request[6:7] + answer if is_code else answer

    found = discovered({"meter": Unwilling({1: METER})}, lookup=knowing({"M-1": REGISTER}))

    probe = found.one("meter")
    assert (probe.path, probe.usage, probe.outcome) == ("fast", "applied", "identified")
    assert [one["outcome"] for one in probe.exchanges] == ["ok", outcome]
    assert found.counts["meter"].requests == 2


def test_a_device_that_is_busy_within_its_session_is_left_alone() -> None:
    class Busy(EthernetIpDevice):
        """It lets nobody read an object."""

        def _read(self, message: bytes, module: Module) -> bytes:
            del module
            return bytes((message[0] | 0x80, 0, 2, 0))

    found = discovered({"plc": Busy(ENBT)})

    probe = found.one("plc")
    assert (probe.outcome, probe.exchanges[-1]["outcome"]) == ("identified", "exception")
    assert found.counts["plc"].requests == 3 + 1 + 1


def test_a_device_is_left_alone_from_when_it_may_not_be_asked_any_more() -> None:
    left = [True] * 5

    async def ask() -> tuple[list[bool], int, list[Visited]]:
        async with serving({"meter": meter()}) as plant:
            served = plant.devices["meter"]
            policy = policy_of(["127.0.0.1"])
            sender = Sender(policy, Pace(QUICK), lambda _: bool(left) and left.pop())
            visits = visits_to([Target("127.0.0.1", served.port, named=True)], ["modbus.tcp"])
            discovery = Discovery(sender)
            visited = [one async for one in discovery.run(visits)]
            visited += [one async for one in discovery.run(visits)]
            return [one.left_out for one in visited], served.counts.requests, visited

    left_out, requests, visited = asyncio.run(ask())

    assert (left_out, requests) == ([False, True], 4)
    (event,) = visited[0].events
    assert isinstance(event.data, DeviceProbed)
    assert (event.data.outcome, len(event.data.exchanges)) == ("identified", 4)


def test_all_devices_behind_a_gateway_are_found_where_each_is_recalled() -> None:
    other = Unit({0: b"Other", 1: b"O", 2: b"1"})
    gateway = ModbusDevice({0: METER, 1: other}, others="gateway")
    shared = replace(REGISTER, alone=False)

    found = discovered({"gateway": gateway}, lookup=knowing({"M-1": shared, "O": shared}))
    half = discovered({"gateway": gateway}, lookup=knowing({"M-1": shared}))

    assert [(one.unit, one.usage) for one in found.probes["gateway"]] == [
        (0, "confirmed"),
        (1, "confirmed"),
    ]
    assert found.counts["gateway"].requests == 3 + 2
    assert [(one.unit, one.path) for one in half.probes["gateway"]] == [(0, "fast"), (1, "slow")]


def test_the_unit_under_which_a_device_was_met_is_tried_first() -> None:
    gateway = ModbusDevice({1: METER}, others="gateway")

    found = discovered({"gateway": gateway}, lookup=knowing({"M-1": REGISTER}), unit=1)

    assert found.counts["gateway"].requests == 2
    assert found.one("gateway").unit == 1


def test_units_that_are_asked_for_are_all_asked() -> None:
    found = discovered(
        {"meter": meter()}, asked=Asked(units=(1, 2)), lookup=knowing({"M-1": REGISTER})
    )

    probe = found.one("meter")
    assert (probe.path, probe.unit, probe.units, len(probe.exchanges)) == ("fast", 1, [2], 3)


def test_modules_of_a_chassis_are_found_where_all_are_recalled() -> None:
    chassis = EthernetIpDevice(ENBT, {0: LOGIX})
    known = {"58": BRIDGE, "54": DRIVE}

    found = discovered({"plc": chassis}, lookup=knowing(known))
    exchanged = discovered({"plc": chassis}, lookup=knowing({"58": BRIDGE}))

    assert [(one.slot, one.path) for one in found.probes["plc"]] == [(None, "fast"), (0, "fast")]
    assert found.counts["plc"].requests - found.counts["plc"].sessions == 1 + 1 + 8
    slow = [(one.slot, one.path, one.usage) for one in exchanged.probes["plc"]]
    assert slow == [(None, "fast", "matched"), (None, "slow", None), (0, "slow", None)]


def test_known_devices_see_no_more_connections_than_the_polite_pace_allows() -> None:
    plant: dict[str, Device] = {f"m{n}": meter() for n in range(9)}

    found = discovered(plant, lookup=knowing({"M-1": REGISTER}), limits=POLITE)

    opened_s = sorted(at_s for one in found.counts.values() for at_s in one.opened_s)
    assert len(opened_s) == 9
    assert opened_s[-1] - opened_s[0] >= 0.8 * 8 / POLITE.connections_per_s
    for counts in found.counts.values():
        first_s, second_s = counts.asked_s
        assert second_s - first_s >= POLITE.gap_s
