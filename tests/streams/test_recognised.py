"""The recognisers' output for a fixed input: it changes with `RULES_VERSION` or not at all.

After a change of rules on purpose: raise `RULES_VERSION`, then run this test once with
`MOTIF_WRITE_GOLDEN=1`. What stands in the file for a version is never replaced by anything else.
"""

import os
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.generate import sessions
from connectors.generate_probes import probes
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from schemas.envelope import Event, to_structured
from streams.recognise import KINDS, RULES_VERSION
from streams.rules import Rules
from tests.streams.worlds import append, learn, log_of, tallies

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "recognised.json"
SEED, COUNT, RECORDS = 3, 4, 200
RUNS = 120
PROBES = 60
SHOWN = 60
"""Patterns that stand in the file in full; the digest covers all."""


def fixed_input() -> list[Event]:
    """Sessions and records of one seed, the same on every machine."""
    learned = [*sessions(SEED, COUNT), *records(SEED, RECORDS), *workflow_runs(SEED, RUNS)]
    return [*learned, *probes(SEED, PROBES)]


def recognised(events: list[Event]) -> dict[str, Any]:
    """Every pattern with its tally, by kind and parts."""
    log = log_of(1)
    append(log, events)
    learn(log, rules=Rules((RULES_VERSION, 0)))
    return {"/".join(pattern): tally.to_json() for pattern, tally in sorted(tallies(log).items())}


def digest(value: object) -> str:
    return sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def found() -> dict[str, Any]:
    """What the file should hold by the rules of today."""
    events = fixed_input()
    patterns = recognised(events)
    step = -(-len(patterns) // SHOWN)
    return {
        "input": sha256(b"\n".join(map(to_structured, events))).hexdigest(),
        "rules_versions": {str(RULES_VERSION): digest(patterns)},
        "patterns": len(patterns),
        "some": dict(list(patterns.items())[::step]),
    }


def rewritten(held: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The file with today's rules; refused where it tells something else of this version."""
    versions = held.get("rules_versions", {}) if held.get("input") == now["input"] else {}
    for version, written in now["rules_versions"].items():
        assert versions.get(version, written) == written, "raise RULES_VERSION first"
    return now | {"rules_versions": versions | now["rules_versions"]}


def text_of(held: dict[str, Any]) -> str:
    """JSON with one line a pattern, so that a difference can be read."""
    lines = [f"  {dumps(name)}: {dumps(tally)}" for name, tally in held["some"].items()]
    first = dumps(held | {"some": {}}, indent=1).removesuffix("{}\n}")
    return first + "{\n" + ",\n".join(lines) + "\n }\n}\n"


def test_what_is_recognised_changes_only_with_the_rules_version() -> None:
    now = found()
    held = msgspec.json.decode(GOLDEN.read_bytes()) if GOLDEN.exists() else {}
    if os.environ.get("MOTIF_WRITE_GOLDEN") == "1":
        held = rewritten(held, now)
        GOLDEN.write_text(text_of(held))
    assert held["input"] == now["input"], "connectors.generate makes other events; write it anew"
    assert str(RULES_VERSION) in held["rules_versions"], "write the new version into the file"
    assert held["some"] == now["some"], "the recognisers changed: raise RULES_VERSION"
    written = held["rules_versions"][str(RULES_VERSION)]
    assert written == now["rules_versions"][str(RULES_VERSION)], "raise RULES_VERSION"


def test_a_version_that_stands_in_the_file_is_not_replaced() -> None:
    now = {"input": "i", "rules_versions": {"2": "b"}}
    assert rewritten({"input": "i", "rules_versions": {"1": "a"}}, now)["rules_versions"] == {
        "1": "a",
        "2": "b",
    }
    with pytest.raises(AssertionError):
        rewritten({"input": "i", "rules_versions": {"2": "a"}}, now)


def test_the_fixed_input_makes_every_kind() -> None:
    """And times, outcomes and measures, or a change of them would go unnoticed."""
    patterns = recognised(fixed_input())
    assert {name.partition("/")[0] for name in patterns} == set(KINDS)
    named = {measure for tally in patterns.values() for measure in tally.get("measures", {})}
    assert {"latency", "attempts", "time_to_recovery", "cost", "duration"} <= named
    counters = {counter for tally in patterns.values() for counter in tally.get("extra", {})}
    plain = {counter for counter in counters if "." not in counter}
    assert plain - {"instant"} == {
        "runs",
        "sessions",
        "parallel",
        "auto_resolved",
        "resolved",
        "user_intervention",
        "interviewed",
        "alone",
        "matched",
        "applied",
        "exchanges",
    }
    dotted = {counter.partition(".")[0] for counter in counters - plain}
    assert dotted == {"resolution", "severity", "tool", "unit", "works"}
    outcomes = [tally for name, tally in patterns.items() if name.startswith("error_recovery")]
    assert any(tally.get("failures") for tally in outcomes)
    assert any(tally.get("successes") for tally in outcomes)
