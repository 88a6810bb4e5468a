"""Asking devices with care: at certain times, slowly where they are fragile, again and again."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from threading import Thread

import pytest

import motif
from connectors.plant.device import Device, Manner
from connectors.plant.ethernetip_device import EthernetIpDevice
from connectors.plant.serving import Plant, serving
from motif.discovering import Wanted, discover, known_to, planned
from motif.rediscovering import Round, rounds
from motif.restricting import care_of, restrict, restrictions
from motif.watching import Trouble
from schemas.clock import now_us
from schemas.errors import WrongUse
from tests.connectors.devices.plants import ENBT, LOGIX, METER, meter
from tests.motif.conftest import Run
from tests.motif.test_cli_discover import LOOPBACK, simulated

NEVER = "10.0.0.0/24"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def another_day() -> str:
    """A window that is not open today, tomorrow or yesterday, wherever one is."""
    later = datetime.fromtimestamp(now_us() / 1_000_000, UTC) + timedelta(days=3)
    return f"{DAYS[later.weekday()]} 00:00-24:00"


@contextmanager
def served(device: Device) -> Iterator[tuple[Plant, str]]:
    """A device that is served by another thread, and where it is."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    serve = serving({"it": device})
    plant = asyncio.run_coroutine_threadsafe(serve.__aenter__(), loop).result()
    try:
        yield plant, f"127.0.0.1:{plant.devices['it'].port}"
    finally:
        asyncio.run_coroutine_threadsafe(serve.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def wanted(place: str, protocol: str = "modbus.tcp") -> Wanted:
    """One device without gaps."""
    return Wanted([place], ["127.0.0.0/8"], protocols=[protocol], unthrottled=True)


def test_outside_of_its_window_a_device_is_left_alone(run: Run, tmp_path: Path) -> None:
    with served(meter()) as (plant, place):
        data = ("--data", tmp_path)
        closed = run("devices", "restrict", "127.0.0.1", "--window", another_day(), *data)
        asked = ("discover", place, "--protocol", "modbus.tcp", *LOOPBACK, *data)
        left = run(*asked)
        alone = plant.devices["it"].counts.connections
        run("devices", "restrict", "127.0.0.1", *data)
        opened = run(*asked)

    assert "Recorded for 127.0.0.1" in closed.err
    assert "1 target may not be asked at this time" in left.out
    assert alone == 0
    assert "Asked 1 target, 1 of which answered" in opened.out


def test_a_device_that_was_busy_or_cut_the_connection_is_fragile_until_somebody_says_not(
    run: Run, tmp_path: Path
) -> None:
    with motif.open(tmp_path) as node:
        for device in (meter(manner=Manner(quirk="resets")), meter(1, replace(METER, busy=True))):
            with served(device) as (_, place):
                discover(node.publish, planned(wanted(place)))
                port = int(place.partition(":")[2])
                assert care_of(node).is_fragile("127.0.0.1", port)
        with served(meter()) as (_, place):
            discover(node.publish, planned(wanted(place)))
            assert not care_of(node).is_fragile("127.0.0.1", int(place.partition(":")[2]))
        reasons = {(one.origin, one.notes) for one in restrictions(node)}
    data = ("--data", tmp_path)
    shown = run("devices", "restrictions", *data).out

    run("devices", "restrict", "127.0.0.1", "--sturdy", "--notes", "it was the old card", *data)

    assert reasons == {("observed", "cut the connection"), ("observed", "was busy")}
    assert "cut the connection" in shown
    assert json.loads(run("devices", "restrictions", "--json", *data).out) == []
    assert "may be asked at any time" in run("devices", "restrictions", *data).err


def test_of_a_network_the_newest_statement_holds(run: Run, tmp_path: Path) -> None:
    data = ("--data", tmp_path)
    times = ("--window", "mon-fri 22:00-05:00", "--window", "sat,sun 00:00-24:00")

    run("devices", "restrict", NEVER, "--fragile", *data)
    run("devices", "restrict", NEVER, *times, "--timezone", "Europe/Berlin", *data)
    shown = run("devices", "restrictions", *data).out
    (row,) = json.loads(run("devices", "restrictions", "--json", *data).out)

    assert (row["network"], row["fragile"], row["timezone"]) == (NEVER, False, "Europe/Berlin")
    assert "mon-fri 22:00-05:00, sat,sun 00:00-24:00 Europe/Berlin" in shown


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["plant"], "must be a network"),
        ([NEVER, "--window", "at night"], "is no window"),
        ([NEVER, "--window", f"{' ' * 1_024}01:00-02:00"], "must be text of 1 to 1,024"),
        ([NEVER, "--window", "01:00-02:00", "--timezone", "Mars"], "no time zone 'Mars'"),
    ],
)
def test_what_cannot_be_meant_is_said(
    run: Run, tmp_path: Path, options: list[str], says: str
) -> None:
    found = run("devices", "restrict", *options, "--data", tmp_path)

    assert (found.code, says in found.sentence) == (2, True)


def test_a_broadcast_is_not_sent_where_devices_need_care(tmp_path: Path) -> None:
    asked = replace(wanted("127.0.0.1:1"), targets=[], broadcasts=["127.255.255.255:1"])
    asked = replace(asked, protocols=["ethernet_ip"])
    with motif.open(tmp_path) as node:
        restrict(node, "127.0.0.9", fragile=True)
        plan = planned(asked)

        with pytest.raises(WrongUse, match="everybody hears a broadcast"):
            discover(node.publish, plan, None, known_to(node))
    with pytest.raises(WrongUse, match=r"modbus\.tcp knows no broadcast"):
        planned(replace(asked, protocols=["modbus.tcp"]))


def test_a_broadcast_is_not_sent_where_a_device_was_seen_to_be_fragile(tmp_path: Path) -> None:
    asked = replace(wanted("127.0.0.1:1"), targets=[], broadcasts=["127.255.255.255:1"])
    with motif.open(tmp_path) as node:
        with served(meter(manner=Manner(quirk="resets"))) as (_, place):
            discover(node.publish, planned(wanted(place)))

        with pytest.raises(WrongUse, match="everybody hears a broadcast"):
            discover(node.publish, planned(replace(asked, protocols=[])), None, known_to(node))


def test_rounds_learn_from_each_other_and_tell_what_changed(tmp_path: Path) -> None:
    stopping = Signal()
    found: list[Round | Trouble] = []
    with motif.open(tmp_path) as node:
        with served(EthernetIpDevice(ENBT)) as (_, place):
            again = rounds(node, wanted(place, "ethernet_ip"), 0.0, stopping)
            found += [next(again) for _ in range(3)]
        found.append(next(again))
        stopping.set()
        assert list(again) == []

    told = [one for one in found if isinstance(one, Round)]
    assert [one.found.fast for one in told] == [0, 0, 1, 0]
    assert [one.changes for one in told] == [{"new": 1}, {}, {}, {"gone": 1}]


def test_a_chassis_whose_modules_are_met_nowhere_else_is_known_from_the_third_run_on(
    tmp_path: Path,
) -> None:
    with (
        motif.open(tmp_path) as node,
        served(EthernetIpDevice(ENBT, {0: LOGIX, 2: ENBT})) as (
            plant,
            place,
        ),
    ):
        asked, requests = [], 0
        for found in rounds(node, wanted(place, "ethernet_ip"), 0.0, Signal()):
            assert isinstance(found, Round)
            asked.append(plant.requests - requests)
            requests = plant.requests
            if len(asked) == 4:
                break
        (usages,) = node.sql(
            "SELECT list(usage ORDER BY happened_at) AS said FROM device_probed WHERE slot = 0"
        ).to_pylist()

    assert usages["said"] == [None, "agreed", None, None]
    assert asked[0] == 30
    assert asked[2] == asked[3] == 12  # the identity, a session, one read, and eight slots


def test_trouble_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter([[], [], ["127.0.0.1"]])
    monkeypatch.setattr("motif.discovering.resolve", lambda _: next(names))
    asked = replace(wanted("127.0.0.1:1"), targets=["plc.example:1"])

    with motif.open(tmp_path) as node:
        again = rounds(node, asked, 0.0, Signal())
        first, second = next(again), next(again)

    assert first == Trouble(
        "'plc.example' stands for no address here; check the name, or name its address"
    )
    assert isinstance(second, Round)
    assert second.found.probes[0].outcome == "refused"


def test_a_running_process_asks_again_and_ends_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from motif.cli import main; main()"]
    with simulated() as (places, _):
        asked = ["discover", places["meter"], "--protocol", "modbus.tcp", *LOOPBACK]
        with subprocess.Popen(
            [*command, *asked, "--every", "1s", "--data", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)

    assert lines[0].startswith("1 of 1 target answered, 0 by the fast path")
    assert lines[0].endswith("1 new.\n")
    assert lines[2].startswith("1 of 1 target answered, 1 by the fast path")
    assert (process.returncode, told.splitlines()[-1]) == (0, "Ended.")
