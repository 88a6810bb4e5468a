"""Where requests may go: an allow-list of networks, and what is asked for held against it.

Pure: a name is resolved by whoever asks, once, and what it stands for is checked. Nothing is
probed that no network of the list holds; there is no list by default, and none that holds
everything.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, NamedTuple

from schemas.errors import MotifError, WrongUse

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str], Sequence[str]]
"""The addresses a name stands for; none where nobody knows it."""

AT_ONCE_MAX: Final = 1 << 10
"""Addresses of one run, a /22, where not more are asked for expressly."""
ADDRESSES_MAX: Final = 1 << 16
"""Addresses of one run at all."""

PORT_MAX: Final = 65_535

_WIDEST: Final = {4: 8, 6: 32}
"""The shortest prefix of a network of the list, by the version of IP."""

_MAPPED_BITS: Final = 96
"""Bits before an address of IPv4 that is written as one of IPv6."""

_split_port: Final = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?").fullmatch


@dataclass(frozen=True, slots=True)
class Policy:
    """Networks that may be probed, and those within them that may not."""

    networks: tuple[Network, ...]
    exclude: tuple[Network, ...] = ()
    large: bool = False

    def allows(self, address: str) -> bool:
        """Whether something may be sent to this address."""
        found = plain_address(ip_address(address))
        return _is_unicast(found) and _is_in(found, self.networks) and not self.excludes(found)

    def excludes(self, address: Address) -> bool:
        """Whether the address is on the list of exceptions."""
        return _is_in(address, self.exclude)


class Target(NamedTuple):
    """An address to probe; `named` says that it was asked for by itself, not within a range."""

    address: str
    port: int | None
    named: bool


def policy_of(
    networks: Sequence[str], exclude: Sequence[str] = (), *, large: bool = False
) -> Policy:
    """The policy that these texts state.

    >>> policy_of(["192.168.1.0/24"], ["192.168.1.7"]).allows("192.168.1.7")
    False

    Raises:
        WrongUse: no network is named, one is no network, or one holds everything.
    """
    allowed = tuple(network_of(text) for text in networks)
    if not allowed:
        message = "no network may be probed; name those that may, such as --networks 192.168.1.0/24"
        raise WrongUse(message)
    for network in allowed:
        if network.prefixlen < _WIDEST[network.version]:
            message = f"{network} holds too much to be a list of what may be probed"
            raise WrongUse(message)
    return Policy(allowed, tuple(network_of(text) for text in exclude), large)


def targets_of(texts: Sequence[str], policy: Policy, resolve: Resolve) -> list[Target]:
    """What to probe, once each: addresses, names and networks, each perhaps with `:PORT`.

    A name is resolved here and never again; of its addresses the first one is probed that may be.
    What is excluded is left out of ranges.

    Raises:
        WrongUse: a target is none, is not on the list, or there are too many addresses.
        MotifError: a name stands for nothing.
    """
    found: dict[tuple[str, int | None], Target] = {}
    left = ADDRESSES_MAX if policy.large else AT_ONCE_MAX
    for text in texts:
        for target in _targets(text, policy, resolve):
            if target.named or (target.address, target.port) not in found:
                found[target.address, target.port] = target
            if len(found) > left:
                raise _too_many(policy)
    return sorted(found.values(), key=lambda target: not target.named)


def broadcast_of(text: str, policy: Policy) -> tuple[Network, str, int | None]:
    """The widest network of the list whose broadcast address the text states, that, and a port.

    Raises:
        WrongUse: it is that of no network of the list, or one of its addresses is excluded: whoever
            hears a broadcast answers it.
    """
    host, port = _host_and_port(text)
    address = _address(host)
    networks = [
        one
        for one in policy.networks
        if isinstance(one, IPv4Network) and address == one.broadcast_address
    ]
    if networks:
        network = min(networks, key=lambda one: one.prefixlen)
        for excluded in policy.exclude:
            if isinstance(excluded, IPv4Network) and excluded.overlaps(network):
                raise WrongUse(f"{excluded} is excluded, and would hear a broadcast to {text}")
        return network, str(address), port
    shown = ", ".join(
        str(one.broadcast_address) for one in policy.networks if isinstance(one, IPv4Network)
    )
    message = f"{text} is the broadcast address of no network of the list; theirs are {shown}"
    raise WrongUse(message)


def _targets(text: str, policy: Policy, resolve: Resolve) -> Iterator[Target]:
    host, port = _host_and_port(text)
    if "/" in host:
        network = network_of(host)
        if network.num_addresses > 1:
            yield from _range(network, port, policy)
            return
        host = str(network.network_address)
    stated = _address(host)
    candidates = [stated] if stated is not None else _resolved(host, resolve)
    allowed = (one for one in candidates if policy.allows(str(one)))
    address = next(allowed, None)
    if address is None:
        raise WrongUse(_not_allowed(text, candidates[0], policy))
    yield Target(str(address), port, named=True)


def _range(network: Network, port: int | None, policy: Policy) -> Iterator[Target]:
    if isinstance(network, IPv6Network):
        message = f"{network} is a range of IPv6, which nobody could walk through; name addresses"
        raise WrongUse(message)
    if network.num_addresses > (ADDRESSES_MAX if policy.large else AT_ONCE_MAX):
        raise _too_many(policy)
    for address in network.hosts():
        if policy.excludes(address):
            continue
        if not policy.allows(str(address)):
            raise WrongUse(_not_allowed(str(network), address, policy))
        yield Target(str(address), port, named=False)


def _host_and_port(text: str) -> tuple[str, int | None]:
    if _address(text) is not None:  # an IPv6 address has colons of its own
        return text, None
    network = text.partition("/")[0]
    if network.count(":") > 1 and _address(network) is not None:
        return text, None
    found = _split_port(text)
    host = found[1] if found else ""
    port = found[2] if found else None
    if not host or (port and not 0 < int(port) <= PORT_MAX):
        message = f"{text!r} is no target; it must be HOST, HOST:PORT, NETWORK/BITS or [IPv6]:PORT"
        raise WrongUse(message)
    return host.strip("[]"), int(port) if port else None


def _address(text: str) -> Address | None:
    try:
        return plain_address(ip_address(text))
    except ValueError:
        return None


def _resolved(host: str, resolve: Resolve) -> list[Address]:
    found = resolve(host)
    if not found:
        message = f"{host!r} stands for no address here; check the name, or name its address"
        raise MotifError(message)
    return [plain_address(ip_address(one)) for one in found]


def network_of(text: str) -> Network:
    """The network, or the one address, that a text states.

    What is IPv4 written as IPv6 is IPv4.

    Raises:
        WrongUse: it is none.
    """
    try:
        network = ip_network(text)
    except ValueError as error:
        message = f"{text!r} must be a network or an address, such as 192.168.1.0/24: {error}"
        raise WrongUse(message) from error
    mapped = plain_address(network.network_address)
    if network.version != mapped.version and network.prefixlen >= _MAPPED_BITS:
        return ip_network(f"{mapped}/{network.prefixlen - _MAPPED_BITS}")
    return network


def plain_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 address may stand for, else the address itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_unicast(address: Address) -> bool:
    broadcast = address == IPv4Address("255.255.255.255")
    return not (address.is_multicast or address.is_unspecified or broadcast)


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)


def _not_allowed(text: str, address: Address, policy: Policy) -> str:
    if policy.excludes(address):
        return f"{text} is excluded: {address} may not be probed"
    if not _is_unicast(address):
        return f"{text} is not the address of one device: {address}"
    shown = ", ".join(map(str, policy.networks))
    return f"{text} may not be probed: {address} is in none of the networks {shown}"


def _too_many(policy: Policy) -> WrongUse:
    if policy.large:
        return WrongUse(f"{ADDRESSES_MAX:,} addresses are the most that one run probes")
    message = f"these are more than {AT_ONCE_MAX:,} addresses, a /22; --large says you mean it"
    return WrongUse(message)
