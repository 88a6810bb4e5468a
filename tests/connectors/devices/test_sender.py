"""The sender: the only way out, and nothing forbidden goes through it."""

import ast
import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.devices import cip, ethernetip, modbus
from connectors.devices.allowed import Forbidden
from connectors.devices.discovery import Discovery, visits_to
from connectors.devices.pace import Pace
from connectors.devices.sender import Line, NoConnection, Sender, resolve
from connectors.devices.targets import Target, policy_of
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import Abused, serving
from schemas.devices import DeviceProbed
from tests.connectors.devices.plants import ENBT, QUICK, meter

ROOT = Path(__file__).resolve().parents[3]
CONTEXT = bytes(8)

WAYS_OUT = {
    *("socket", "create_connection", "open_connection", "create_datagram_endpoint"),
    *("open_unix_connection", "sock_connect", "sock_sendall", "sock_sendto", "connect"),
    *("sendto", "sendall", "send", "write", "writelines", "urlopen", "http", "urllib", "httpx"),
    *("AsyncModbusTcpClient", "ModbusTcpClient", "CIPDriver", "LogixDriver", "SLCDriver"),
}
"""Names by which bytes could leave a process."""


def names_in(path: Path) -> set[str]:
    """Every name that a module imports, calls or looks up."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found


def test_no_other_module_can_send() -> None:
    modules = sorted((ROOT / "connectors" / "devices").glob("**/*.py"))
    assert len(modules) > 12

    ways = {path.name: names_in(path) & WAYS_OUT for path in modules}
    # `ethernetip.send` builds a packet; it is the name of a function of ours and sends nothing.
    ways["ethernetip.py"] -= {"send"}
    ways["ethernetip_interview.py"] -= {"send"}
    # It has a socket to hear with, and nothing else of what this looks for.
    ways["listening.py"] -= {"socket"}

    assert [name for name, found in ways.items() if found] == ["sender.py"]


def test_in_the_sender_bytes_leave_behind_the_check_only() -> None:
    """Two places write: each in a function that has awaited the check on the line before."""
    tree = ast.parse((ROOT / "connectors/devices/sender.py").read_text("utf-8"))
    writing = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        calls = [
            node.func.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ]
        if {"write", "sendto"} & set(calls):
            first = min(calls.index(name) for name in ("write", "sendto") if name in calls)
            writing.append((function.name, "admitted" in calls[:first]))

    assert writing == [("datagram", True), ("_send", True)]


class Watched:
    """A writer that nothing may reach."""

    def __init__(self) -> None:
        """Take no transport: there is none."""
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember what would have left."""
        self.written.append(bytes(data))


def sent(protocol: str, frame: bytes) -> list[bytes]:
    """What leaves when a line is asked to send a frame."""
    from connectors.devices.sender import WIRES

    async def run() -> list[bytes]:
        sender = Sender(policy_of(["10.0.0.0/8"]), Pace(QUICK))
        writer = Watched()
        line = Line(
            sender,
            WIRES[protocol],
            "10.0.0.1",
            asyncio.StreamReader(),
            cast("asyncio.StreamWriter", writer),
        )
        with pytest.raises(Forbidden):
            await line.ask(frame)
        with pytest.raises(Forbidden):
            await line.tell(frame)
        with pytest.raises(Forbidden):
            await sender.datagram(protocol, "10.0.0.1", 1, frame)
        assert sender.requests == 0
        return writer.written

    return asyncio.run(run())


others = st.integers(0, 255).filter(lambda one: one not in {1, 2, 3, 4, 17, 43})


@settings(max_examples=60)
@given(others, st.integers(0, 255), st.binary(max_size=250))
def test_no_function_that_writes_leaves(function: int, unit: int, rest: bytes) -> None:
    assert sent(modbus.PROTOCOL, modbus.frame(1, unit, bytes([function]) + rest)) == []


services = st.integers(0, 255).filter(lambda one: one not in {1, 14})


@settings(max_examples=60)
@given(services, st.sampled_from([1, 2, 6, 0x6B, 0xF5]), st.integers(0, 255), st.booleans())
def test_no_service_that_writes_leaves(
    service: int, class_id: int, slot: int, enveloped: bool
) -> None:
    message = bytes([service]) + cip.get_all(class_id)[1:]
    message = cip.to_slot(message, slot) if enveloped else message

    assert sent(ethernetip.PROTOCOL, ethernetip.send(1, CONTEXT, message)) == []


def run(what: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine."""
    return asyncio.run(what)


def test_an_address_that_is_not_on_the_list_is_not_connected_to() -> None:
    async def attempt() -> None:
        sender = Sender(policy_of(["127.0.0.1"], ["127.0.0.1"]), Pace(QUICK))
        async with serving({"meter": meter()}) as plant:
            port = plant.devices["meter"].port
            with pytest.raises(Forbidden, match="not on the list"):
                async with sender.line(modbus.PROTOCOL, "127.0.0.1", port):
                    pytest.fail("it was let through")
            with pytest.raises(Forbidden):
                async with sender.device("127.0.0.1", port):
                    pytest.fail("it was let through")
            frame = ethernetip.packet(ethernetip.LIST_IDENTITY, 0, CONTEXT)
            with pytest.raises(Forbidden):
                await sender.datagram(ethernetip.PROTOCOL, "127.0.0.1", port, frame)
            assert plant.devices["meter"].counts.connections == 0

    run(attempt())


def test_a_port_where_nobody_listens_is_said_to_refuse() -> None:
    async def attempt() -> str:
        async with serving({"meter": meter()}) as plant:
            port = plant.devices["meter"].port
        sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
        with pytest.raises(NoConnection) as refused:
            async with sender.line(modbus.PROTOCOL, "127.0.0.1", port):
                pytest.fail("nobody is there")
        return str(refused.value)

    assert run(attempt()) == "refused"


def visited(address: str, port: int, *, named: bool) -> list[DeviceProbed]:
    """What is stated about an address under EtherNet/IP."""

    async def attempt() -> list[DeviceProbed]:
        sender = Sender(policy_of([address]), Pace(QUICK))
        visits = visits_to([Target(address, port, named)], ["ethernet_ip"])
        found: list[DeviceProbed] = []
        async for one in Discovery(sender).run(visits):
            found += [event.data for event in one.events if isinstance(event.data, DeviceProbed)]
        return found

    found: list[DeviceProbed] = run(attempt())
    return found


def test_of_a_named_address_it_is_said_that_nobody_answered_and_of_one_in_a_range_it_is_not() -> (
    None
):
    (probe,) = visited("127.0.0.1", 1, named=True)

    assert (probe.outcome, probe.exchanges, probe.evidence) == ("refused", [], None)
    assert visited("127.0.0.1", 1, named=False) == []


def test_a_device_that_takes_no_connection_is_asked_by_a_datagram() -> None:
    device = EthernetIpDevice(ENBT)

    async def attempt() -> DeviceProbed:
        loop = asyncio.get_running_loop()

        class Answering(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                answering = cast("asyncio.DatagramTransport", self.transport)
                answering.sendto(device.answer(data) or b"", addr)

        transport, _ = await loop.create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
        visits = visits_to([Target("127.0.0.1", port, named=True)], ["ethernet_ip"])
        try:
            async for one in Discovery(sender).run(visits):
                (event,) = one.events
        finally:
            transport.close()
        assert isinstance(event.data, DeviceProbed)
        return event.data

    probe = run(attempt())

    assert (probe.transport, probe.outcome, probe.product) == ("udp", "identified", "1756-ENBT/A")


def test_what_a_stranger_sends_to_the_port_we_ask_from_is_not_heard() -> None:
    async def attempt() -> str:
        loop = asyncio.get_running_loop()
        stranger, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )

        class Passing(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                stranger.sendto(EthernetIpDevice(ENBT).answer(data) or b"", addr)

        asked, _ = await loop.create_datagram_endpoint(Passing, local_addr=("127.0.0.1", 0))
        port = asked.get_extra_info("sockname")[1]
        sender = Sender(policy_of(["127.0.0.1"]), Pace(QUICK))
        frame = ethernetip.packet(ethernetip.LIST_IDENTITY, 0, CONTEXT)
        heard = await sender.datagram(ethernetip.PROTOCOL, "127.0.0.1", port, frame)
        stranger.close()
        asked.close()
        return heard.how

    assert run(attempt()) == "timeout"


def test_the_simulated_plant_fails_whoever_writes() -> None:
    async def attempt(frame: bytes, device: Any) -> None:
        async with serving({"device": device}) as plant:
            served = plant.devices["device"]
            reader, writer = await asyncio.open_connection(served.address, served.port)
            writer.write(frame)
            await reader.read(9)
            writer.close()

    write_register = modbus.frame(1, 1, bytes([6, 0, 1, 0, 1]))
    with pytest.raises(Abused, match="060001"):
        run(attempt(write_register, meter()))
    with pytest.raises(Abused):
        run(attempt(ethernetip.packet(0x70, 0, CONTEXT), EthernetIpDevice(ENBT)))


def test_a_name_stands_for_its_addresses_and_a_wrong_one_for_none() -> None:
    assert "127.0.0.1" in resolve("localhost")
    assert resolve("no such name.invalid") == []
    assert resolve("x" * 300) == []
