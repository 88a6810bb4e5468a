"""Targets that are no devices: each is told in a sentence, within a time that is known before."""

import asyncio
import http.server
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from threading import Thread

import pytest

from connectors.plant.device import Device, Manner, Quirk
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.modbus_device import ModbusDevice, Unit
from connectors.plant.serving import serving
from motif.discovering import Discovered, Wanted, discovered, planned
from motif.display.devices import line
from schemas.clock import monotonic_s
from schemas.envelope import Event
from tests.connectors.devices.plants import ENBT, HASTY, meter
from tests.connectors.devices.plants import discovered as plant_discovered
from tests.motif.conftest import Run

Talks = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LONGEST_S = 10
"""Three silences of 0.3 s, and whatever else this machine is busy with."""


async def asked(target: str, protocol: str, network: str = "127.0.0.1") -> Discovered:
    """What a run with little patience makes of one target."""
    wanted = Wanted([target], [network], protocols=[protocol], unthrottled=True, large=True)
    stated: list[Event] = []
    began_s = monotonic_s()
    found = await discovered(stated.extend, replace(planned(wanted), limits=HASTY))
    assert monotonic_s() - began_s < LONGEST_S
    assert len(stated) == 1 + len(found.probes)
    return found


def told(target: str, protocol: str, network: str = "127.0.0.1") -> str:
    """The sentence about one target, without its address."""
    (probe,) = asyncio.run(asked(target, protocol, network)).probes
    said = line(probe)
    assert said.startswith(f"{target} ")
    return said.removeprefix(f"{target} ")


class Web(http.server.BaseHTTPRequestHandler):
    """A web server that keeps to itself what it was asked."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Write no log."""

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002  # it is called so there
        """Write no log."""


@pytest.fixture(scope="module")
def web_port() -> Iterator[int]:
    """A web server of the standard library."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("protocol", ["modbus.tcp", "ethernet_ip"])
def test_a_closed_port_is_told(protocol: str, closed_port: int) -> None:
    said = told(f"127.0.0.1:{closed_port}", protocol)

    assert said == "refuses connections: nobody listens there"


@pytest.mark.parametrize("protocol", ["modbus.tcp", "ethernet_ip"])
def test_a_web_server_that_waits_for_the_end_of_a_line_is_told(
    protocol: str, web_port: int
) -> None:
    said = told(f"127.0.0.1:{web_port}", protocol)

    assert said == f"takes the connection and answers nothing; it may not speak {protocol}"


def test_what_takes_connections_and_never_reads_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = told(f"127.0.0.1:{server.getsockname()[1]}", "ethernet_ip")

    assert said.startswith("takes the connection and answers nothing")


def test_what_takes_no_more_connections_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        place = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(place)
        try:
            wanted = Wanted([f"127.0.0.1:{place[1]}"], ["127.0.0.1"], protocols=["modbus.tcp"])
            limits = replace(HASTY, connect_timeout_s=0.3)
            run = discovered(list, replace(planned(wanted), limits=limits))
            (probe,) = asyncio.run(run).probes
        finally:
            for one in waiting:
                one.close()

    assert line(probe).endswith("does not answer: nobody took the connection")


@asynccontextmanager
async def listening(talks: Talks) -> AsyncIterator[int]:
    """The port of a server that talks so."""
    server = await asyncio.start_server(talks, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def said_by(talks: Talks, protocol: str) -> str:
    """The sentence about a server that talks so."""

    async def attempt() -> str:
        async with listening(talks) as port:
            (probe,) = (await asked(f"127.0.0.1:{port}", protocol)).probes
            return line(probe).partition(" ")[2]

    return asyncio.run(attempt())


@pytest.mark.parametrize("protocol", ["modbus.tcp", "ethernet_ip"])
def test_a_server_that_speaks_tls_and_ends_what_is_none_is_told(protocol: str) -> None:
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came, sends = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured = context.wrap_bio(came, sends, server_side=True)
        came.write(await reader.read(100))
        with pytest.raises(ssl.SSLError):
            secured.do_handshake()
        writer.write(sends.read())
        writer.close()

    said = said_by(talks, protocol)

    # Some versions of OpenSSL send an alert before they close, others none.
    assert said == f"speaks TLS; {protocol} is asked without it only" or (
        said.startswith("ends the connection instead of answering; it may not speak ")
        and "TLS only" in said
    )


@pytest.mark.parametrize("protocol", ["modbus.tcp", "ethernet_ip"])
@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (bytes.fromhex("15030100020246"), "speaks TLS; {} is asked without it only"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answers as a web server, not by {}"),
        (
            b"SSH-2.0-OpenSSH_9.6\r\n",
            "answers with something else than {}; its bytes are recorded",
        ),
    ],
)
def test_who_answers_with_something_else_is_told(protocol: str, reply: bytes, says: str) -> None:
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(reply)
        writer.close()

    assert said_by(talks, protocol) == says.format(protocol)


SPOILT: list[tuple[Quirk, str]] = [
    ("silent", "takes the connection and answers nothing"),
    ("closes", "ends the connection instead of answering"),
    ("resets", "ends the connection instead of answering"),
    ("garbage", "answers as a web server"),
    ("lies", "answers with something else"),
    ("truncates", "answers with something else"),
]


@pytest.mark.parametrize(("quirk", "says"), SPOILT)
def test_a_device_that_misbehaves_is_told(quirk: Quirk, says: str) -> None:
    manner = Manner(quirk=quirk)
    devices: dict[str, Device] = {
        "meter": meter(manner=manner),
        "plc": EthernetIpDevice(ENBT, manner=manner),
    }

    found = plant_discovered(devices, limits=HASTY)

    assert all(f" {says}" in line(found.one(name)) for name in devices)


def test_a_device_that_answers_and_has_no_identity_is_told() -> None:
    found = plant_discovered({"nameless": ModbusDevice({1: Unit()})})

    said = line(found.one("nameless"))
    told = "read device identification: illegal function"
    assert said.endswith(f"unit 255 answers by modbus.tcp and does not say what it is ({told})")


def test_an_address_that_no_way_leads_to_is_told() -> None:
    probe = plant_discovered({"meter": meter()}).one("meter")
    unreachable = probe.model_copy(update={"outcome": "unreachable", "exchanges": []})

    assert line(unreachable).endswith("cannot be reached: there is no way to it from here")


def test_an_address_of_ipv6_is_asked_like_any_other() -> None:
    async def attempt() -> str:
        async with serving({"meter": meter()}, "::1") as plant:
            port = plant.devices["meter"].port
            return line((await asked(f"[::1]:{port}", "modbus.tcp", "::1")).probes[0])

    assert asyncio.run(attempt()).endswith("unit 255 Acme Acme meter V2.10")


def test_thousands_of_addresses_where_nobody_is_cost_a_connection_each_and_no_record(
    closed_port: int,
) -> None:
    run = asked(f"127.0.0.0/20:{closed_port}", "modbus.tcp", "127.0.0.0/20")

    found = asyncio.run(run)

    assert (found.visited, found.connections, found.requests) == (4094, 4094, 0)
    assert found.probes == []


def test_the_sentence_stands_on_stderr_while_a_run_goes_on(run: Run, closed_port: int) -> None:
    place = f"127.0.0.1:{closed_port}"

    ran = run(
        *("discover", place, "--protocol", "modbus.tcp"),
        *("--networks", "127.0.0.1", "--unthrottled"),
    )

    assert ran.code == 0
    assert f"{place} refuses connections: nobody listens there" in ran.err


PORT_67 = """
import os
from connectors.devices.listening import heard_for
if not os.geteuid():
    os.setgroups([])
    os.setuid(65534)
list(heard_for(0.01))
"""


def test_who_may_not_listen_on_the_port_of_bootp_is_told_what_to_do() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PORT_67], capture_output=True, text=True, check=False, timeout=30
    )
    if not ran.returncode:
        pytest.skip("everybody may use port 67 here")

    assert "listening on port 67 needs a right that this user has not" in ran.stderr
    assert "CAP_NET_BIND_SERVICE" in ran.stderr
