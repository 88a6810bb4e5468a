"""Asking devices what they are, and devices that are only simulated."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from threading import Event as Signal
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, Label, share, whole
from motif.cli.overhearing import Capture, Listen, ListenPort, overhear, span
from schemas.errors import WrongUse

if TYPE_CHECKING:
    from connectors.devices.discovery import Visited
    from motif.cli.overhearing import Opening
    from motif.discovering import Told, Wanted
    from motif.display.console import Progress


class Speed(StrEnum):
    """How long simulated devices take to answer."""

    FAST = "fast"
    PLC = "plc"
    DEFAULT = "default"
    SLOW = "slow"


OCTET_MAX, PORT_MAX, MILLISECONDS_MAX, SECONDS_MAX = 255, 65_000, 60_000, 86_400


Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET", help="HOST, HOST:PORT, NETWORK/BITS or [IPv6]:PORT."),
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--networks",
        metavar="NETWORK,...",
        help="The networks that may be probed; nothing outside of them is. "
        "Default: MOTIF_NETWORKS.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="NETWORK,...", help="Addresses and networks that may not be probed."),
]
Broadcast = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS,...",
        help="Ask everybody who hears the broadcast address of a network of --networks who is "
        "there, and then those who answer. They spread their answers over 2 s.",
    ),
]
Every = Annotated[
    float | None,
    typer.Option(
        metavar="TIME",
        parser=span,
        help="Ask again every so often, such as 15m or 6h, until Ctrl-C; a line a run.",
        show_default=False,
    ),
]
Protocols = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="modbus.tcp or ethernet_ip. Default: both, or the one whose port is named. With "
        "--listen it is bootp.",
    ),
]
Units = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        help="Ask this Modbus unit instead of 255, 0 and 1; may be repeated.",
        parser=whole(0, OCTET_MAX),
    ),
]
Slots = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        help="Ask this slot of a chassis instead of 0 to 7; may be repeated.",
        parser=whole(0, OCTET_MAX),
    ),
]
Large = Annotated[
    bool, typer.Option("--large", metavar=FLAG, help="Probe more than 1,024 addresses.")
]
Unthrottled = Annotated[
    bool,
    typer.Option(
        "--unthrottled",
        metavar=FLAG,
        help="Leave no gaps between requests; for simulated devices on loopback only.",
    ),
]
NoLearn = Annotated[
    bool,
    typer.Option(
        "--no-learn", metavar=FLAG, help="Record what is found, and learn nothing from it."
    ),
]
Continue = Annotated[
    bool,
    typer.Option(
        "--continue",
        metavar=FLAG,
        help="Leave out what the last run with the same targets had done when it was interrupted.",
    ),
]
MinConfidence = Annotated[
    float,
    typer.Option(
        metavar="0..1",
        parser=share,
        help="How sure a match must be so that what is known of a device is applied.",
    ),
]
Identities = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Devices as rows of JSON Lines. Default: a small plant of made-up devices.",
    ),
]
FirstPort = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="The first device's port; the others follow. 0 for free ones.",
        parser=whole(0, PORT_MAX),
    ),
]
Delay = Annotated[
    int,
    typer.Option(
        metavar="MS",
        help="Milliseconds until an answer.",
        parser=whole(0, MILLISECONDS_MAX),
    ),
]
ReplyTimes = Annotated[
    Speed | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Take as long as such devices do: fast, plc, default or slow.",
        show_default=False,
    ),
]
Seconds = Annotated[
    int | None,
    typer.Option(
        "--for",
        metavar="SECONDS",
        help="End after so many seconds.",
        parser=whole(1, SECONDS_MAX),
        show_default=False,
    ),
]


def discover(
    targets: Targets = None,
    networks: Networks = None,
    exclude: Exclude = None,
    broadcast: Broadcast = None,
    protocol: Protocols = None,
    unit: Units = None,
    slot: Slots = None,
    large: Large = False,
    unthrottled: Unthrottled = False,
    capture: Capture = None,
    listen: Listen = None,
    listen_port: ListenPort = None,
    no_learn: NoLearn = False,
    min_confidence: MinConfidence = 0.7,
    go_on: Continue = False,
    every: Every = None,
    label: Label = None,
    as_json: AsJson = False,
    data: Data = None,
    kafka: Kafka = None,
) -> None:
    """Ask devices what they are, by requests that only read, and record what they say.

    A device has one connection and one request at a time. Between its reply and the next request
    50 ms pass, and all devices together get 50 requests and 20 connections in a second. With
    --capture or --listen nothing is sent at all.

    A device of a sort that is known is asked what it is, and one thing more that verifies it.
    """
    at = _opening(label, data, kafka)
    if capture or listen is not None:
        overhear(capture or (), listen, protocol or (), at, port=listen_port, as_json=as_json)
        return
    from motif.discovering import Wanted, user

    wanted = Wanted(
        targets=targets or (),
        networks=_listed(networks) or _usual_networks(),
        exclude=_listed(exclude),
        broadcasts=_listed(broadcast),
        protocols=protocol or (),
        units=unit or (),
        slots=slot or (),
        large=large,
        unthrottled=unthrottled,
        who=user(),
        learn=not no_learn,
        least=min_confidence,
    )
    if every is not None and go_on:
        raise WrongUse("--continue is for one run; with --every each run asks all")
    if every is not None:
        _again_and_again(wanted, at, every, as_json=as_json)
    else:
        _once(wanted, at, go_on=go_on, as_json=as_json)


def _opening(label: str | None, data: Path | None, kafka: str | None) -> "Opening":
    """What opens the node later, when it is known that something may be done."""
    from motif.cli.opened import opened

    return partial(opened, data, kafka, make=True, label=label, settle=False)


def _usual_networks() -> Sequence[str]:
    from motif.settings import from_environment

    return from_environment().networks or ()


def _once(wanted: "Wanted", at: "Opening", *, go_on: bool, as_json: bool) -> None:
    """Carry out one run, and say of each device when it is done."""
    from motif.cli.output import print_json
    from motif.discovering import REQUESTS, known_to, planned, unfinished
    from motif.discovering import discover as run
    from motif.display.console import progress, say, stdout
    from motif.display.devices import report

    plan = planned(wanted)  # before anything is opened or made
    with at() as node, progress() as tell:
        if go_on:
            whole, plan = len(plan.visits), unfinished(node, plan)
            say(f"{whole - len(plan.visits):,} of {whole:,} were asked before.")
        found = run(node.publish, plan, _teller(tell), known_to(node))
        node.settle(tell)
    if as_json:
        print_json([probe.model_dump(exclude_none=True) for probe in found.probes])
    else:
        stdout().print(report(found, REQUESTS))


def _again_and_again(wanted: "Wanted", at: "Opening", every_s: float, *, as_json: bool) -> None:
    """Tell a line for every run; end quietly at Ctrl-C."""
    from motif.cli.output import print_json
    from motif.discovering import planned
    from motif.display.console import say, stdout, warn
    from motif.display.devices import round_line
    from motif.rediscovering import rounds
    from motif.watching import Trouble

    planned(wanted)  # before anything is opened or made
    with at() as node:
        say(f"Asking every {every_s:,.0f} s; Ctrl-C ends it.")
        try:
            for found in rounds(node, wanted, every_s, Signal()):
                if isinstance(found, Trouble):
                    warn(f"{found.sentence}. It is tried again.")
                elif as_json:
                    print_json([one.model_dump(exclude_none=True) for one in found.found.probes])
                else:
                    stdout().print(round_line(found.found, found.changes), soft_wrap=True)
                sys.stdout.flush()  # whoever reads it through a pipe wants to see it
        except KeyboardInterrupt:
            say("Ended.")


def _teller(tell: "Progress | None") -> "Told":
    from motif.display.console import say
    from motif.display.devices import line
    from schemas.devices import DeviceProbed

    def told(visited: "Visited", done: int, of: int) -> None:
        for event in visited.events:
            if isinstance(event.data, DeviceProbed):
                say(line(event.data))
        if tell is not None:
            tell("discovering", done, of)

    return told


def simulate_devices(
    identities: Identities = None,
    port: FirstPort = 0,
    delay: Delay = 0,
    profile: ReplyTimes = None,
    seconds: Seconds = None,
    as_json: AsJson = False,
) -> None:
    """Serve simulated devices on loopback until Ctrl-C, for trying discovery and for tests.

    A line for each device says where it is. Exit code 1 if anybody did more than read.
    """
    from connectors.plant.device import Manner
    from connectors.plant.profiles import PROFILES
    from motif.cli.output import print_json
    from motif.display.console import say, stdout
    from motif.plant import Place, devices_of, serve

    def told(places: list[Place]) -> None:
        if as_json:
            print_json([place._asdict() for place in places])
        else:
            stdout().print(
                "\n".join(f"{at.address}:{at.port} {at.protocol} {at.name}" for at in places)
            )
        sys.stdout.flush()  # whoever reads it through a pipe wants to begin
        say("Ctrl-C ends it.")

    manner = Manner(delay / 1000, None if profile is None else PROFILES[profile.value])
    devices = devices_of(identities, manner)
    requests = serve(devices, port, told, seconds)
    say(f"Answered {requests:,} requests.")


def _listed(texts: list[str] | None) -> list[str]:
    return [one.strip() for text in texts or [] for one in text.split(",") if one.strip()]
