"""One plant, discovered from several sites: one table, in which probes add and devices vote."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

import motif
from connectors.plant.small import small_plant
from motif.discovering import known_to
from motif.node import Node
from schemas.clock import DAY_US
from schemas.envelope import Event
from streams.recognise.device import ALONE, INTERVIEWED, WORKS
from tests.connectors.devices.plants import discovered
from tests.integration.rows import asked, assert_same, learned

HOUR_US = DAY_US // 24
HOURS = 12


@pytest.fixture(scope="module")
def found() -> Sequence[Event]:
    """A plant of real sockets, every device asked the whole list once."""
    return discovered(dict(small_plant())).events


def again(events: Iterable[Event], run: int) -> list[Event]:
    """What a later run finds where nothing changed."""
    return [
        replace(
            event,
            id=f"{event.id}/{run}",
            time_us=None if event.time_us is None else event.time_us + run * HOUR_US,
        )
        for event in events
    ]


def votes(node: Node) -> dict[object, dict[str, int]]:
    """Of each sort how many devices voted, and for what."""
    rows = asked(node, "SELECT signature, counters FROM patterns WHERE kind = 'device'")
    return {
        signature: {
            name: count
            for name, count in json.loads(str(counters)).items()
            if name in {INTERVIEWED, ALONE} or name.startswith(f"{WORKS}.")
        }
        for signature, counters in rows
    }


def probed(node: Node) -> dict[str, int]:
    """Of each sort how many probes were made."""
    rows = asked(node, "SELECT signature, occurrences FROM patterns WHERE kind = 'device'")
    return {str(signature): int(str(count)) for signature, count in rows}


def test_one_plant_seen_from_two_sites_is_one_table(found: Sequence[Event], tmp_path: Path) -> None:
    with (
        motif.open(tmp_path / "one") as one,
        motif.open(tmp_path / "two", partitions=3) as two,
    ):
        one.publish(found)
        alone = probed(one)
        two.publish(again(found, 1))
        one.take_in(two.contributions())
        two.take_in(one.contributions())

        assert len(alone) > 1
        assert probed(one) == {signature: 2 * count for signature, count in alone.items()}
        assert_same(learned(one), learned(two))
        assert asked(one, "SELECT DISTINCT site_count FROM patterns WHERE kind = 'device'") == [
            (2,)
        ]
        inventory = "SELECT count(*) FROM device_inventory"
        assert asked(one, inventory) == asked(two, inventory)


def test_a_site_that_scans_every_hour_outvotes_no_other(
    found: Sequence[Event], tmp_path: Path
) -> None:
    with motif.open(tmp_path / "one") as one, motif.open(tmp_path / "two") as two:
        one.publish(found)
        two.publish(again(found, 1))
        one.take_in(two.contributions())
        before = votes(one)

        for hour in range(2, HOURS):
            two.publish(again(found, hour))
        two.settle()
        one.take_in(two.contributions())

        assert all(before.values())
        assert votes(one) == before


def test_what_was_discovered_is_known_wherever_it_was_taken_in(
    found: Sequence[Event], tmp_path: Path
) -> None:
    with motif.open(tmp_path / "one") as one, motif.open(tmp_path / "two") as two:
        one.publish(found)
        two.publish(again(found, 1))
        two.take_in(one.contributions())

        assert len(known_to(two).sorts) == len(known_to(one).sorts) > 1
        assert asked(two, "SELECT count(*) FROM device_probes") == asked(
            one, "SELECT count(*) FROM device_probes"
        )
