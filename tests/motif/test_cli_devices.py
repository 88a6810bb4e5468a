"""`motif devices`: what was learned of sorts of devices, and a client's configuration for one."""

import json
from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.devices import modbus
from motif.device_patterns import NoSort, device_pattern, device_patterns, statistics
from schemas.envelope import Event
from tests.motif.conftest import Run
from tests.streams.test_match import probed
from tests.streams.worlds import NOW

READ = modbus.read(3, 0, 10)
BLOCK = modbus.read(3, 0, 125)
ANSWERS = {READ.hex(): 22, BLOCK.hex(): 252}
"""A device's registers, ten and many at once."""

EVERY_MS = (10, 20, 30)
METER = "modbus.tcp:acme::m-1:2"


def exchange(reply_ms: int) -> dict[str, Any]:
    """A request of 12 bytes, and a reply of 28."""
    return {
        "request": "00" * 12,
        "response": "00" * 28,
        "outcome": "ok",
        "reply_us": reply_ms * 1000,
    }


def met(number: int, **more: Any) -> Event:
    """A device that was met; every number is another one."""
    exchanges = [exchange(reply_ms) for reply_ms in EVERY_MS]
    said = {
        "address": f"10.0.0.{number}",
        "exchanges": exchanges,
        "answers": ANSWERS,
        "alone": True,
        "unit": 255,
        "units": [1, 7],
    }
    return Event("s", str(number), probed(**said | more), NOW + number)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two meters of two revisions, one that was used and held, and a pump that was met once."""
    folder = tmp_path / "data"
    used: dict[str, Any] = {"path": "fast", "usage": "confirmed", "answers": None, "exchanges": []}
    with motif.open(folder) as node:
        node.publish(
            [
                met(1),
                met(2, revision="2.12"),
                met(3, **used),
                met(4, product_code="P-1", exchanges=[{"request": "00", "outcome": "timeout"}]),
            ]
        )
    return folder


def test_a_list_shows_every_sort_the_surest_first(run: Run, data: Path) -> None:
    found = json.loads(run("devices", "list", "--json", "--data", data).out)
    shown = run("devices", "list", "--data", data).out

    assert [one["model_number"] for one in found] == ["m-1", "p-1"]
    assert [one["is_used"] for one in found] == [True, False]
    meter = found[0]
    counted = ("probes", "devices", "matched", "usage_count", "verified", "contradicted")
    assert [meter[name] for name in counted] == [3, 2, 1, 1, 1, 0]
    assert meter["firmware_version_range"] == {"min_version": "2.10", "max_version": "2.12"}
    assert meter["pattern_confidence"] == pytest.approx(2 / 3)
    assert "acme m-1 revision 2 by modbus.tcp" in shown
    assert "2.10 to 2.12" in shown


def test_a_sort_is_shown_whole_by_its_signature_or_the_beginning_of_its_id(
    run: Run, data: Path
) -> None:
    with motif.open(data) as node:
        meter = device_pattern(node, METER)

    by_id = run("devices", "show", meter.pattern_id[:8], "--data", data).out

    assert by_id == run("devices", "show", METER, "--data", data).out
    assert "verified          1 of 1" in by_id
    assert "used by discovery" in by_id
    assert f"{READ.hex()}" in by_id
    assert "read holding registers" in by_id


def test_what_happened_to_a_sort_is_told_in_its_order(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    run("devices", "sample", "--manufacturer", "Acme", "--model", "M-1", "--data", folder)
    (sort,) = json.loads(run("devices", "list", "--json", "--data", folder).out)
    used = {"usage": "contradicted", "pattern_id": sort["pattern_id"]}
    with motif.open(folder) as node:
        node.publish([met(1, **used), met(2, **used)])
        node.settle()
    decided = run(
        *("review", sort["signature"], "archived", "--by", "ann", "--notes", "no more of them"),
        *("--data", folder),
    ).out

    told = json.loads(run("devices", "history", sort["pattern_id"], "--json", "--data", folder).out)

    assert decided == f"device:{sort['signature']} is archived.\n"
    by_what = {row["what"]: (row["times"], row["detail"]) for row in told}
    assert by_what == {
        "contradicted": (2, "by 10.0.0.1:502 and others"),
        "defined": (1, "sample, confidence 0.8"),
        "archived": (1, "ann: no more of them"),
    }
    shown = run("devices", "history", sort["pattern_id"], "--data", folder).out
    assert "no more of them" in shown
    listed = run("devices", "list", "--json", "--data", folder).out
    whole = run("devices", "list", "--archived", "--json", "--data", folder).out
    assert [one["signature"] for one in json.loads(listed)] == [METER]  # they were met
    assert {one["status"] for one in json.loads(whole)} == {"archived", "active"}


def test_a_profile_is_computed_from_what_was_observed(run: Run, data: Path) -> None:
    found = json.loads(run("devices", "profile", METER, "--data", data).out)

    profile = found["communication_profile"]
    timing = profile["timing"]
    assert timing["n"] == 2 * len(EVERY_MS)
    assert timing["typical_response_time_ms"] == pytest.approx(20, rel=0.01)
    assert timing["max_response_time_ms"] == pytest.approx(30, rel=0.01)
    assert timing["connection_timeout_ms"] == 250
    assert profile["optimal_polling_rate"] == pytest.approx(1000 / 80, rel=0.01)
    assert profile["largest_block"] == 125
    assert profile["request_templates"] == [
        {"request_pattern": request, "expected_response_length": length, "votes": 2, "of": 2}
        for request, length in sorted(ANSWERS.items())
    ]
    assert profile["extents"] == [
        {"function": 3, "address": 0, "count": 125, "votes": 2, "of": 2}  # the short one is inside
    ]
    assert profile["units"] == [
        {"unit": 255, "votes": 2, "of": 2},
        {"unit": 1, "votes": 2, "of": 2},
    ]
    assert profile["data_point_mappings"] == []
    bandwidth = profile["bandwidth_requirements"]
    assert (bandwidth["bytes_per_request"], bandwidth["n"]) == (40, 6)
    assert bandwidth["bytes_per_second"] == pytest.approx(40 * profile["optimal_polling_rate"])
    assert found["protocol_variant"] == {"protocol": "modbus.tcp", "port": 502}


def test_what_was_not_observed_is_null(run: Run, data: Path) -> None:
    found = json.loads(run("devices", "profile", "modbus.tcp:acme::p-1:2", "--data", data).out)

    profile = found["communication_profile"]
    assert (profile["timing"], profile["optimal_polling_rate"]) == (None, None)
    assert profile["bandwidth_requirements"] is None
    errors = profile["error_handling_strategy"]
    assert (errors["timeouts"], errors["n"], errors["retry_count"]) == (1, 1, 3)


def test_a_profile_goes_into_a_file(run: Run, data: Path, tmp_path: Path) -> None:
    written = tmp_path / "meter.json"

    run("devices", "profile", METER, "--output", written, "--data", data)

    assert written.read_text("utf-8") == run("devices", "profile", METER, "--data", data).out


def test_five_numbers_tell_of_all_sorts(run: Run, data: Path) -> None:
    found = json.loads(run("devices", "stats", "--json", "--data", data).out)
    with motif.open(data) as node:
        most = device_pattern(node, METER)

    assert found == {
        "total_patterns": 2,
        "average_confidence": pytest.approx((2 / 3 + 1 / 2) / 2),
        "total_usage": 1,
        "most_used_pattern": {
            "pattern_id": most.pattern_id,
            "usage_count": 1,
            "confidence": most.pattern_confidence,
        },
        "protocols": ["modbus.tcp"],
    }
    assert "average confidence  0.58" in run("devices", "stats", "--data", data).out


def test_where_nothing_was_learned_there_are_the_same_five_numbers(tmp_path: Path) -> None:
    with motif.open(tmp_path) as node:
        found = statistics(device_patterns(node))

    assert found == {
        "total_patterns": 0,
        "average_confidence": 0.0,
        "total_usage": 0,
        "most_used_pattern": None,
        "protocols": [],
    }


@pytest.mark.parametrize("name", ["", "nothing", "modbus.tcp:acme::m-9:2"])
def test_a_sort_that_is_not_there_is_said_in_a_sentence(data: Path, name: str) -> None:
    with motif.open(data) as node, pytest.raises(NoSort, match="no sort of devices is called"):
        device_pattern(node, name)


def test_nothing_of_a_single_device_stands_in_a_profile(run: Run, tmp_path: Path) -> None:
    private = {"serial": "00c0ffee", "mac": "00:00:bc:12:34:56", "address": "10.0.0.8"}
    with motif.open(tmp_path) as node:
        node.publish([met(1, **private), met(2)])
        (meter,) = device_patterns(node)

    told = run("devices", "profile", meter.pattern_id, "--data", tmp_path).out
    told += run("devices", "list", "--json", "--data", tmp_path).out

    assert not any(value in told for value in private.values())
