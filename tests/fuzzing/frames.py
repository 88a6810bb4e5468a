"""Replies and requests as devices send them, made from a seed, and damaged."""

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from connectors.devices import ethernetip, modbus
from tests.connectors.devices.test_bootp import request as address_request
from tests.connectors.devices.test_ethernetip import item, items
from tests.connectors.devices.test_modbus import identification

WHOLE: Final = 0.3
"""The share of frames that stay as they are."""

NOISE: Final = 0.05
"""The share of frames that are none."""

EDITS_MAX: Final = 3
OFTEN: Final = 0.1
"""The share of frames that say something twice."""

HEAD: Final = 12
"""Bytes at the beginning, where half of all edits are made."""


class Case(NamedTuple):
    """A frame, and the request that it answers where there was one."""

    frame: bytes
    request: bytes = b""


def identified(random: Random) -> Case:
    """Modbus 43/14."""
    ids = random.sample(range(256), random.randrange(6))
    objects = {one: random.randbytes(random.randrange(24)) for one in sorted(ids)}
    reply = identification(
        objects,
        more=random.choice((0, 0, 255)),
        following=random.randrange(256),
        conformity=random.choice((1, 2, 3, 0x81, 0x82, 0x83)),
    )
    if objects and random.random() < OFTEN:  # an object that comes twice
        reply = reply[:6] + bytes((reply[6] + 1,)) + reply[7:] + bytes((ids[0], 2)) + b"II"
    return Case(reply, modbus.read_identification(modbus.BASIC))


def server_id(random: Random) -> Case:
    """Modbus 17."""
    data = random.randbytes(random.randrange(40))
    return Case(bytes((17, len(data))) + data, modbus.report_server_id())


def values(random: Random) -> Case:
    """Modbus 1 to 4."""
    function = random.randint(1, 4)
    usual = (1, 2, 8, 9, 100, 101, 123, 124, 125)
    count = random.choice(usual if function in modbus.REGISTERS else (*usual, 801, 2000))
    size = -(-count // 8) if function in modbus.BITS else 2 * count
    reply = bytes((function, size)) + random.randbytes(size)
    return Case(reply, modbus.read(function, 0, count))


def refused(random: Random) -> Case:
    """A Modbus exception to any of the requests that are sent."""
    requests = (
        modbus.read_identification(modbus.BASIC),
        modbus.report_server_id(),
        *(modbus.read(function, 0, 1) for function in range(1, 5)),
    )
    request = random.choice(requests)
    return Case(bytes((request[0] | 0x80, random.randint(1, 11))), request)


def attributes(random: Random) -> bytes:
    """Attributes 1 to 7 of an Identity object."""
    numbers = b"".join(
        random.choice((1, 12, 14, 775, 60_000)).to_bytes(2, "little") for _ in range(3)
    )
    name = random.randbytes(random.randrange(33))
    return numbers + random.randbytes(8) + bytes((len(name),)) + name


def listed(random: Random) -> Case:
    """The packet that answers ListIdentity, sometimes with items of other kinds."""
    address = bytes.fromhex("0002af12") + random.randbytes(4) + bytes(8)
    state = random.randbytes(random.choice((0, 1, 1, 1)))
    made = [item(0x0C, b"\1\0" + address + attributes(random) + state)]
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        other = item(random.choice((0x86, 0x87, 0x88)), random.randbytes(random.randrange(20)))
        made.insert(random.randrange(len(made) + 1), other)
    data = items(*made)
    return Case(ethernetip.packet(ethernetip.LIST_IDENTITY, 0, random.randbytes(8), data))


def module(random: Random) -> Case:
    """What GetAttributesAll of an Identity object gives."""
    return Case(attributes(random) + random.randbytes(random.choice((0, 1))))


def sighting(random: Random) -> Case:
    """A request for an address, of BOOTP or DHCP."""
    options = b""
    for code in random.sample((12, 50, 52, 53, 55, 57, 60, 61, 82, 200), random.randrange(6)):
        size = {52: 1, 53: 1, 57: 2, 50: 4}.get(code, random.randint(1, 9))
        value = random.choice(b"\0\1\2\3").to_bytes() if code == 52 else random.randbytes(size)
        options += bytes((code, size)) + value
    if options and random.random() < OFTEN:  # an option in parts
        options += bytes((options[0], options[1])) + options[2 : 2 + options[1]]
    if options and random.random() < 0.8:
        options += b"\xff"
    held = bytes((60, 3)) + random.randbytes(3) + b"\xff"
    return Case(
        address_request(
            random.randbytes(6).hex(),
            options,
            relay=random.choice((bytes(4), random.randbytes(4))),
            file=random.choice((bytes(128), held.ljust(128, b"\0"))),
            server_name=random.choice((bytes(64), held.ljust(64, b"\0"))),
            length=random.choice((0, 300)),
        )
    )


KINDS: Final[dict[str, Callable[[Random], Case]]] = {
    "Modbus 43/14": identified,
    "Modbus 17": server_id,
    "Modbus 1 to 4": values,
    "Modbus exception": refused,
    "ListIdentity": listed,
    "Identity object": module,
    "BOOTP and DHCP": sighting,
}
"""Every kind of frame that is decoded, and what makes one."""


def case(kind: str, seed: int) -> Case:
    """One frame of a kind, the same for the same seed, damaged more often than not."""
    random = Random(f"{kind} {seed}")
    made = KINDS[kind](random)
    drawn = random.random()
    if drawn < WHOLE:
        return made
    noise = drawn > 1 - NOISE
    frame = random.randbytes(random.randrange(60)) if noise else damaged(random, made.frame)
    return made._replace(frame=frame)


def damaged(random: Random, frame: bytes) -> bytes:
    """A frame with some bytes changed, cut off, left out or put in."""
    made = bytearray(frame)
    for _ in range(random.randint(1, EDITS_MAX)):
        reach = random.choice((len(made), min(HEAD, len(made))))
        at = random.randrange(reach) if made else 0
        match random.randrange(6):
            case 0 | 1 if made:
                made[at] = random.choice(
                    (random.randrange(256), made[at] ^ 1 << random.randrange(8))
                )
            case 2 if made:
                made[at] = random.choice((0, 1, 2, 127, 128, 254, 255))
            case 3:
                del made[max(0, len(made) - random.randint(1, 6)) :]
            case 4 if made:
                del made[at]
            case _:
                made[at:at] = random.randbytes(random.randint(1, 4))
    if random.random() < 0.2:
        made += random.randbytes(random.randint(1, 4))
    return bytes(made)
