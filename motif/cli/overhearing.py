"""Devices that are overheard: in capture files, or on the link for a while; nothing is sent."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import WrongUse

if TYPE_CHECKING:
    from motif.node import Node
    from motif.overhearing import Overheard
    from schemas.devices import DeviceProbed

Opening = Callable[[], "AbstractContextManager[Node]"]
"""Opens the node that records what is found."""

SECONDS_MAX = 86_400


def span(text: str) -> float:
    """A time of a second to a day, in seconds."""
    from motif.values import seconds_of

    try:
        number = seconds_of(str(text))
    except ValueError:
        number = 0
    if not 1 <= number <= SECONDS_MAX:
        message = f"{text!r} must be a time such as 60s, 10m or 2h, at most a day"
        raise typer.BadParameter(message)
    return float(number)


Capture = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Read devices out of a pcap or pcapng file instead of asking any; may be repeated.",
        show_default=False,
    ),
]
Listen = Annotated[
    float | None,
    typer.Option(
        metavar="TIME",
        parser=span,
        help="With --protocol bootp: listen so long for devices that ask for an address.",
        show_default=False,
    ),
]
ListenPort = Annotated[int | None, typer.Option(hidden=True)]


def overhear(
    capture: Sequence[Path],
    listen: float | None,
    protocols: Sequence[str],
    at: "Opening",
    *,
    port: int | None,
    as_json: bool,
) -> None:
    """Record what devices are overheard to say.

    Raises:
        WrongUse: a file is no capture, or listening is for another protocol.
    """
    from motif.cli.output import print_json
    from motif.display.console import progress, say, stdout
    from motif.overhearing import KNOWN, from_captures, from_link

    for name in protocols:
        if name not in KNOWN:
            raise WrongUse(f"no protocol is called {name!r}; overheard are {', '.join(KNOWN)}")
    if listen is not None and list(protocols) != ["bootp"]:
        raise WrongUse("--listen is for --protocol bootp: other devices speak to who asks them")
    missing = [path for path in capture if not path.is_file()]
    if missing:
        raise WrongUse(f"there is no file {missing[0]}; name a pcap or pcapng file")
    with at() as node:
        if listen is None:
            found = from_captures(node.publish, capture, protocols)
        else:
            say(f"Listening for {listen:.0f} s; Ctrl-C ends it.")
            found = from_link(node.publish, listen, port=port, told=lambda one: say(_line(one)))
        with progress() as tell:
            node.settle(tell)
    if as_json:
        print_json([probe.model_dump(exclude_none=True) for probe in found.probes])
    else:
        stdout().print(_report(found))


def _report(found: "Overheard") -> str:
    from motif.display.words import plural

    lines = [_line(probe) for probe in sorted(found.probes, key=lambda one: one.address)]
    heard = plural(len(found.probes), "sighting")
    return "\n".join([*lines, f"{heard} in {plural(found.packets, 'packet')}; nothing was sent."])


def _line(probe: "DeviceProbed") -> str:
    from motif.display.devices import name
    from motif.display.words import safe

    said = (probe.vendor, probe.product or probe.product_code, probe.revision)
    known = " ".join(one for one in said if one) or (probe.objects or {}).get("kind", probe.outcome)
    return safe(f"overheard: {name(probe)} {known}")
