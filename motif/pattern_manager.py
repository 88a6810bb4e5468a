"""Sorts of devices matched, learned and counted as a device pattern manager does, over a node.

    with PatternManager("patterns") as manager:
        match = await manager.discover_and_match_patterns(device_data)

What is learned here by hand is a definition: it is verified with the next device that is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from motif import defining
from motif.device_patterns import (
    DevicePattern,
    device_pattern,
    device_patterns,
    patterns_of,
    statistics,
)
from motif.discovering import Wanted, discovered, known_to, planned
from motif.known_sorts import known_sorts
from motif.node import Node
from motif.opening import open_node
from schemas.closing import Closing
from schemas.devices import DeviceDefined, DeviceProbed
from schemas.ids import pattern_id, signature
from streams.match import FAST_FROM
from streams.sorts import Sorts

GIVEN_CONFIDENCE: Final = 0.5
"""How far a sort is trusted that was said by hand without a confidence."""


@dataclass(frozen=True, slots=True)
class PatternMatchResult:
    """The pattern a device fits, how far, and what is the same and what differs.

    `applied` says whether discovery would leave out what is known of it.
    """

    pattern: DevicePattern
    confidence: float
    same: Sequence[str]
    different: Sequence[str]
    applied: bool


@dataclass(frozen=True, slots=True)
class PatternDatabase:
    """All sorts by their ids, and when any of them was last met or verified."""

    patterns: Mapping[str, DevicePattern]
    version: str
    last_updated: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that was met: where, and what it says of itself; None is not known.

    `model` is the product code of a Modbus device, else the product's name.
    """

    host: str
    port: int
    protocol: str
    unit: int | None
    slot: int | None
    manufacturer: str | None
    model: str | None
    firmware_version: str | None
    vendor_id: int | None
    device_type: int | None
    product_code: str | None
    serial_number: str | None
    mac_address: str | None


@dataclass(frozen=True, slots=True)
class EnhancedDeviceInfo(DeviceInfo):
    """A device that was met, and by which path it was asked.

    `discovery_path` is `fast_path` or `slow_path`; `pattern_match` is the id of the pattern that
    was used, and `pattern_applied` whether it held.
    """

    discovery_path: str
    pattern_match: str | None
    pattern_applied: bool


class PatternManager(Closing):
    """Matches devices with sorts, and learns sorts, in a node's log."""

    def __init__(self, path: str | Path = "patterns", *, node: Node | None = None) -> None:
        """Open the node of a folder, made where there is none; or use one that is open."""
        self.node = open_node(Path(path)) if node is None else node
        self._owned = node is None

    def close(self) -> None:
        """Close the node that was opened here; one that was given stays open."""
        if self._owned:
            self.node.close()

    async def discover_and_match_patterns(
        self, device_data: Mapping[str, Any], min_confidence: float = FAST_FROM
    ) -> PatternMatchResult | None:
        """The sort that a device fits at least so far; matching it counts for nothing.

        Args:
            device_data: `protocol`, `manufacturer` or `vendor_id`, `model` or `product_code`,
                `device_type` and `firmware_version`, as far as they are known.
            min_confidence: from 0 to 1.

        Raises:
            WrongUse: the protocol is none that is known, or a field is not what it can be.
        """
        said = defining.device_said(device_data)
        return await asyncio.to_thread(self._matched, said, min_confidence)

    async def learn_pattern_from_device(self, device_data: Mapping[str, Any]) -> DevicePattern:
        """Define the sort of a device that somebody describes; its host and serial go nowhere.

        Raises:
            WrongUse: it names no vendor and model, or a name may be what is its own.
        """
        said = defining.described(device_data, GIVEN_CONFIDENCE)
        return await asyncio.to_thread(self._defined, said)

    async def get_pattern_statistics(self) -> dict[str, Any]:
        """Five numbers about all sorts."""
        return await asyncio.to_thread(lambda: statistics(device_patterns(self.node)))

    async def get_database(self) -> PatternDatabase:
        """All sorts, also those that are archived."""
        found = await asyncio.to_thread(lambda: device_patterns(self.node, archived=True))
        times = [at for one in found for at in (one.last_seen, one.last_verified) if at is not None]
        by_id = {one.pattern_id: one for one in found}
        return PatternDatabase(by_id, defining.FORMAT, max(times, default=None))

    async def export_patterns(self, file: str | Path) -> int:
        """Write all sorts that are not archived into a file; how many."""
        return await asyncio.to_thread(self._export, Path(file))

    async def import_patterns(self, file: str | Path, *, overwrite: bool = False) -> int:
        """Take in the sorts of a file, without those that are known already; how many.

        Raises:
            SourceUnreadable: the file cannot be read, or holds no patterns.
        """
        return await asyncio.to_thread(self._import, Path(file), overwrite)

    def _matched(self, said: DeviceProbed, least: float) -> PatternMatchResult | None:
        known = known_sorts(self.node)
        found = Sorts(one.sort for one in known).find(said, least)
        if found is None or found.match.confidence < least:
            return None
        patterns = {one.pattern_id: one for one in patterns_of(known)}
        return PatternMatchResult(
            pattern=patterns[found.sort.pattern_id],
            confidence=found.match.confidence,
            same=found.match.same,
            different=found.match.different,
            applied=found.applied,
        )

    def _export(self, file: Path) -> int:
        known = defining.exportable(self.node)
        file.write_bytes(defining.file_of(known))
        return len(known)

    def _import(self, file: Path, overwrite: bool) -> int:  # noqa: FBT001  # by name outside
        found = defining.import_file(self.node, file, overwrite=overwrite)
        self.node.settle()
        return found.imported

    def _defined(self, said: DeviceDefined) -> DevicePattern:
        defining.define(self.node, [said])
        self.node.settle()
        return device_pattern(self.node, pattern_id("device", signature(*said.parts)))


async def discover_devices_with_patterns(
    node: Node, wanted: Wanted
) -> AsyncIterator[EnhancedDeviceInfo]:
    """Discover devices and give each as soon as it is done; all of it is recorded and learned.

    Raises:
        WrongUse: a target is not on the list of networks; nothing was sent.
    """
    plan = planned(wanted)
    done: asyncio.Queue[Sequence[DeviceProbed] | None] = asyncio.Queue()

    async def run() -> None:
        try:
            await discovered(
                node.publish,
                plan,
                lambda visited, _, __: done.put_nowait(
                    [one.data for one in visited.events if isinstance(one.data, DeviceProbed)]
                ),
                known_to(node),
            )
        finally:
            done.put_nowait(None)

    running = asyncio.create_task(run())
    try:
        while (probes := await done.get()) is not None:
            for probe in probes:
                yield _info(probe)
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        node.settle()


def _info(probe: DeviceProbed) -> EnhancedDeviceInfo:
    return EnhancedDeviceInfo(
        host=probe.address,
        port=probe.port,
        protocol=probe.protocol,
        unit=probe.unit,
        slot=probe.slot,
        manufacturer=probe.vendor,
        model=probe.product_code if probe.protocol == "modbus.tcp" else probe.product,
        firmware_version=probe.revision,
        vendor_id=probe.vendor_id,
        device_type=probe.device_type,
        product_code=probe.product_code,
        serial_number=probe.serial,
        mac_address=probe.mac,
        discovery_path=f"{probe.path}_path",
        pattern_match=probe.pattern_id,
        pattern_applied=probe.usage == "confirmed",
    )
