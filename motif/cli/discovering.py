"""Asking devices what they are, and devices that are only simulated."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from motif.cli.options import FLAG, AsJson, Data, Kafka, Label, share, whole
from motif.cli.overhearing import Capture, Listen, ListenPort, overhear

if TYPE_CHECKING:
    from connectors.devices.discovery import Visited
    from motif.discovering import Discovered, Plan


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
    if capture or listen is not None:
        overhear(
            capture or (),
            listen,
            protocol or (),
            port=listen_port,
            label=label,
            data=data,
            kafka=kafka,
            as_json=as_json,
        )
        return
    from motif.discovering import Wanted, planned, user
    from motif.settings import from_environment

    wanted = Wanted(
        targets=targets or (),
        networks=_listed(networks) or from_environment().networks or (),
        exclude=_listed(exclude),
        protocols=protocol or (),
        units=unit or (),
        slots=slot or (),
        large=large,
        unthrottled=unthrottled,
        who=user(),
        learn=not no_learn,
        least=min_confidence,
    )
    plan = planned(wanted)  # before anything is opened or made
    _report(_discovered(plan, go_on=go_on, label=label, data=data, kafka=kafka), as_json=as_json)


def _discovered(
    plan: "Plan", *, go_on: bool, label: str | None, data: Path | None, kafka: str | None
) -> "Discovered":
    """Carry out a plan, and say of each device when it is done."""
    from motif.cli.opened import opened
    from motif.discovering import discover as run
    from motif.discovering import known_to, unfinished
    from motif.display.console import progress, say
    from motif.display.devices import line
    from schemas.devices import DeviceProbed

    with opened(data, kafka, make=True, label=label, settle=False) as node, progress() as tell:

        def told(visited: "Visited", done: int, of: int) -> None:
            for event in visited.events:
                if isinstance(event.data, DeviceProbed):
                    say(line(event.data))
            if tell is not None:
                tell("discovering", done, of)

        if go_on:
            planned, plan = len(plan.visits), unfinished(node, plan)
            say(f"{planned - len(plan.visits):,} of {planned:,} were asked before.")
        found = run(node.publish, plan, told, known_to(node))
        node.settle(tell)
    return found


def _report(found: "Discovered", *, as_json: bool) -> None:
    from motif.cli.output import print_json
    from motif.discovering import REQUESTS
    from motif.display.console import stdout
    from motif.display.devices import report

    if as_json:
        print_json([probe.model_dump(exclude_none=True) for probe in found.probes])
    else:
        stdout().print(report(found, REQUESTS))


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
