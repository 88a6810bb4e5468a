"""Sorts that somebody defined: a sample, a file of another installation or of a pattern store."""

import json
from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.devices import modbus
from motif import defining
from motif.device_patterns import DevicePattern, device_patterns, statistics
from motif.discovering import Known, known_to
from motif.known_sorts import known_sorts
from motif.node import Node
from schemas.devices import DeviceDefined
from schemas.envelope import Event
from schemas.errors import SourceUnreadable
from tests.connectors.devices.plants import Found, discovered, meter
from tests.motif.conftest import Run
from tests.streams.test_match import probed
from tests.streams.worlds import NOW

READ = modbus.read(3, 0, 1).hex()
MINE = {"protocol": "modbus.tcp", "vendor": "Acme", "product_code": "M-1", "answers": {READ: 4}}
STORED = {
    "pattern_id": "acme_m-1_modbus_tcp",
    "manufacturer_id": "Acme",
    "product_family": "Meters",
    "model_number": "M-1",
    "firmware_version_range": {"min_version": "2.9", "max_version": "2.10"},
    "protocol_variant": {"protocol": "modbus.tcp", "port": 502},
    "pattern_confidence": 0.9,
    "usage_count": 77,
    "contributor_reputation": 0.5,
    "metadata": {"learned_from": {"host": "10.9.8.7", "serial_number": "SECRET-1"}},
}
"""As the store of another program writes a pattern."""


def file_of(folder: Path, patterns: object) -> Path:
    file = folder / "patterns.json"
    file.write_text(json.dumps({"patterns": patterns}), "utf-8")
    return file


def asked(known: Known) -> Found:
    """A meter over a real socket, discovered with what is known."""
    return discovered({"meter": meter()}, lookup=lambda said: known.lookup(said, 0.7))


def usages(found: Found) -> list[tuple[str, str | None]]:
    return [(one.path, one.usage) for one in found.probes["meter"]]


def imported(node: Node, folder: Path, *entries: dict[str, Any], **more: Any) -> defining.Imported:
    found = defining.import_file(node, file_of(folder, list(entries)), **more)
    node.settle()
    return found


def test_a_sort_that_was_imported_is_applied_and_verified_with_the_next_device(
    tmp_path: Path,
) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, MINE | {"confidence": 0.8})
        before = device_patterns(node)

        found = asked(known_to(node))
        node.publish(found.events)
        (after,) = [one for one in device_patterns(node) if one.verified]

    assert [(one.status, one.probes, one.pattern_confidence) for one in before] == [
        ("experimental", 0, 0.8)
    ]
    assert usages(found) == [("fast", "confirmed")]
    assert (after.usage_count, after.verified, after.manufacturer_id) == (1, 1, "acme")


def test_a_definition_that_does_not_hold_is_contradicted_and_all_is_asked(tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(
            node,
            tmp_path,
            MINE
            | {
                "major": 2,
                "least_revision": "2.0",
                "greatest_revision": "2.99",
                "answers": {READ: 9},
            },
        )
        found = asked(known_to(node))
        node.publish(found.events)
        (after,) = device_patterns(node)

    assert usages(found) == [("fast", "contradicted"), ("slow", None)]
    assert after.contradicted == 1
    assert after.pattern_confidence == pytest.approx(1 / 3)


def test_what_names_no_request_is_matched_and_leaves_nothing_out(tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        defining.define(node, [defining.sample("Acme", "M-1", "modbus.tcp")])
        node.settle()
        found = asked(known_to(node))

    assert usages(found) == [("slow", "matched")]


def test_revisions_outside_the_defined_range_are_asked_everything(tmp_path: Path) -> None:
    bounds = {"major": 2, "least_revision": "2.0", "greatest_revision": "2.9"}
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, MINE | bounds)  # the meter has 2.10

        assert [path for path, _ in usages(asked(known_to(node)))] == ["slow"]


def test_a_deprecated_sort_is_not_applied(tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, MINE)
        node.review(known_sorts(node)[0].learned.pattern_id, "deprecated")

        assert [path for path, _ in usages(asked(known_to(node)))] == ["slow"]
        assert [one.status for one in device_patterns(node)] == ["deprecated"]


def test_sorts_are_exported_and_imported_under_the_common_names_too(
    run: Run, tmp_path: Path
) -> None:
    run("devices", "sample", "--data", tmp_path / "one")
    run("export", "devices", tmp_path / "sorts.json", "--data", tmp_path / "one")

    told = run("import", "bifrost", tmp_path / "sorts.json", "--data", tmp_path / "two").err
    run("export", "devices", tmp_path / "again.json", "--data", tmp_path / "two")

    assert "Imported 1 sort;" in told
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "sorts.json").read_bytes()
    assert "sorts of devices" in run("import", "--list").out
    refused = run("import", "bifrost", tmp_path / "sorts.json", "--dry-run")
    assert (refused.code, "reads files that are named" in refused.sentence) == (2, True)


def test_each_of_several_files_is_imported_whatever_the_others_hold(
    run: Run, tmp_path: Path
) -> None:
    files = [tmp_path / "bad.json", tmp_path / "good.json"]
    for file, entry in zip(files, ({"protocol": "profinet"}, MINE), strict=True):
        file.write_text(json.dumps({"patterns": [entry]}), "utf-8")

    ran = run("import", "bifrost", *files, "--data", tmp_path / "node")

    assert (ran.code, "Imported 1 sort; 0 were known already, 0 refused." in ran.err) == (1, True)


def test_a_sort_that_lacks_vendor_or_model_goes_from_site_to_site(tmp_path: Path) -> None:
    with motif.open(tmp_path / "one") as node:
        for number, more in enumerate(({"vendor": None}, {"product_code": None})):
            said = {"answers": {READ: 4}, "address": f"10.0.0.{number}"}
            node.publish([Event("s", str(number), probed(**said, **more), NOW)])
        file = tmp_path / "sorts.json"
        file.write_bytes(defining.exported(node))
    with motif.open(tmp_path / "two") as other:
        assert defining.import_file(other, file).refused == []
        other.settle()
        assert defining.exported(other) == file.read_bytes()


def test_an_exact_revision_of_one_number_is_that_one(tmp_path: Path) -> None:
    exact = {"major": 2, "firmware_version_range": {"exact_version": "2"}}
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, MINE | exact)
        (one,) = known_sorts(node)

    assert (one.sort.holds("2"), one.sort.holds("2.7")) == (True, False)


def test_an_archived_sort_is_neither_applied_nor_listed_nor_exported(tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, MINE)
        sort = known_sorts(node)[0].learned.pattern_id
        node.review(sort, "archived")

        assert [path for path, _ in usages(asked(known_to(node)))] == ["slow"]
        assert [one.status for one in device_patterns(node, archived=True)] == ["archived"]
        assert device_patterns(node) == []
        assert json.loads(defining.exported(node))["patterns"] == []

        node.review(sort, "detected")
        assert [one.status for one in device_patterns(node)] == ["experimental"]


def test_a_request_that_may_write_is_never_used_whoever_states_it(tmp_path: Path) -> None:
    said = {"protocol": "modbus.tcp", "vendor": "acme", "product_code": "m-1", "origin": "import"}
    trust = {"confidence": 1.0, "reputation": 1.0, "answers": {"0600010001": 5, "zz": 1}}
    with motif.open(tmp_path / "node") as node:
        defining.define(node, [DeviceDefined.model_validate({**said, **trust})])
        node.settle()

        assert [dict(one.sort.answers) for one in known_sorts(node)] == [{}]
        assert [path for path, _ in usages(asked(known_to(node)))] == ["slow"]


def test_what_was_learned_goes_before_what_was_said(tmp_path: Path) -> None:
    bounds = {"major": 2, "least_revision": "2.10", "greatest_revision": "2.10"}
    learned = {"answers": {READ: 4}, "alone": True}
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, MINE | bounds | {"answers": {READ: 9}})
        node.publish(
            Event("s", str(n), probed(address=f"10.0.0.{n}", **learned), NOW) for n in range(2)
        )

        (one,) = known_sorts(node)
        assert (one.sort.answers, one.sort.alone) == ({READ: 4}, True)


def test_export_import_export_gives_the_same_bytes(tmp_path: Path) -> None:
    said = [Event("s", str(n), probed(answers={READ: 4}, alone=True), NOW) for n in range(2)]
    used = Event("s", "used", probed(usage="confirmed", path="fast"), NOW)
    with motif.open(tmp_path / "one") as one, motif.open(tmp_path / "two") as two:
        one.publish([*said, used])
        defining.define(one, [defining.sample("SampleMfg", "Sample123", "modbus.tcp")])
        one.settle()
        (tmp_path / "one.json").write_bytes(defining.exported(one))

        found = defining.import_file(two, tmp_path / "one.json")
        two.settle()

        assert found == (2, 0, [])
        assert defining.exported(two) == (tmp_path / "one.json").read_bytes()
        assert defining.import_file(two, tmp_path / "one.json") == (0, 2, [])
        assert defining.import_file(two, tmp_path / "one.json", overwrite=True).imported == 2


def test_a_store_of_another_program_is_imported_without_what_is_a_devices_own(
    tmp_path: Path,
) -> None:
    file = file_of(tmp_path, {"version": "1.0", "patterns": {"acme": STORED}})
    with motif.open(tmp_path / "node") as node:
        found = defining.import_file(node, file, reputation=0.5)
        node.settle()
        (one,) = device_patterns(node)
        told = defining.exported(node)

    assert found == (1, 0, [])
    assert (one.manufacturer_id, one.model_number, one.product_family) == ("acme", "m-1", "Meters")
    assert one.pattern_confidence == pytest.approx(0.9 * 0.5 * 0.5)
    assert one.usage_count == 0
    assert (one.firmware_version_range.min_version, one.firmware_version_range.max_version) == (
        "2.9",
        "2.10",
    )
    assert b"SECRET" not in told
    assert b"10.9.8.7" not in told


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"protocol": "profinet"}, "'profinet' is no protocol"),
    ({"protocol": 5}, "5 is no protocol"),
    ({"vendor": None, "product_code": None}, "it names no vendor and model"),
    ({"vendor": "/home/ann"}, "its vendor may be what is a single device's own"),
    ({"product_code": "ann@example.com"}, "its product_code may be"),
    ({"protocol": "ethernet_ip"}, "are numbers"),
    ({"confidence": 1.5}, "confidence is not what it can be"),
    ({"confidence": "high"}, "confidence is not what it can be"),
    ({"contributor_reputation": "good"}, "reputation is not what it can be"),
    ({"answers": {"0600010001": 5}}, "not all only read"),
    ({"answers": {READ: -1}}, "answers is not what it can be"),
    ({"answers": [READ]}, "not all only read"),
    ({"firmware_version_range": {"min_version": "1.0", "max_version": "2.0"}}, "different sorts"),
    ({"firmware_version_range": "2.0"}, "is no object"),
    ({"major": []}, "it cannot be meant"),
    ({"reputation": 10**400}, "it cannot be meant"),
    ({"firmware_version_range": {"min_version": "2.9", "max_version": "2.1"}}, "down to 2.1"),
]


@pytest.mark.parametrize(("wrong", "reason"), REFUSED)
def test_an_entry_that_cannot_be_meant_is_refused_with_its_reason(
    tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    with motif.open(tmp_path / "node") as node:
        found = imported(node, tmp_path, MINE | wrong, MINE)

        assert (found.imported, len(found.refused)) == (1, 1)
        assert reason in found.refused[0]
        assert len(known_sorts(node)) == 1


@pytest.mark.parametrize("patterns", [[MINE, "acme"], {"mine": MINE, "other": ["acme"]}])
def test_an_entry_that_is_no_object_is_refused_and_not_passed_over(
    tmp_path: Path, patterns: object
) -> None:
    with motif.open(tmp_path / "node") as node:
        found = defining.import_file(node, file_of(tmp_path, patterns))

    assert found.imported == 1
    assert ["it is no object" in one for one in found.refused] == [True]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"patterns": 5}', "\x00"])
def test_a_file_without_patterns_is_refused(tmp_path: Path, body: str) -> None:
    file = tmp_path / "patterns.json"
    file.write_text(body, "utf-8")

    with motif.open(tmp_path / "node") as node, pytest.raises(SourceUnreadable):
        defining.import_file(node, file)


def test_all_of_it_from_the_command_line(run: Run, tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "sorts.json"
    other = ("--data", tmp_path / "other")

    assert run("devices", "sample", "--data", data).code == 0
    assert run("devices", "export", file, "--data", data).code == 0
    ran = run("devices", "import", file, *other)

    assert "Imported 1 sort; 0 were known already, 0 refused." in ran.err
    assert "0 were known already" in ran.err
    assert "Imported 0 sorts; 1 were known" in run("devices", "import", file, *other).err
    (listed,) = json.loads(run("devices", "list", "--json", *other).out)
    assert (listed["manufacturer_id"], listed["status"]) == ("samplemfg", "experimental")
    assert listed["pattern_confidence"] == 0.8
    assert json.loads(run("devices", "stats", "--json", *other).out)["total_patterns"] == 1
    assert run("verify", *other).code == 0
    shown = run("devices", "show", listed["pattern_id"], *other).out
    assert "not used yet: nobody knows what works" in shown


def test_statistics_count_what_was_defined_too(tmp_path: Path) -> None:
    entries = [MINE | {"product_code": f"M-{n}", "confidence": 0.8} for n in range(3)]
    with motif.open(tmp_path / "node") as node:
        imported(node, tmp_path, *entries)
        found = statistics(device_patterns(node))

    assert (found["total_patterns"], found["total_usage"]) == (3, 0)
    assert found["average_confidence"] == pytest.approx(0.8)
    assert found["protocols"] == ["modbus.tcp"]


def test_a_profile_is_inherited_from_the_model_then_from_the_family(tmp_path: Path) -> None:
    exchange = {"request": "00" * 12, "response": "00" * 28, "outcome": "ok", "reply_us": 20_000}
    met = {"exchanges": [exchange], "answers": {READ: 4}, "alone": True}
    older = {"major": 1, "least_revision": "1.0", "greatest_revision": "1.9"}
    entries: list[dict[str, Any]] = [
        MINE | older | {"answers": {}},
        MINE | {"product_code": "M-2", "family": "Meters", "answers": {}},
        MINE | {"product_code": "M-3", "family": "Other", "answers": {}},
        MINE
        | {"major": 2, "least_revision": "2.0", "greatest_revision": "2.10", "family": "Meters"},
    ]
    with motif.open(tmp_path / "node") as node:
        node.publish(Event("s", str(n), probed(address=f"10.0.0.{n}", **met), NOW) for n in (1, 2))
        imported(node, tmp_path, *entries, overwrite=True)
        known = {(one.model_number, _major(one)): one for one in device_patterns(node)}

    own = known["m-1", "2"]
    assert not own.communication_profile.inherited_from
    for heir in (known["m-1", "1"], known["m-2", None]):
        profile = heir.communication_profile
        assert profile.timing == own.communication_profile.timing is not None
        assert set(profile.inherited_from.values()) == {own.pattern_id}
        assert not heir.is_used
    stranger = known["m-3", None].communication_profile
    assert (stranger.timing, dict(stranger.inherited_from)) == (None, {})


def _major(pattern: DevicePattern) -> str | None:
    version = pattern.firmware_version_range.min_version
    return None if version is None else version.partition(".")[0]
