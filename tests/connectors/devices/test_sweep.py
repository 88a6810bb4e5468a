"""Finding devices among many addresses: by a datagram each, by a broadcast, in the background."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest

from connectors.devices.discovery import Discovery
from connectors.devices.ethernetip_interview import ETHERNET_IP, SPREAD_MS
from connectors.devices.pace import Limits, Pace
from connectors.devices.sender import KEPT_MAX, Sender
from connectors.devices.targets import Policy, Target, broadcast_of, policy_of, targets_of
from connectors.devices.visits import Lanes, Place, Visit, visits_to
from connectors.plant.device import Counts, Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import serving
from schemas.devices import DeviceProbed
from schemas.errors import WrongUse
from tests.connectors.devices.plants import ENBT, HASTY, LOGIX, QUICK, meter

EVERYBODY = "127.255.255.255"
RANGE = "127.0.7.0/29"
"""The addresses 127.0.7.1 to 127.0.7.6, all of this machine."""

FIRST = "ethernet_ip"


@dataclass
class Swept:
    """What came of a run: probes in the order in which they were done, and what devices counted."""

    probes: list[DeviceProbed]
    order: list[Place]
    counts: dict[str, Counts]
    requests: int


def free_port() -> int:
    """A port that is free at every address of the range."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def run(
    devices: Mapping[str, Device],
    *,
    protocols: Sequence[str] = (FIRST,),
    limits: Limits = QUICK,
    policy: Policy | None = None,
    known: Sequence[str] = (),
    broadcast: bool = False,
    targets: bool = True,
) -> Swept:
    """Serve devices at addresses of the range, all on one port, and discover the range."""
    allowed = policy or policy_of([RANGE, "127.0.0.0/8"])
    port = free_port()

    async def discover() -> Swept:
        async with AsyncExitStack() as stack:
            plants = {}
            for address, device in devices.items():
                served = serving({address: device}, address, port, broadcast=EVERYBODY)
                plants[address] = await stack.enter_async_context(served)
            found = targets_of([f"{RANGE}:{port}"], allowed, lambda _: []) if targets else []
            discovery = Discovery(
                Sender(allowed, Pace(limits)),
                known={(address, port, FIRST) for address in known},
            )
            visits = visits_to(found, protocols)
            everybody = visits_to([Target(EVERYBODY, port, named=False)], [FIRST])
            probes, order = [], []
            async for visited in discovery.run(visits, everybody if broadcast else []):
                order.append((visited.target.address, port, visited.protocol))
                probes += [one.data for one in visited.events if isinstance(one.data, DeviceProbed)]
            counts = {address: plant.devices[address].counts for address, plant in plants.items()}
            return Swept(probes, order, counts, discovery.sender.requests)

    return asyncio.run(discover())


def test_who_answers_a_datagram_is_visited_before_the_rest_of_a_range() -> None:
    found = run({"127.0.7.5": EthernetIpDevice(ENBT), "127.0.7.6": EthernetIpDevice(LOGIX)})

    assert {place[0] for place in found.order[:2]} == {"127.0.7.5", "127.0.7.6"}
    assert len(found.order) == 6
    assert [probe.product for probe in found.probes] == ["1756-ENBT/A", "1756-L61/B LOGIX5561"] or [
        probe.product for probe in found.probes
    ] == ["1756-L61/B LOGIX5561", "1756-ENBT/A"]


def test_what_a_datagram_told_is_not_asked_again() -> None:
    found = run({"127.0.7.5": EthernetIpDevice(ENBT)})

    (probe,) = found.probes
    counts = found.counts["127.0.7.5"]
    assert (counts.datagrams, counts.requests) == (1, 29)
    assert len(probe.exchanges) == 30
    assert [exchange.get("transport") for exchange in probe.exchanges[:2]] == ["udp", None]
    assert (probe.transport, probe.outcome) == ("tcp", "identified")


def test_who_was_silent_to_a_datagram_is_not_sent_another_one() -> None:
    silent = EthernetIpDevice(ENBT, manner=Manner(quirk="silent"))

    found = run({"127.0.7.5": silent}, limits=replace(HASTY, datagram_timeout_s=0.1))

    assert (found.counts["127.0.7.5"].datagrams, found.requests) == (1, 6 + 2)


def test_a_known_device_is_visited_first_and_not_asked_by_datagram() -> None:
    found = run({"127.0.7.6": EthernetIpDevice(ENBT)}, known=["127.0.7.6"])

    assert found.order[0][0] == "127.0.7.6"
    assert found.counts["127.0.7.6"].datagrams == 0


def test_of_a_known_place_in_a_range_it_is_said_that_nobody_answers_any_more() -> None:
    found = run({}, known=["127.0.7.2"])

    assert [(probe.address, probe.outcome) for probe in found.probes] == [("127.0.7.2", "refused")]


def test_a_device_that_takes_no_connection_is_told_by_its_datagram() -> None:
    full = EthernetIpDevice(ENBT, manner=Manner(connections_max=0))

    found = run({"127.0.7.5": full})

    (probe,) = found.probes
    assert probe.vendor_id == 1


def test_what_answers_comes_next_in_every_protocol_and_what_is_new_is_visited_once() -> None:
    near, far = (Target(f"10.0.0.{one}", None, named=False) for one in (1, 2))
    lanes = Lanes(visits_to([near, far]))
    identity = visits_to([far], [FIRST])[0]
    stranger = visits_to([Target("10.0.0.9", None, named=False)], [FIRST])[0]

    for met in (identity, stranger, stranger):
        lanes.met(met)

    places = [(one.target.address, one.protocol.name) for one in lanes.front(9)]
    assert places == [("10.0.0.2", "modbus.tcp"), ("10.0.0.2", FIRST), ("10.0.0.9", FIRST)]
    assert [one.target.address for one in lanes.back(9)] == ["10.0.0.1", "10.0.0.1"]
    assert (lanes.front(9), lanes.unknown) == ([], [])


def test_everybody_who_may_be_probed_is_found_by_one_broadcast_and_answers_are_spread() -> None:
    many: dict[str, Device] = {f"127.0.7.{one}": EthernetIpDevice(ENBT) for one in range(1, 7)}
    policy = policy_of(["127.0.7.0/30", "127.255.255.255"])

    found = run(many, policy=policy, broadcast=True, targets=False)

    assert {probe.address for probe in found.probes} == {f"127.0.7.{one}" for one in (1, 2, 3)}
    assert all(counts.datagrams == 1 for counts in found.counts.values())
    assert [counts.requests for counts in found.counts.values()] == [29, 29, 29, 0, 0, 0]
    answered = [probe.exchanges[0].get("reply_us") or 0 for probe in found.probes]
    assert max(answered) - min(answered) > 50_000
    assert max(answered) < SPREAD_MS * 1000 + 500_000


def test_a_broadcast_reaches_nobody_who_is_being_asked_something_else() -> None:
    found = run({"127.0.7.5": EthernetIpDevice(ENBT)}, known=["127.0.7.5"], broadcast=True)

    counts = found.counts["127.0.7.5"]
    assert (counts.datagrams, counts.requests) == (1, 29)


def test_what_was_done_is_not_visited_again_though_it_hears_a_broadcast() -> None:
    met, other = visits_to(
        [Target(f"10.0.0.{one}", None, named=False) for one in (1, 2)], ["modbus.tcp"]
    )
    lanes = Lanes([other], done=[met.place])

    lanes.met(met)

    assert [one.place for one in (*lanes.front(9), *lanes.back(9))] == [other.place]


def test_a_place_is_visited_once_however_it_is_named() -> None:
    named = Target("10.0.0.1", 502, named=True)
    range_ = Target("10.0.0.1", None, named=False)

    (visit,) = visits_to([range_, named], ["modbus.tcp", "modbus.tcp"])

    assert visit.target.named


def test_a_datagram_too_long_for_a_reply_ends_nothing() -> None:
    long = EthernetIpDevice(ENBT, items=((0x86, bytes(9_000)),), manner=Manner(connections_max=0))

    found = run({"127.0.7.5": long})

    assert [probe.outcome for probe in found.probes] == ["malformed"]
    assert len(found.probes[0].exchanges[0].get("response") or "") == 2 * KEPT_MAX


def test_a_device_gets_one_datagram_whatever_port_it_may_be_asked_at() -> None:
    async def ask() -> list[tuple[str, int]]:
        policy = policy_of(["127.0.0.0/8"])
        sender = Sender(policy, Pace(replace(QUICK, datagram_timeout_s=0.05)))
        async with sender.device("127.0.7.2", 1):
            places = [("127.0.7.1", 1), ("127.0.7.1", 1), ("127.0.7.2", 1)]
            frame = ETHERNET_IP.datagram
            assert frame is not None
            async for _ in sender.sweep(FIRST, frame.frame, places):
                pass
        return [] if sender.requests == 1 else places

    assert asyncio.run(ask()) == []


def test_unknown_places_are_opened_at_their_own_rate() -> None:
    slow = replace(QUICK, background_per_s=20, background_at_once=1, datagram_timeout_s=0.1)

    loop_s = asyncio.run(timed(slow))

    assert loop_s >= 5 / 20


async def timed(limits: Limits) -> float:
    """How long a run takes that meets nobody at six places."""
    policy = policy_of([RANGE])
    visits = visits_to(targets_of([f"{RANGE}:{free_port()}"], policy, lambda _: []), ["modbus.tcp"])
    loop = asyncio.get_running_loop()
    began = loop.time()
    async for _ in Discovery(Sender(policy, Pace(limits))).run(visits):
        pass
    return loop.time() - began


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.127", "of no network of the list; theirs are 10.0.0.255, 10.0.1.255"),
        ("255.255.255.255", "of no network of the list"),
        ("plant", "of no network of the list"),
        ("10.0.1.255", "10.0.1.9/32 is excluded, and would hear"),
    ],
)
def test_a_broadcast_reaches_nobody_but_networks_of_the_list(text: str, says: str) -> None:
    policy = policy_of(["10.0.0.0/24", "10.0.1.128/25", "10.0.1.0/24"], ["10.0.1.9"])

    assert broadcast_of("10.0.0.255:44818", policy)[1:] == ("10.0.0.255", 44818)
    with pytest.raises(WrongUse, match=says):
        broadcast_of(text, policy)


def test_a_modbus_device_at_a_named_address_waits_for_no_sweep() -> None:
    async def discover() -> list[str]:
        async with serving({"meter": meter()}) as plant:
            served = plant.devices["meter"]
            policy = policy_of(["127.0.0.0/8"])
            discovery = Discovery(Sender(policy, Pace(QUICK)))
            named = Target(served.address, served.port, named=True)
            visits = visits_to([named], ["modbus.tcp"])
            visits += [
                Visit(one, visits_to([one], [FIRST])[0].protocol)
                for one in targets_of([f"{RANGE}:{free_port()}"], policy, lambda _: [])
            ]
            return [one.protocol async for one in discovery.run(visits)]

    assert asyncio.run(discover())[0] == "modbus.tcp"
