"""How devices may be asked: saying it, and what holds now by what was said and observed."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from pydantic import ValidationError

from connectors.devices.restrictions import NONE, Restriction, Restrictions
from connectors.devices.sender import device_at
from connectors.devices.targets import Network, network_of, plain_address
from motif.asking import Asking
from motif.node import Node
from projections.device_restrictions import Restricted, restricted
from schemas.clock import new_id, now_us
from schemas.devices import DeviceRestricted
from schemas.envelope import Event
from schemas.errors import WrongUse


@dataclass(frozen=True, slots=True)
class Care:
    """What a run has to heed: what is stated of networks, and devices observed to be fragile.

    These are told by what counts as one device, and by their addresses.
    """

    restrictions: Restrictions = NONE
    devices: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()

    def is_fragile(self, address: str, port: int) -> bool:
        """Whether a device is to be asked more slowly."""
        return device_at(address, port) in self.devices or self.restrictions.is_fragile(address)

    def touches(self, network: Network) -> bool:
        """Whether any device of a network is to be asked with care."""
        return self.restrictions.touches(network) or any(
            plain_address(ip_address(one)) in network for one in self.addresses
        )


def restrict(
    node: Node,
    network: str,
    *,
    fragile: bool | None = None,
    windows: Sequence[str] = (),
    timezone: str | None = None,
    who: str | None = None,
    notes: str | None = None,
) -> str:
    """Say how devices of a network may be asked, in place of what was said of it before.

    Args:
        node: where it is said.
        network: an address, or a network in CIDR notation.
        fragile: asked more slowly than others; false: not, whatever was observed before.
        windows: the only times of the week, such as `mon-fri 22:00-05:00`; none for any time.
        timezone: whose time that is, by its name in the IANA database; UTC by default.
        who: who says so.
        notes: why.

    Returns:
        The network, as it is written in the log.

    Raises:
        WrongUse: one of them cannot be meant.
    """
    Restriction.of(network, windows=windows, timezone=timezone)
    found = network_of(network)
    written = str(found.network_address if found.num_addresses == 1 else found)
    stated: dict[str, Any] = {
        "network": written,
        "fragile": fragile,
        "windows": list(windows) or None,
        "timezone": timezone if windows else None,
        "who": who,
        "notes": notes,
    }
    try:
        said = DeviceRestricted.model_validate(stated)
        (notes or "").encode()
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0])
        message = f"{wrong} is {stated[wrong]!r:.64}; it must be text of 1 to 1,024 characters"
        raise WrongUse(message) from None
    except UnicodeEncodeError:
        raise WrongUse("notes must be text in UTF-8") from None
    node.publish([Event("motif", f"device/{new_id()}", said, now_us())])
    return written


def restrictions(node: Asking) -> list[Restricted]:
    """All that holds now, what was stated before what was observed."""
    return node.ask(restricted)


def care_of(node: Asking) -> Care:
    """What a run has to heed."""
    found = restrictions(node)
    fragile = [(one.network, one.port) for one in found if one.port is not None]
    return Care(
        Restrictions(
            Restriction.of(
                one.network,
                fragile=one.fragile,
                windows=one.windows or (),
                timezone=one.timezone,
            )
            for one in found
            if one.origin == "stated"
        ),
        frozenset(device_at(*place) for place in fragile),
        frozenset(address for address, _ in fragile),
    )
