"""Sorts of devices as a device pattern manager handles them: what is asserted of one, by number."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.devices import modbus
from connectors.plant.modbus_device import ModbusDevice
from connectors.plant.serving import serving
from motif.discovering import Wanted
from motif.pattern_manager import EnhancedDeviceInfo, PatternManager
from schemas.envelope import Event
from schemas.errors import WrongUse
from streams.recognise.device import confidence_of
from tests.connectors.devices.plants import METER
from tests.streams.test_match import probed
from tests.streams.worlds import NOW

M340: dict[str, Any] = {
    "manufacturer": "Schneider",
    "model": "M340",
    "protocol": "modbus.tcp",
    "firmware_version": "2.1",
}
READ = modbus.read(3, 0, 1).hex()


def test_03_a_device_fits_by_protocol_and_by_the_revisions_that_are_known(tmp_path: Path) -> None:
    async def story(manager: PatternManager) -> None:
        await manager.learn_pattern_from_device(M340)
        assert await manager.discover_and_match_patterns(M340)
        assert not await manager.discover_and_match_patterns(M340 | {"protocol": "ethernet_ip"})
        assert not await manager.discover_and_match_patterns(M340 | {"firmware_version": "3.0"})

    with PatternManager(tmp_path) as manager:
        asyncio.run(story(manager))


def test_05_what_is_added_is_found_and_one_that_is_not_is_none(tmp_path: Path) -> None:
    async def story(manager: PatternManager) -> None:
        assert await manager.discover_and_match_patterns(M340) is None
        pattern = await manager.learn_pattern_from_device(M340)
        assert (await manager.get_pattern_statistics())["total_patterns"] == 1
        match = await manager.discover_and_match_patterns(M340, 0.1)
        assert match is not None
        assert match.pattern == pattern
        assert not match.different

    with PatternManager(tmp_path) as manager:
        asyncio.run(story(manager))


def test_06_what_is_learned_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    with PatternManager(tmp_path) as manager:
        learned = asyncio.run(manager.learn_pattern_from_device(M340))
    with PatternManager(tmp_path) as manager:
        match = asyncio.run(manager.discover_and_match_patterns(M340))

    assert match is not None
    assert match.pattern == learned


def test_07_confidence_rises_with_what_is_verified_and_falls_with_what_is_not() -> None:
    assert confidence_of(0, 0) == 0.5
    assert confidence_of(1, 0) > 0.5
    assert confidence_of(1, 1) < confidence_of(1, 0)


def test_08_what_a_device_says_is_learned_and_found_by_its_id(tmp_path: Path) -> None:
    said = {"manufacturer": "LearnMfg", "model": "Learn123", "protocol": "modbus.tcp"}
    with PatternManager(tmp_path) as manager:
        pattern = asyncio.run(manager.learn_pattern_from_device(said))

    assert (pattern.manufacturer_id, pattern.model_number) == ("learnmfg", "learn123")
    assert pattern.protocol_variant.protocol == "modbus.tcp"
    assert (pattern.status, pattern.pattern_confidence) == ("experimental", 0.5)


def test_09_usage_counts_when_a_pattern_is_applied_and_not_when_it_is_matched(
    tmp_path: Path,
) -> None:
    used = probed(path="fast", usage="confirmed", answers=None)
    with motif.open(tmp_path) as node, PatternManager(node=node) as manager:
        node.publish(
            Event("s", str(n), probed(answers={READ: 4}, address=f"10.0.0.{n}"), NOW)
            for n in range(2)
        )
        met = {"manufacturer": "ACME", "model": "M-1", "protocol": "modbus.tcp"}
        met |= {"firmware_version": "V2.10"}
        match = asyncio.run(manager.discover_and_match_patterns(met))
        assert match is not None
        assert match.confidence > 0.7
        assert (match.applied, match.pattern.usage_count) == (True, 0)

        node.publish(Event("s", "used", used, NOW))
        match = asyncio.run(manager.discover_and_match_patterns(met))

        assert match is not None
        assert match.pattern.usage_count == 1


def test_11_an_export_is_imported_once(tmp_path: Path) -> None:
    file = tmp_path / "patterns.json"

    async def story(one: PatternManager, two: PatternManager) -> None:
        await one.learn_pattern_from_device(M340)
        assert await one.export_patterns(file) == 1
        assert await two.import_patterns(file) == 1
        assert await two.discover_and_match_patterns(M340)
        assert await two.import_patterns(file) == 0
        assert await two.import_patterns(file, overwrite=True) == 1

    with PatternManager(tmp_path / "one") as one, PatternManager(tmp_path / "two") as two:
        asyncio.run(story(one, two))


def test_names_of_one_vendor_are_one_vendor(tmp_path: Path) -> None:
    with PatternManager(tmp_path) as manager:
        asyncio.run(manager.learn_pattern_from_device(M340))
        other = M340 | {"manufacturer": "Schneider Electric"}

        assert asyncio.run(manager.discover_and_match_patterns(other))


def test_two_firmwares_coexist(tmp_path: Path) -> None:
    with PatternManager(tmp_path) as manager:
        asyncio.run(manager.learn_pattern_from_device(M340))
        asyncio.run(manager.learn_pattern_from_device(M340 | {"firmware_version": "10.0"}))

        found = asyncio.run(manager.discover_and_match_patterns(M340))
        assert found is not None
        assert found.pattern.firmware_version_range.max_version == "2.1"
        assert asyncio.run(manager.get_pattern_statistics())["total_patterns"] == 2


@pytest.mark.parametrize(
    "wrong", [{"protocol": "profinet"}, {"manufacturer": None}, {"model": "ann@example.com"}]
)
def test_what_is_no_sort_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with PatternManager(tmp_path) as manager, pytest.raises(WrongUse):
        asyncio.run(manager.learn_pattern_from_device(M340 | wrong))


def test_devices_are_given_as_they_are_met_with_the_path_they_took(tmp_path: Path) -> None:
    async def story() -> list[list[EnhancedDeviceInfo]]:
        found = []
        with motif.open(tmp_path) as node:
            meters = {f"meter-{n}": ModbusDevice({1: METER}) for n in range(2)}
            async with serving(meters) as plant:
                targets = [f"{one.address}:{one.port}" for one in plant.devices.values()]
                wanted = Wanted(targets, ["127.0.0.1"], protocols=["modbus.tcp"], unthrottled=True)
                for _ in range(2):
                    devices = motif.discover_devices_with_patterns(node, wanted)
                    found.append([device async for device in devices])
        return found

    first, again = asyncio.run(story())

    assert {device.discovery_path for device in first} == {"slow_path"}
    assert {device.discovery_path for device in again} == {"fast_path"}
    assert all(device.pattern_match and device.pattern_applied for device in again)
    assert [device.model for device in first] == ["M-1", "M-1"]


def test_where_nothing_may_be_asked_nothing_is(tmp_path: Path) -> None:
    async def story() -> None:
        with motif.open(tmp_path) as node:
            wanted = Wanted(["127.0.0.1:502"], ["10.0.0.0/24"])
            async for _ in motif.discover_devices_with_patterns(node, wanted):
                raise AssertionError

    with pytest.raises(WrongUse):
        asyncio.run(story())
