"""Typed questions about patterns, and the views that compare them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from projections import queries
from schemas.clock import from_us
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.events import ToolCalled, ToolFinished
from schemas.topics import AGENT_EVENTS
from tests.projections.world import NOON_US, World


def test_patterns_come_best_first(world: World) -> None:
    world.pattern("tool", "low", confidence=0.1, occurrences=99)
    world.pattern("tool", "few", confidence=0.9, occurrences=2)
    world.pattern("tool", "many", confidence=0.9, occurrences=3)
    world.project()

    assert [row.title for row in queries.patterns(world.store)] == ["many", "few", "low"]


def test_filters_narrow_the_list(world: World) -> None:
    world.pattern("tool", "Bash", confidence=0.9)
    world.pattern("tool", "Read", confidence=0.2)
    world.pattern("task", "a", "Bash work", confidence=0.8)
    world.project()

    def titles(**filters: Any) -> list[str]:
        return [row.title for row in queries.patterns(world.store, **filters)]

    assert titles(kind="tool") == ["Bash", "Read"]
    assert titles(min_confidence=0.8) == ["Bash", "a / Bash work"]
    assert titles(search="bASH") == ["Bash", "a / Bash work"]
    assert titles(search="%' OR true --") == []
    assert titles(search="bash", kind="task", min_confidence=0.5) == ["a / Bash work"]
    assert titles(limit=1) == ["Bash"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_paging_by_key_meets_every_pattern_once(world: World, size: int) -> None:
    for number in range(11):
        world.pattern("tool", f"t{number}", confidence=(number % 3) / 3, occurrences=number % 2)
    world.project()

    met: list[str] = []
    after = None
    while page := queries.patterns(world.store, limit=size, after=after):
        met += [row.pattern_id for row in page]
        after = page[-1].key

    assert met == [row.pattern_id for row in queries.patterns(world.store)]
    assert len(set(met)) == 11


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_has_a_limit(world: World, limit: int) -> None:
    with pytest.raises(WrongUse, match=f"limit is {limit}"):
        queries.patterns(world.store, limit=limit)


def test_a_pattern_is_found_by_id_signature_and_kind_with_signature(world: World) -> None:
    measure = {"measure": "latency", "unit": "us", "n": 2, "total": "3", "mean": 1.5}
    site = {"site_id": "s", "site_label": "home", "occurrences": 7, "version": "1.0:1"}
    identity = world.pattern(
        "tool_usage",
        "mcp:x",
        "Bash",
        measures=[measure],
        days=[["2023-11-14", 4, 2, 1]],
        sites=[site],
        attributes={"tool_a": "mcp:x"},
    )
    world.project()

    found = queries.pattern(world.store, identity)
    for name in ("mcp%3Ax:Bash", "tool_usage:mcp%3Ax:Bash"):
        assert queries.pattern(world.store, name) == found
    assert found is not None
    assert found.pattern.pattern_id == identity
    assert found.pattern.attributes == {"tool_a": "mcp:x"}
    assert found.pattern.first_seen == from_us(NOON_US)
    assert found.pattern.first_seen.tzinfo is not None
    (stated,) = found.measures
    assert (stated.total, stated.mean, stated.maximum) == (Decimal(3), 1.5, None)
    assert found.days == [queries.Day(date(2023, 11, 14), 4, 2, 1)]
    assert found.sites == [queries.Site("s", "home", 7, 0, 0, "1.0:1")]


def test_a_name_of_nothing_finds_nothing(world: World) -> None:
    assert queries.pattern(world.store, "tool:Bash") is None
    assert queries.pattern(world.store, "' OR true --") is None


def test_a_name_of_two_patterns_asks_back(world: World) -> None:
    world.pattern("model", "a", "b")
    world.pattern("task", "a", "b")
    world.project()

    with pytest.raises(WrongUse, match=r"names 2 patterns; say which: .*task:a:b"):
        queries.pattern(world.store, "a:b")


def test_status_says_how_far_everything_is(world: World) -> None:
    called = Event("src", "c", ToolCalled(session_id="s", agent="a", tool="Bash"), NOON_US)
    world.append(called, called, called)
    world.learn(repeats=[1], upto=2)
    world.pattern("tool", "Bash")
    world.letter("a" * 32, b"x", reason=b"not_json")
    world.letter("a" * 32, None, decision=b"discarded")
    world.letter("b" * 32, b"y", reason=b"not_json")
    world.project()
    world.learn(upto=3)

    found = queries.status(world.store)

    assert (found.rows["tool_called"], found.patterns) == (1, {"tool": 1})
    assert (found.duplicates, found.dead_letters, found.dead_letters_undecided) == (1, 2, 1)
    (reached,) = [one for one in found.positions if one.topic == AGENT_EVENTS.name]
    assert (reached.position, reached.learned, reached.behind, reached.epoch) == (2, 2, 0, "1.0")
    assert queries.counts(world.store)["tool_calls"] == 1
    assert len(queries.dead_letters(world.store)) == 2
    (letter,) = queries.dead_letters(world.store, undecided=True)
    assert letter["letter_id"] == "b" * 32
    assert queries.dead_letters(world.store, letter_id="a" * 32)[0]["decided"] == "discarded"


def usage(world: World, a: str, b: str, n: int) -> None:
    world.pattern("tool_usage", a, b, occurrences=n, attributes={"tool_a": a, "tool_b": b})


def test_lift_compares_a_share_with_its_baseline(world: World) -> None:
    usage(world, "Edit", "Bash", 6)
    usage(world, "Edit", "Read", 2)
    usage(world, "Read", "Bash", 2)
    usage(world, "Read", "Read", 10)
    world.project()

    rows = {(row["tool_a"], row["tool_b"]): row for row in world.rows("v_tool_lift")}

    found = rows["Edit", "Bash"]
    assert (found["n"], found["share"], found["baseline"]) == (6, 0.75, 0.4)
    assert found["lift"] == pytest.approx(0.75 / 0.4, rel=1e-12)


def test_error_recovery_is_compared_with_what_usually_follows(world: World) -> None:
    usage(world, "Bash", "Bash", 3)
    usage(world, "Bash", "Read", 1)
    measures = [{"measure": "attempts", "unit": "calls", "n": 2, "total": "3", "mean": 1.5}]
    for b, n, counters in (("Bash", 2, {"parallel": 1}), ("Read", 2, {})):
        attributes = {"error_class": "exit_code", "tool_a": "Bash", "tool_b": b}
        world.pattern(
            "error_recovery",
            "exit_code",
            "Bash",
            b,
            occurrences=n,
            successes=1,
            failures=3,
            attributes=attributes,
            counters=counters,
            measures=measures if b == "Bash" else [],
        )
    world.project()

    bash, read = world.rows("v_error_recovery", order="tool_b")

    assert (bash["share"], bash["baseline"], bash["recovered_share"]) == (0.5, 0.75, 0.25)
    assert bash["lift"] == pytest.approx(2 / 3, rel=1e-12)
    assert (bash["attempts_mean"], bash["parallel"]) == (1.5, 1)
    assert (read["attempts_mean"], read["parallel"], read["lift"]) == (None, 0, 2.0)


def test_trends_and_ranks_and_shares_are_views(world: World) -> None:
    world.pattern(
        "tool",
        "Bash",
        confidence=0.9,
        occurrences=30,
        days=[["2023-11-15", 3, 0, 0], ["2023-11-14", 4, 2, 1]],
    )
    world.pattern("tool", "Read", confidence=0.95, occurrences=10)
    world.pattern("tool", "Edit", confidence=0.1)
    world.project()

    trends = [
        (row["day"].day, row["success_rate"]) for row in world.rows("v_pattern_quality_trends")
    ]
    assert sorted(trends) == [(14, 2 / 3), (15, None)]
    ranks = {row["title"]: row["rank"] for row in world.rows("v_top_patterns")}
    assert ranks == {"Read": 1, "Bash": 2, "Edit": 3}
    shares = {row["signature"]: row["share"] for row in world.rows("v_pattern_shares")}
    assert shares["Bash"] == pytest.approx(30 / 41)


def test_a_day_is_a_day_in_utc(world: World) -> None:
    end = 1_700_006_399_999_999
    called = ToolCalled(session_id="s", agent="a", tool="Bash")
    done = ToolFinished(session_id="s", call_id="c", ok=True)
    world.state(Event("src", "c", called, end), Event("src", "c/result", done, end + 1))

    (row,) = world.ask("SELECT called_at::DATE a, finished_at::DATE b, finished_at FROM tool_calls")

    assert (row["a"], row["b"]) == (date(2023, 11, 14), date(2023, 11, 15))
    assert row["finished_at"] == datetime(2023, 11, 15, tzinfo=UTC)
