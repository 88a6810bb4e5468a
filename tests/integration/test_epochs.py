"""Changed rules: the old rows stay until everything is learned anew, then only the new ones count.

Rules change in two ways: a setting that bears on what is learned, and the recognisers' own code.
Either way the answer must be that of a log that never knew other rules, here and at every site
that was told the old answer.
"""

from pathlib import Path

import pytest

import motif
from connectors.generate import sessions
from motif.node import Node
from schemas.envelope import Event
from schemas.errors import LogIncompatible
from schemas.events import ToolCalled
from streams import learner as learners
from streams.change import Change
from streams.recognise import RULES_VERSION, tool_usage
from streams.sessions import Call, Session
from tests.integration.rows import Tables, asked, assert_same, assert_settled, learned, stored

SERVER = "linear"

RULES = "streams.identity.RULES_VERSION"
NEWER = RULES_VERSION + 1


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Sessions in which one tool is renamed to that of a server nobody else has."""
    return [_with_server(event) for event in sessions(seed=5, count=4)]


@pytest.fixture
def newer_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version in which a transition is named backwards, and one to itself by another name."""
    monkeypatch.setattr(RULES, NEWER)
    monkeypatch.setattr(tool_usage, "of_pair", _of_pair_backwards)


@pytest.fixture
def by_old_rules(events: list[Event], tmp_path: Path) -> Tables:
    """What is learned by the rules of today, into the folder `node`."""
    with motif.open(tmp_path / "node") as node:
        node.publish(events)
        return learned(node)


def test_an_allowed_server_is_as_if_it_had_always_been_allowed(
    events: list[Event], by_old_rules: Tables, tmp_path: Path
) -> None:
    with motif.open(tmp_path / "fresh", mcp_servers=[SERVER]) as fresh:
        fresh.publish(events)
        expected = stored(fresh)
        assert _shown(fresh)

    with motif.open(tmp_path / "node", mcp_servers=[SERVER]) as node:
        found = stored(node)

        assert_same(found, {**expected, "logs": found["logs"], "settings": found["settings"]})
        assert not _masked(node)
        assert_settled(node)
        assert node.identity.epoch == (RULES_VERSION, 1)
        assert any("learned again" in notice for notice in node.notices)


def test_a_server_that_is_no_longer_allowed_is_gone(
    events: list[Event], by_old_rules: Tables, tmp_path: Path
) -> None:
    with motif.open(tmp_path / "node", mcp_servers=[SERVER]) as node:
        assert _shown(node)
    with motif.open(tmp_path / "node", mcp_servers=[]) as node:
        assert not _shown(node)
        assert_same(learned(node), by_old_rules)
        assert node.identity.epoch == (RULES_VERSION, 2)


def test_settings_stay_when_nobody_mentions_them(by_old_rules: Tables, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node", mcp_servers=[SERVER]) as node:
        expected = learned(node)
    for servers in (None, [SERVER]):
        with motif.open(tmp_path / "node", mcp_servers=servers) as node:
            assert_same(learned(node), expected)
            assert node.identity.epoch == (RULES_VERSION, 1)
            assert not node.notices


def test_new_rules_are_as_if_they_had_always_been(
    events: list[Event],
    by_old_rules: Tables,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue("newer_rules")
    with motif.open(tmp_path / "fresh") as fresh:
        fresh.publish(events)
        expected = stored(fresh)

    with motif.open(tmp_path / "node") as node:
        assert_same(stored(node), expected)
        assert_settled(node)
        assert learned(node) != by_old_rules
        assert not node.verify()
        assert node.identity.epoch == (NEWER, 0)


def test_old_rows_stay_until_the_new_rules_have_caught_up(
    by_old_rules: Tables,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process ends before the first commit of the new epoch, again and again."""
    request.getfixturevalue("newer_rules")
    with monkeypatch.context() as patch:
        patch.setattr(learners, "reach", _power_cut)
        for _ in range(2):
            with motif.open(tmp_path / "node") as node:
                with pytest.raises(PowerCut):
                    node.settle()
                engine = node.engine
                engine._project(None)
                engine._settled_ends = engine._ends()
                assert_same(learned(node), by_old_rules)

    with motif.open(tmp_path / "node") as node:
        assert learned(node) != by_old_rules
        assert _backwards(node)


def test_older_rules_refuse_what_newer_ones_have_learned(
    by_old_rules: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RULES, NEWER)
        with motif.open(tmp_path / "node") as node:
            node.settle()

    with motif.open(tmp_path / "node") as node, pytest.raises(LogIncompatible, match="newer"):
        node.settle()


def test_a_second_site_follows_the_new_rules_of_the_first(
    events: list[Event], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What the first no longer makes is gone at the second too, which told it nothing."""
    here = [event for event in events if _of_first(event)]
    there = [event for event in events if not _of_first(event)]
    with motif.open(tmp_path / "a") as a, motif.open(tmp_path / "b") as b:
        a.publish(here)
        b.publish(there)
        b.take_in(a.contributions())
        old = learned(b)
    request.getfixturevalue("newer_rules")
    with motif.open(tmp_path / "one") as one:
        one.publish(events)
        expected = learned(one)

    with motif.open(tmp_path / "a") as a, motif.open(tmp_path / "b") as b:
        taken = b.take_in(a.contributions())

        assert taken.taken > 0
        assert_same(learned(b), expected)
        assert learned(b) != old
        a.take_in(b.contributions())
        assert_same(learned(a), expected)


def test_a_site_with_old_rules_takes_in_what_newer_ones_learned(
    events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sites are not updated in one moment; of one contributor the newer statement counts."""
    with motif.open(tmp_path / "a") as a, motif.open(tmp_path / "b") as b:
        a.publish(events)
        b.take_in(a.contributions())
        assert not _backwards(b)

    with monkeypatch.context() as patch:
        patch.setattr(RULES, NEWER)
        patch.setattr(tool_usage, "of_pair", _of_pair_backwards)
        with motif.open(tmp_path / "a") as a:
            carried = a.contributions()
            expected = learned(a)

    with motif.open(tmp_path / "b") as b:
        b.take_in(carried)
        b.take_in(carried)
        assert_same(learned(b), expected)


class PowerCut(BaseException):
    """Stands for the end of a process, where the process is this one."""


def _power_cut(name: str) -> None:
    if name == "learner.before_commit":
        raise PowerCut(name)


def _of_pair_backwards(session: Session, first: Call, second: Call) -> Change:
    change = _OF_PAIR(session, first, second)
    if first.tool == second.tool:
        return change._replace(pattern=("tool_usage", "again", first.tool))
    return change._replace(pattern=("tool_usage", second.tool, first.tool))


_OF_PAIR = tool_usage.of_pair


def _backwards(node: Node) -> list[tuple[str]]:
    return asked(node, "SELECT signature FROM patterns WHERE starts_with(signature, 'again:')")


def _shown(node: Node) -> list[tuple[str]]:
    return asked(node, f"SELECT title FROM patterns WHERE contains(title, 'mcp__{SERVER}')")


def _masked(node: Node) -> list[tuple[str]]:
    return asked(node, "SELECT title FROM patterns WHERE contains(title, 'mcp__*__list')")


def _with_server(event: Event) -> Event:
    """The event, with one of its world's tools renamed to that of a server."""
    data = event.data
    if not isinstance(data, ToolCalled) or data.tool != "Grep":
        return event
    renamed = data.model_copy(update={"tool": f"mcp__{SERVER}__list"})
    return Event(event.source, event.id, renamed, event.time_us)


def _of_first(event: Event) -> bool:
    return event.key[-1] % 2 == 0
