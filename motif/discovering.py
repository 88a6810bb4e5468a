"""Discovering devices into a log: what may be probed, the run, and what it amounts to.

Every probe is durable as soon as its device is done; a run that is stopped keeps what it has.
"""

import asyncio
import getpass
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.devices.contract import Asked, Profile
from connectors.devices.discovery import SOURCE, Discovery, Visited
from connectors.devices.pace import FOREVER, POLITE, UNLIMITED, Limits, Pace
from connectors.devices.recording import PROTOCOLS
from connectors.devices.sender import Sender, device_at, resolve
from connectors.devices.targets import (
    Network,
    Policy,
    Target,
    broadcast_of,
    policy_of,
    targets_of,
)
from connectors.devices.visits import Place, Visit, visits_to
from motif.asking import Asking
from motif.known_sorts import known_sorts
from motif.restricting import Care, care_of
from projections import device_sorts
from schemas.clock import monotonic_s, new_id, now_us
from schemas.devices import DeviceProbed, DiscoveryStarted
from schemas.envelope import Event
from schemas.errors import WrongUse
from streams.match import FAST_FROM
from streams.sorts import Sorts

Publish = Callable[[Iterable[Event]], object]
"""Makes events durable."""

Told = Callable[[Visited, int, int], None]
"""Told what was done with a target, and how many are done of how many."""

REQUESTS: Final = {name: protocol.requests for name, protocol in PROTOCOLS.items()}
"""How long the frozen list of each protocol is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be discovered, as it was asked for.

    `broadcasts` are the broadcast addresses of networks where everybody is asked who is there.
    `unthrottled` leaves out gaps and rates, which simulated devices on loopback do not need.
    Without `learn` what is found is recorded only; `least` is the match confidence from which
    what is known of a device is applied.
    """

    targets: Sequence[str]
    networks: Sequence[str]
    exclude: Sequence[str] = ()
    broadcasts: Sequence[str] = ()
    protocols: Sequence[str] = ()
    units: Sequence[int] = ()
    slots: Sequence[int] = ()
    large: bool = False
    unthrottled: bool = False
    who: str | None = None
    learn: bool = True
    least: float = FAST_FROM


def user() -> str | None:
    """Who sits at this machine, as far as it knows."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser() or None
    return None


@dataclass(slots=True)
class Discovered:
    """What a run did, and the probes it made, as they were stated.

    `answered` counts targets where somebody answered; `connections` and `requests` are what went
    out. `fast` counts devices that took the fast path, `contradicted` those whose pattern did not
    hold, and `saved` the requests that the fast path left out. `left_out` are targets that may not
    be asked at this time.
    """

    run_id: str
    visited: int = 0
    answered: int = 0
    connections: int = 0
    requests: int = 0
    fast: int = 0
    contradicted: int = 0
    saved: int = 0
    left_out: int = 0
    seconds: float = 0.0
    probes: list[DeviceProbed] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that may begin: its targets were held against the list, and names are resolved."""

    policy: Policy
    visits: Sequence[Visit]
    limits: Limits
    wanted: Wanted
    broadcasts: Sequence[tuple[Network, Visit]] = ()
    continues: str | None = None
    done: frozenset[Place] = frozenset()

    @property
    def asked(self) -> Asked:
        """The units and slots that are asked for."""
        return Asked(tuple(self.wanted.units), tuple(self.wanted.slots))

    def started(self, run_id: str) -> DiscoveryStarted:
        """What is stated about the run before anything is sent."""
        wanted, limits = self.wanted, self.limits
        return DiscoveryStarted(
            run_id=run_id,
            continues=self.continues,
            who=wanted.who,
            targets=list(wanted.targets),
            networks=[str(network) for network in self.policy.networks],
            exclude=[str(network) for network in self.policy.exclude] or None,
            protocols=list(wanted.protocols) or None,
            units=list(wanted.units) or None,
            slots=list(wanted.slots) or None,
            addresses=len({visit.target.address for visit in self.visits}),
            gap_us=round(limits.gap_s * 1_000_000),
            requests_per_s=_stated(limits.requests_per_s),
            connections_per_s=_stated(limits.connections_per_s),
            at_once=limits.at_once,
            broadcasts=list(wanted.broadcasts) or None,
            background_per_s=_stated(limits.background_per_s),
        )


def planned(wanted: Wanted) -> Plan:
    """What is to be done for what is wanted; nothing was sent yet.

    Raises:
        WrongUse: no target is named or no network allowed, or a target is not on the list.
        MotifError: a name stands for no address.
    """
    if not wanted.targets and not wanted.broadcasts:
        raise WrongUse("name what to ask, or what to read by --capture")
    policy = policy_of(wanted.networks, wanted.exclude, large=wanted.large)
    visits = visits_to(targets_of(wanted.targets, policy, resolve), wanted.protocols)
    broadcasts = [_broadcast(text, policy, wanted.protocols) for text in wanted.broadcasts]
    asked = [*visits, *(visit for _, visit in broadcasts)]
    return Plan(policy, visits, _limits(wanted, asked), wanted, broadcasts)


def _broadcast(text: str, policy: Policy, protocols: Sequence[str]) -> tuple[Network, Visit]:
    """A broadcast in the protocol that has one."""
    network, address, port = broadcast_of(text, policy)
    for protocol in PROTOCOLS.values():
        if protocol.datagram is not None and (not protocols or protocol.name in protocols):
            return network, Visit(Target(address, port, named=False), protocol)
    raise WrongUse(f"{' and '.join(protocols)} knows no broadcast; ethernet_ip does")


@dataclass(frozen=True, slots=True)
class Known:
    """What a node knows before a run: sorts of devices, and where devices were met."""

    sorts: Sorts = field(default_factory=Sorts)
    places: Mapping[Place, int | None] = field(default_factory=dict)
    care: Care = field(default_factory=Care)

    def lookup(self, probed: DeviceProbed, least: float) -> Profile | None:
        """What is known of a device that says this of itself."""
        found = self.sorts.find(probed, least)
        if found is None:
            return None
        sort = found.sort
        answers = {bytes.fromhex(request): length for request, length in sort.answers.items()}
        return Profile(sort.pattern_id, answers, alone=sort.alone, applied=found.applied)


def unfinished(node: Asking, plan: Plan) -> Plan:
    """What the newest run with the same targets left undone; the plan where there is none."""
    wanted = plan.wanted
    run_id, done = node.ask(
        lambda store: device_sorts.done_before(store, wanted.targets, wanted.broadcasts)
    )
    left = [visit for visit in plan.visits if visit.place not in done]
    return replace(plan, visits=left, continues=run_id, done=frozenset(done))


NOTHING_KNOWN: Final = Known()


def known_to(node: Asking) -> Known:
    """What a node has learned of devices so far."""
    sorts = Sorts(one.sort for one in known_sorts(node))
    return Known(sorts, node.ask(device_sorts.places), care_of(node))


def discover(
    publish: Publish, plan: Plan, told: Told | None = None, known: Known = NOTHING_KNOWN
) -> Discovered:
    """State the run, probe what is planned, devices that are known first, and publish it all."""
    return asyncio.run(discovered(publish, plan, told, known))


async def discovered(
    publish: Publish, plan: Plan, told: Told | None = None, known: Known = NOTHING_KNOWN
) -> Discovered:
    """The same within a loop that runs already."""
    began_s = monotonic_s()
    sender = _careful(plan, known.care)
    found = Discovered(new_id())
    started = plan.started(found.run_id)
    publish([Event(SOURCE, f"discovery/{found.run_id}", started, now_us())])
    wanted = plan.wanted
    discovery = Discovery(
        *(sender, plan.asked, found.run_id),
        lookup=lambda probed: known.lookup(probed, wanted.least),
        units={place: unit for place, unit in known.places.items() if unit is not None},
        known=known.places,
        done=plan.done,
        learn=wanted.learn,
    )
    broadcasts = [visit for _, visit in plan.broadcasts]
    async for several in discovery.together(plan.visits, broadcasts):
        # A commit takes longer than all else about a known device: those done together share one.
        if events := [event for visited in several for event in visited.events]:
            publish(events)
        for visited in several:
            _count(found, visited)
            if told is not None:
                told(visited, found.visited, max(found.visited, len(plan.visits)))
    found.connections, found.requests = sender.connections, sender.requests
    found.seconds = monotonic_s() - began_s
    return found


def _careful(plan: Plan, care: Care) -> Sender:
    """What sends in a run, sparing who is fragile.

    Raises:
        WrongUse: a broadcast would reach devices that are to be asked with care.
    """
    for network, visit in plan.broadcasts:
        if care.touches(network):
            message = (
                f"{visit.target.address} is not asked: devices of {network} are fragile or may be "
                "asked at certain times only, and everybody hears a broadcast"
            )
            raise WrongUse(message)
    sender = Sender(
        plan.policy, Pace(plan.limits), lambda address: care.restrictions.may(address, now_us())
    )
    for visit in plan.visits:  # whoever hears a broadcast is none of them
        if care.is_fragile(visit.target.address, visit.port):
            sender.spare(visit.target.address, visit.port)
    return sender


def _count(found: Discovered, visited: Visited) -> None:
    """Count a target that is done."""
    probes = [one.data for one in visited.events if isinstance(one.data, DeviceProbed)]
    found.probes += probes
    _count_fast(found, probes)
    found.visited += 1
    found.left_out += visited.left_out
    found.answered += any(probe.outcome in {"identified", "answered"} for probe in probes)


def _count_fast(found: Discovered, probes: Sequence[DeviceProbed]) -> None:
    """Count who took the fast path; what a pattern cost that did not hold was not saved."""
    for probe in probes:
        if probe.usage == "confirmed":
            found.fast += 1
            found.saved += max(0, REQUESTS[probe.protocol] - len(probe.exchanges))
        elif probe.path == "fast":
            found.contradicted += probe.usage == "contradicted"
            found.saved -= len(probe.exchanges)


def _limits(wanted: Wanted, visits: Sequence[Visit]) -> Limits:
    if not wanted.unthrottled:
        return POLITE
    for visit in visits:
        address = visit.target.address
        if device_at(address, visit.port) == address:
            message = (
                f"{address} may be a real device, which needs gaps between requests; "
                "--unthrottled is for simulated devices on loopback"
            )
            raise WrongUse(message)
    return UNLIMITED


def _stated(rate: float) -> int | None:
    """A rate as it is stated; None where there is none."""
    return None if rate == FOREVER else round(rate)
