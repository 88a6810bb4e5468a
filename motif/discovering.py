"""Discovering devices into a log: what may be probed, the run, and what it amounts to.

Every probe is durable as soon as its device is done; a run that is stopped keeps what it has.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.devices.contract import Asked
from connectors.devices.discovery import SOURCE, Discovery, Visit, Visited, visits_to
from connectors.devices.pace import FOREVER, POLITE, UNLIMITED, Limits, Pace
from connectors.devices.recording import PROTOCOLS
from connectors.devices.sender import Sender, device_at, resolve
from connectors.devices.targets import Policy, policy_of, targets_of
from schemas.clock import monotonic_s, new_id, now_us
from schemas.devices import DeviceProbed, DiscoveryStarted
from schemas.envelope import Event
from schemas.errors import WrongUse

Publish = Callable[[Iterable[Event]], object]
"""Makes events durable."""

Told = Callable[[Visited, int, int], None]
"""Told what was done with a target, and how many are done of how many."""

REQUESTS: Final = {name: protocol.requests for name, protocol in PROTOCOLS.items()}
"""How long the frozen list of each protocol is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be discovered, as it was asked for.

    `unthrottled` leaves out gaps and rates, which simulated devices on loopback do not need.
    """

    targets: Sequence[str]
    networks: Sequence[str]
    exclude: Sequence[str] = ()
    protocols: Sequence[str] = ()
    units: Sequence[int] = ()
    slots: Sequence[int] = ()
    large: bool = False
    unthrottled: bool = False
    who: str | None = None


@dataclass(slots=True)
class Discovered:
    """What a run did, and the probes it made, as they were stated.

    `answered` counts targets where somebody answered; `connections` and `requests` are what went
    out.
    """

    run_id: str
    visited: int = 0
    answered: int = 0
    connections: int = 0
    requests: int = 0
    seconds: float = 0.0
    probes: list[DeviceProbed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that may begin: its targets were held against the list, and names are resolved."""

    policy: Policy
    visits: Sequence[Visit]
    limits: Limits
    wanted: Wanted

    @property
    def asked(self) -> Asked:
        """The units and slots that are asked for."""
        return Asked(tuple(self.wanted.units), tuple(self.wanted.slots))

    def started(self, run_id: str) -> DiscoveryStarted:
        """What is stated about the run before anything is sent."""
        wanted, limits = self.wanted, self.limits
        return DiscoveryStarted(
            run_id=run_id,
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
        )


def planned(wanted: Wanted) -> Plan:
    """What is to be done for what is wanted; nothing was sent yet.

    Raises:
        WrongUse: no network is allowed, or a target is not on the list.
        MotifError: a name stands for no address.
    """
    policy = policy_of(wanted.networks, wanted.exclude, large=wanted.large)
    visits = visits_to(targets_of(wanted.targets, policy, resolve), wanted.protocols)
    return Plan(policy, visits, _limits(wanted, visits), wanted)


def discover(publish: Publish, plan: Plan, told: Told | None = None) -> Discovered:
    """State the run, probe what is planned by the slow path, and publish every probe."""
    return asyncio.run(_discovered(publish, plan, told))


async def _discovered(publish: Publish, plan: Plan, told: Told | None) -> Discovered:
    began_s = monotonic_s()
    sender = Sender(plan.policy, Pace(plan.limits))
    found = Discovered(new_id())
    started = plan.started(found.run_id)
    publish([Event(SOURCE, f"discovery/{found.run_id}", started, now_us())])
    async for visited in Discovery(sender, plan.asked, found.run_id).run(plan.visits):
        if visited.events:
            publish(visited.events)
        probes = [one.data for one in visited.events if isinstance(one.data, DeviceProbed)]
        found.probes += probes
        found.visited += 1
        found.answered += any(probe.outcome in {"identified", "answered"} for probe in probes)
        if told is not None:
            told(visited, found.visited, len(plan.visits))
    found.connections, found.requests = sender.connections, sender.requests
    found.seconds = monotonic_s() - began_s
    return found


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
