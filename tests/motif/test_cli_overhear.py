"""`motif discover --capture` and `--listen`: devices are recorded, and nothing is sent."""

import json
import socket
from pathlib import Path
from threading import Event as Signal
from threading import Thread

import pytest

from connectors.devices import modbus
from connectors.devices.bootp import decode
from motif.overhearing import from_link
from schemas.devices import DeviceProbed
from tests.connectors.devices.recorded import conversation, pcap, udp
from tests.connectors.devices.test_bootp import request as bootp_request
from tests.motif.conftest import Run

NOBODY = "0.0.0.0"  # noqa: S104  # whom a device that has no address speaks as
IDENTITY = bytes.fromhex("2b0e0183000003000441636d6501034d2d31020556322e3130")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A meter that somebody asks what it is, and a device that asks for an address."""
    asked = modbus.frame(1, 255, modbus.read_identification(1))
    said = conversation([(10, asked, modbus.frame(1, 255, IDENTITY))], modbus.PORT)
    wanting = udp(500, (NOBODY, 68), ("255.255.255.255", 67), bootp_request())
    path = tmp_path / "plant.pcap"
    path.write_bytes(pcap([*said, wanting]))
    return path


def test_what_a_capture_tells_is_in_the_inventory_once(
    run: Run, capture: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    first = run("discover", "--capture", capture, "--data", folder)
    again = run("discover", "--capture", capture, "--capture", capture, "--data", folder)
    query = "SELECT address, protocol, evidence, product_code, probes FROM device_inventory"
    rows = run("sql", f"{query} ORDER BY address", "--json", "--data", folder)
    runs = run("sql", "SELECT count(*) AS n FROM discovery_runs", "--json", "--data", folder)

    assert first.code == again.code == 0, first.err
    assert "overheard: 10.0.0.7:502 unit 255 Acme M-1 V2.10" in first.out
    assert "overheard: 00:00:bc:12:34:56 bootp" in first.out
    assert "2 sightings in 5 packets; nothing was sent." in first.out
    assert json.loads(rows.out) == [
        {
            "address": "00:00:bc:12:34:56",
            "protocol": "bootp",
            "evidence": "request",
            "product_code": None,
            "probes": 1,
        },
        {
            "address": "10.0.0.7",
            "protocol": "modbus.tcp",
            "evidence": "identity",
            "product_code": "M-1",
            "probes": 1,
        },
    ]
    assert json.loads(runs.out) == [{"n": 0}], "nobody was asked anything"


def test_only_the_protocols_that_are_named_are_heard(
    run: Run, capture: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    ran = run("discover", "--capture", capture, "--protocol", "bootp", "--json", "--data", folder)

    assert [probe["protocol"] for probe in json.loads(ran.out)] == ["bootp"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name what to ask, or what to read by --capture"),
        (["--capture", "nowhere.pcap"], "there is no file nowhere.pcap"),
        (["--capture", __file__], "is no capture; it must be a pcap or pcapng file"),
        (["--capture", __file__, "--protocol", "profinet"], "no protocol is called 'profinet'"),
        (["--listen", "60s"], "--listen is for --protocol bootp"),
        (["--listen", "soon", "--protocol", "bootp"], "'soon' must be a time such as 60s"),
    ],
)
def test_wrong_use(run: Run, tmp_path: Path, words: list[str], sentence: str) -> None:
    ran = run("discover", *words, "--data", tmp_path / "node")

    assert ran.code == 2
    assert sentence in ran.sentence


def test_a_device_that_asks_meanwhile_is_heard_at_once() -> None:
    """A real socket on loopback, into which a device calls until it was heard."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    heard: list[DeviceProbed] = []
    enough = Signal()

    def told(probe: DeviceProbed) -> None:
        heard.append(probe)
        enough.set()

    published: list[object] = []
    listener = Thread(
        target=lambda: from_link(published.extend, 3.0, port=port, told=told), daemon=True
    )
    listener.start()
    payload = bootp_request("00e062001122")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        while not enough.wait(0.05) and listener.is_alive():
            device.sendto(payload, ("127.0.0.1", port))
    listener.join(10)

    assert not listener.is_alive()
    assert heard[0].mac == "00:e0:62:00:11:22"
    assert heard[0].exchanges[0]["request"] == payload.hex()
    assert decode(payload).length == int((heard[0].objects or {})["length"])
    assert len(published) == len(heard)
