"""The tables of what was derived: patterns, contributions, letters, and who the log is."""

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from schemas.clock import from_us
from schemas.envelope import Event
from schemas.events import LogCreated, SettingsChanged
from schemas.topics import AGENT_EVENTS
from tests.projections.world import NOON_US, World


@pytest.fixture(params=[False, True], ids=["at-once", "lazy"])
def lazy(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


MEASURE: dict[str, Any] = {
    "measure": "cost",
    "unit": "usd",
    "n": 3,
    "total": "12345678901234567890.123456789",
    "mean": 0.5,
    "stddev": None,
    "p50": 0.5,
    "p90": 0.75,
    "p99": 1.0,
    "minimum": "-0.000000001",
    "maximum": None,
}


def test_a_pattern_is_a_row_with_measures_days_and_sites(world: World) -> None:
    identity = world.pattern(
        "task",
        "a",
        "t:x",
        occurrences=5,
        successes=3,
        failures=2,
        attributes={"agent": "a"},
        counters={"sessions": 2},
        measures=[MEASURE],
        days=[["2023-11-14", 5, 3, 2]],
        sites=[
            {
                "site_id": "s",
                "site_label": None,
                "occurrences": 5,
                "successes": 3,
                "failures": 2,
                "version": "1.0:7",
            }
        ],
        forks=["f"],
    )
    world.project()

    (row,) = world.rows("patterns")
    assert (row["pattern_id"], row["kind"], row["signature"]) == (identity, "task", "a:t%3Ax")
    assert (row["occurrences"], row["successes"], row["failures"]) == (5, 3, 2)
    assert (row["first_seen"], row["last_seen"]) == (from_us(NOON_US), None)
    assert (row["attributes"], row["counters"]) == ('{"agent":"a"}', '{"sessions":2}')
    assert (row["version"], row["forks"]) == ("here@1.0:7", ["f"])
    (stated,) = world.rows("pattern_measures")
    exact = {
        "total": Decimal(MEASURE["total"]),
        "minimum": Decimal("-0.000000001"),
    }
    assert stated == MEASURE | {"pattern_id": identity} | exact
    (day,) = world.rows("pattern_days")
    assert (day["day"], day["occurrences"], day["failures"]) == (date(2023, 11, 14), 5, 2)
    (site,) = world.rows("pattern_sites")
    assert (site["site_id"], site["site_label"], site["version"]) == ("s", None, "1.0:7")


def test_a_newer_row_takes_the_place_of_the_older_and_a_tombstone_removes_it(world: World) -> None:
    first = world.pattern("tool", "Bash", days=[["2023-11-14", 1, 0, 0]])
    second = world.pattern("tool", "Read")
    world.project()

    world.pattern("tool", "Bash", occurrences=9, days=[["2023-11-15", 9, 0, 0]])
    world.forget(second)
    world.project()

    assert [(row["pattern_id"], row["occurrences"]) for row in world.rows("patterns")] == [
        (first, 9)
    ]
    assert [row["day"] for row in world.rows("pattern_days")] == [date(2023, 11, 15)]


def test_a_contribution_of_a_smaller_version_changes_nothing(world: World) -> None:
    world.contribute((1, 0, 20), {"occurrences": 4, "first_us": NOON_US, "last_us": NOON_US})
    world.contribute((1, 0, 9), {"occurrences": 1}, site="there")
    world.project()

    world.contribute((1, 0, 9), {"occurrences": 2})
    world.contribute((1, 1, 0), {"occurrences": 3, "successes": 2, "undated": 1}, site="there")
    world.project()

    here, there = world.rows("contributions", order="site_id")
    assert (here["occurrences"], here["version"], here["site_label"]) == (4, "1.0:20", "here")
    assert here["first_seen"] == here["last_seen"] == from_us(NOON_US)
    assert (there["occurrences"], there["version"], there["successes"]) == (3, "1.1:0", 2)
    assert there["tally"] == '{"occurrences":3,"successes":2,"undated":1}'
    assert (there["log_id"], there["topic"], there["partition"]) == (
        "0" * 32,
        AGENT_EVENTS.name,
        0,
    )
    (total,) = world.rows("pattern_totals")
    assert (total["occurrences"], total["site_count"], total["undated"]) == (7, 2, 1)


def test_an_empty_tally_takes_the_contribution_away_for_good(world: World) -> None:
    world.contribute((1, 0, 20), {"occurrences": 4})
    world.contribute((2, 0, 20), {})
    world.project()
    assert world.rows("contributions") == []

    world.contribute((1, 0, 30), {"occurrences": 4})
    world.project()

    assert world.rows("contributions") == []
    assert world.rows("pattern_totals") == []


def test_a_letter_is_one_row_however_often_it_stands_in_the_topic(world: World) -> None:
    origin = f"{AGENT_EVENTS.name}/0/3"
    for _ in range(3):
        world.letter(
            "a" * 32,
            b"\xff\x00bytes",
            reason=b"not_json",
            detail=b"at 1",
            origin=origin.encode(),
            origin_topic=AGENT_EVENTS.name.encode(),
            refused_at=b"%d" % NOON_US,
            headers=b'[["a","Yg=="]]',
            key=b"k",
        )
        world.project()

    (row,) = world.rows("dead_letters")

    assert (row["letter_id"], row["bytes"], row["key"]) == ("a" * 32, b"\xff\x00bytes", b"k")
    assert (row["reason"], row["detail"], row["origin"]) == ("not_json", "at 1", origin)
    assert (row["refused_at"], row["decided"]) == (from_us(NOON_US), None)
    assert row["headers"] == '[["a","Yg=="]]'


def test_what_was_decided_stays_decided(world: World) -> None:
    world.letter("a" * 32, b"x", reason=b"not_json")
    world.letter("a" * 32, None, decision=b"retried")
    world.letter("b" * 32, b"y", reason=b"not_json")
    world.project()
    world.letter("a" * 32, b"x", reason=b"not_json")
    world.letter("b" * 32, None, decision=b"discarded")
    world.project()

    found = {row["letter_id"][0]: row["decided"] for row in world.rows("dead_letters")}

    assert found == {"a": "retried", "b": "discarded"}


def test_the_log_says_who_it_is(world: World) -> None:
    numbers = count()

    def created(log_id: str, label: str) -> Event:
        data = LogCreated(site_id="s", log_id=log_id, site_label=label, partitions=1, format=1)
        return Event("motif", f"created-{next(numbers)}", data, NOON_US)

    changed = Event("motif", "settings", SettingsChanged(mcp_servers=["a", "b"]), NOON_US)
    world.append(created("l", "first"), created("l", "second"), changed, changed)
    world.project()
    world.append(created("l", "third"))
    world.project()

    assert [(row["log_id"], row["site_label"]) for row in world.rows("logs")] == [("l", "first")]
    assert [row["mcp_servers"] for row in world.rows("settings")] == [["a", "b"]]
