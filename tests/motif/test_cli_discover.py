"""`motif discover` and `motif simulate-devices`, against each other over real sockets."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import motif
from connectors.devices import modbus
from connectors.devices.recording import decoded_again
from motif.discovering import Wanted, discover, planned
from schemas.devices import DeviceProbed
from schemas.envelope import decode
from schemas.topics import DEVICE_PROBES
from tests.motif.conftest import Run

LOOPBACK = ("--networks", "127.0.0.0/8", "--unthrottled")


@contextmanager
def simulated(*options: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """A running plant: where each device is, by its name, and the process."""
    command = [sys.executable, "-c", "from motif.cli import main; main()"]
    command += ["simulate-devices", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        places = {}
        for line in iter(process.stdout.readline, ""):
            place, _, name = line.split()
            places[name] = place
            if name in {"drive", "rows-2"}:
                break
        try:
            yield places, process
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def plant() -> Iterator[dict[str, str]]:
    """Where the devices of the small plant are."""
    with simulated() as (places, _):
        yield places


def test_devices_are_asked_recorded_and_shown(
    run: Run, tmp_path: Path, plant: dict[str, str]
) -> None:
    modbus_devices = [plant[name] for name in ("meter", "gateway", "counter")]
    data = ("--data", tmp_path / "data")

    ran = run("discover", *modbus_devices, "--protocol", "modbus.tcp", *LOOPBACK, *data)
    others = run(
        *("discover", plant["chassis"], plant["drive"], "--protocol", "ethernet_ip"),
        *(*LOOPBACK, "--json", *data),
    )
    rows = json.loads(
        run("sql", "SELECT vendor, product, slot FROM device_inventory", "--json", *data).out
    )

    assert (ran.code, others.code) == (0, 0), ran.err + others.err
    assert f"{plant['meter']} unit 255" in ran.out
    assert re.search(r"Acme Metering +Power meter +PM-200 +V2\.10 +identity +21", ran.out)
    assert "Asked 3 targets, 3 of which answered" in ran.out
    assert "21 for modbus.tcp, 30 for ethernet_ip" in ran.out
    assert f"slow path: {plant['meter']} unit 255 Acme Metering" in ran.err
    found = json.loads(others.out)
    assert {one["product"] for one in found} == {
        *("Bridge B-12", "Controller C-77", "Outputs O-31", "Drive D-140"),
    }
    assert all(one["run_id"] == found[0]["run_id"] for one in found)
    assert {row["product"] for row in rows} >= {"Old Counter 7", "Drive D-140", "Power meter"}
    assert {row["slot"] for row in rows} == {None, 0, 2}


def test_probing_again_adds_probes_and_no_devices(
    run: Run, tmp_path: Path, plant: dict[str, str]
) -> None:
    command = ("discover", plant["meter"], "--protocol", "modbus.tcp", *LOOPBACK)
    for _ in range(3):
        assert run(*command, "--data", tmp_path).code == 0

    with motif.open(tmp_path) as node:
        (row,) = node.sql("SELECT probes, last_outcome FROM device_inventory").to_pylist()
        exchanges = node.sql("SELECT DISTINCT outcome FROM device_probes").to_pylist()
        runs = node.sql("SELECT * FROM discovery_runs").to_pylist()
        assert node.verify() == []

    assert len({one["run_id"] for one in runs}) == 3
    for one in runs:
        assert (one["targets"], one["networks"]) == ([plant["meter"]], ["127.0.0.0/8"])
        assert (one["addresses"], one["probes"], one["identified"]) == (1, 1, 1)
        assert (one["gap_us"], one["requests_per_s"], one["at_once"]) == (0, None, 32)
        assert one["who"]
    assert (row["probes"], row["last_outcome"]) == (3, "identified")
    assert {one["outcome"] for one in exchanges} == {"ok", "exception"}


def test_what_was_learned_of_two_interviews_saves_the_third(
    run: Run, tmp_path: Path, plant: dict[str, str]
) -> None:
    command = ("discover", plant["meter"], "--protocol", "modbus.tcp", *LOOPBACK)
    first, second, third = (run(*command, "--data", tmp_path) for _ in range(3))
    unsure = run(*command, "--min-confidence", "0.95", "--data", tmp_path)

    for slow in (first, second, unsure):
        assert "All by the slow path." in slow.out
    assert f"fast path: {plant['meter']} unit 255 Acme Metering" in third.err
    assert "1 device by the fast path, 19 requests saved." in third.out
    assert "2 requests over 1 connection" in third.out
    with motif.open(tmp_path) as node:
        (sort,) = node.patterns(kind="device")
        assert node.verify() == []
    # The second agreed with the first, the third was verified, the fourth agreed again.
    assert (sort.occurrences, sort.successes, sort.failures) == (4, 3, 0)
    assert sort.confidence == pytest.approx((3 + 1) / (3 + 2))
    assert sort.success_low is not None
    assert (sort.counters["matched"], sort.counters["applied"]) == (3, 1)


def test_what_is_not_to_be_learned_is_recorded_only(
    run: Run, tmp_path: Path, plant: dict[str, str]
) -> None:
    command = ("discover", plant["meter"], "--protocol", "modbus.tcp", *LOOPBACK)
    for _ in range(3):
        assert "All by the slow path." in run(*command, "--no-learn", "--data", tmp_path).out

    with motif.open(tmp_path) as node:
        assert node.patterns(kind="device") == []
        (row,) = node.sql("SELECT probes FROM device_inventory").to_pylist()
    assert row == {"probes": 3}


def test_what_stands_in_the_log_is_decoded_again_as_it_was(
    tmp_path: Path, plant: dict[str, str]
) -> None:
    wanted = Wanted([plant["chassis"]], ["127.0.0.1"], protocols=["ethernet_ip"], unthrottled=True)
    with motif.open(tmp_path) as node:
        discover(node.publish, planned(wanted))
        records = [
            record
            for partition in range(node.log.partitions)
            for record in node.log.read(DEVICE_PROBES.name, partition, 0, 100)
        ]
        stated = [decode(record).data for record in records]

    probed = [data for data in stated if isinstance(data, DeviceProbed)]
    assert (len(stated), len(probed)) == (4, 3)
    for data in probed:
        assert decoded_again(data) == data


REFUSED: list[tuple[Sequence[str], str]] = [
    (["10.0.0.1"], "no network may be probed"),
    (["10.0.0.1", "--networks", "192.168.0.0/16"], "in none of the networks 192.168.0.0/16"),
    (["10.0.0.1", "--networks", "10.0.0.0/8", "--exclude", "10.0.0.0/24"], "is excluded"),
    (["10.0.0.0/21", "--networks", "10.0.0.0/8"], "--large says you mean it"),
    (["2001:db8::/64", "--networks", "2001:db8::/32"], "range of IPv6"),
    (["10.0.0.1:5020", "--networks", "10.0.0.0/8"], "usual port of no protocol"),
    (["10.0.0.1", "--networks", "10.0.0.0/8", "--protocol", "snmp"], "no protocol is called"),
    (["10.0.0.1", "--networks", "10.0.0.0/8", "--unthrottled"], "simulated devices on loopback"),
    (["10.0.0.1", "--networks", "0.0.0.0/0"], "holds too much"),
    (["10.0.0.1", "--networks", "10.0.0.0/8", "--unit", "256"], "from 0 to 255"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED)
def test_what_may_not_be_probed_is_refused_before_anything_is_made(
    run: Run, tmp_path: Path, words: Sequence[str], says: str
) -> None:
    ran = run("discover", *words, "--data", tmp_path / "data")

    assert ran.code == 2
    assert says in ran.sentence
    assert not (tmp_path / "data").exists()


def test_a_name_that_stands_for_nothing_is_said(run: Run, tmp_path: Path) -> None:
    ran = run("discover", "nobody.invalid", "--networks", "10.0.0.0/8", "--data", tmp_path)

    assert ran.code == 1
    assert "stands for no address" in ran.sentence


def test_the_list_may_stand_in_the_environment(
    run: Run, tmp_path: Path, plant: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_NETWORKS", "10.0.0.0/8, 127.0.0.1")
    asked = ("--protocol", "modbus.tcp", "--unthrottled", "--data", tmp_path)

    assert run("discover", plant["meter"], *asked).code == 0
    assert run("discover", plant["meter"], *asked, "--networks", "10.0.0.0/8").code == 2
    monkeypatch.setenv("MOTIF_NETWORKS", "everything")
    assert "must be networks separated by commas" in run("discover", "a", *asked).sentence


def test_a_server_of_something_else_and_nobody_at_all_are_told_apart(
    run: Run, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    place = f"127.0.0.1:{port}"

    ran = run("discover", place, "--protocol", "modbus.tcp", *LOOPBACK, "--data", tmp_path)

    assert ran.code == 0
    assert "refused" in ran.out
    assert "Asked 1 target, 0 of which answered" in ran.out


def test_a_run_that_is_interrupted_ends_at_once_and_keeps_what_it_found(
    tmp_path: Path, plant: dict[str, str]
) -> None:
    with simulated("--delay", "60000") as (slow, _):
        command = [sys.executable, "-c", "from motif.cli import main; main()", "discover"]
        command += [plant["meter"], slow["meter"], "--protocol", "modbus.tcp", *LOOPBACK]
        with subprocess.Popen(
            [*command, "--data", str(tmp_path)], stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stderr is not None
            assert plant["meter"] in running.stderr.readline()
            running.send_signal(signal.SIGINT)
            code = running.wait(20)

    with motif.open(tmp_path) as node:
        (row,) = node.sql("SELECT product FROM device_inventory").to_pylist()
        (started,) = node.sql("SELECT addresses, probes FROM discovery_runs").to_pylist()

    assert code == 130
    assert row["product"] == "Power meter"
    assert started == {"addresses": 1, "probes": 1}


def test_a_plant_that_somebody_writes_to_says_so_and_fails() -> None:
    with simulated() as (places, process):
        host, _, port = places["meter"].partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(modbus.frame(1, 1, bytes([6, 0, 1, 0, 1])))
            connection.recv(16)
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        assert process.stderr is not None
        told = process.stderr.read()

    assert code == 1
    assert "meter was sent what is not allowed: " in told


def test_a_plant_is_made_of_rows(tmp_path: Path, run: Run) -> None:
    rows = [
        {"protocol": "modbus-tcp", "vendor": "Acme", "product_code": "A", "revision": "1"},
        {"protocol": "ethernet-ip", "vendor_id": 9, "device_type": 12, "product_code": 3}
        | {"revision": "1.2", "product_name": "Nine"},
        {"protocol": "ethernet-ip", "vendor_id": 9},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    with simulated("--identities", str(path)) as (places, _):
        asked = (places["rows-2"], "--protocol", "ethernet_ip", *LOOPBACK)
        ran = run("discover", *asked, "--json", "--data", tmp_path / "data")

    assert list(places) == ["rows-1", "rows-2"]
    assert json.loads(ran.out)[0]["product"] == "Nine"


def test_a_file_that_describes_no_device_is_said(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "rows.jsonl"
    for text, says in (("{}\n", "line 1"), ("", "no device that can be served"), ("x", "line 1")):
        path.write_text(text, "utf-8")
        ran = run("simulate-devices", "--identities", path)
        assert (ran.code, says in ran.sentence) == (1, True)


def test_a_run_that_was_killed_goes_on_where_it_was(run: Run, tmp_path: Path) -> None:
    with simulated("--delay", "100") as (places, _):
        meters = [places[name] for name in ("meter", "gateway", "counter")]
        asked = ("discover", *meters, "--protocol", "modbus.tcp", "--networks", "127.0.0.0/8")
        command = [sys.executable, "-c", "from motif.cli import main; main()", *asked]
        with subprocess.Popen(
            [*command, "--data", str(tmp_path)], stderr=subprocess.PIPE, text=True
        ) as killed:
            assert killed.stderr is not None
            next(line for line in iter(killed.stderr.readline, "") if "slow path" in line)
            killed.kill()
        with motif.open(tmp_path) as node:
            before = node.sql("SELECT DISTINCT port FROM device_probes").to_pylist()

        again = run(*asked, "--continue", "--data", tmp_path)
        over = run(*asked, "--continue", "--data", tmp_path)

    assert 0 < len(before) < len(meters)
    assert f"{len(before)} of 3 were asked before." in again.err
    assert f"Asked {len(meters) - len(before)} target" in again.out
    assert "3 of 3 were asked before." in over.err
    with motif.open(tmp_path) as node:
        runs = node.sql("SELECT run_id, continues FROM discovery_runs ORDER BY happened_at")
        probes = node.sql("SELECT port, count(*) AS n FROM device_probed GROUP BY port").to_pylist()
        assert node.verify() == []
    first, second, third = runs.to_pylist()
    assert first["continues"] is None
    assert (second["continues"], third["continues"]) == (first["run_id"], second["run_id"])
    assert [row["n"] for row in probes] == [1, 1, 1]


def test_going_on_where_nothing_began_is_beginning(
    run: Run, tmp_path: Path, plant: dict[str, str]
) -> None:
    command = ("discover", plant["meter"], "--protocol", "modbus.tcp", *LOOPBACK)

    ran = run(*command, "--continue", "--data", tmp_path)

    assert "0 of 1 were asked before." in ran.err
    assert "Asked 1 target, 1 of which answered" in ran.out
