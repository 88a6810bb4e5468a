"""A site's own rules for operations: a change is a replay, here and wherever it was told before."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import motif
from connectors.generate_runs import workflow_runs
from connectors.logs.sqlite import SqliteLog
from motif.cli import app
from motif.copying import copy
from motif.node import Node
from schemas.envelope import Event
from schemas.errors import WrongUse
from tests.integration.rows import Tables, asked, assert_same, assert_settled, learned, stored

OWN = """
version = "7"
builtin = false

[tool_share]
default = 0.1
deploy = 0.5

[[rule]]
id = "release"
signature = "deploy:release:all"
words = ["ship"]

[[rule]]
id = "auth"
signature = "sdlc:auth:all"
any = ["jwt", "login"]
"""


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(workflow_runs(4, 400, amended=0.2))


def made(folder: Path, events: list[Event], rules: str | None = None) -> Tables:
    """What a node that always had these rules learns."""
    with motif.open(folder, operation_rules=rules) as node:
        node.publish(events)
        return learned(node)


def signatures(node: Node) -> set[str]:
    return {name for (name,) in asked(node, "SELECT pattern_signature FROM operation_patterns")}


def test_new_rules_are_as_if_they_had_always_been(events: list[Event], tmp_path: Path) -> None:
    old = made(tmp_path / "node", events)
    with motif.open(tmp_path / "fresh", operation_rules=OWN) as fresh:
        fresh.publish(events)
        expected = stored(fresh)

    with motif.open(tmp_path / "node", operation_rules=OWN) as node:
        assert signatures(node) == {"deploy:release:all", "sdlc:auth:all", "review:code:all"}
        found = stored(node)
        assert_same(found, {**expected, "logs": found["logs"], "settings": found["settings"]})
        assert_settled(node)
        assert not node.verify()
    with motif.open(tmp_path / "node", operation_rules="") as node:
        assert_same(learned(node), old)


def test_the_rule_that_fired_stands_with_its_version(events: list[Event], tmp_path: Path) -> None:
    with motif.open(tmp_path / "node", operation_rules=OWN) as node:
        node.publish(events)
        query = "SELECT DISTINCT signature, rule, rules_version FROM pattern_occurrences"
        found = asked(node, query)

    assert set(found) == {
        ("deploy:release:all", "release", "1+7"),
        ("sdlc:auth:all", "auth", "1+7"),
        ("review:code:all", "asserted", None),
    }


def test_a_tool_costs_the_share_that_its_category_has(events: list[Event], tmp_path: Path) -> None:
    with motif.open(tmp_path / "node", operation_rules=OWN) as node:
        node.publish(events)
        query = (
            "SELECT pattern_type, avg_cost_with_tool / avg_cost_with_llm FROM operation_patterns"
        )
        found = dict(asked(node, query))

    assert found["deploy"] == pytest.approx(0.5)
    assert found["sdlc"] == pytest.approx(0.1)


def test_a_second_site_loses_the_old_patterns_too(events: list[Event], tmp_path: Path) -> None:
    """Also when the old contributions arrive after the new ones, and again."""
    made(tmp_path / "a", events)
    with motif.open(tmp_path / "a") as a, motif.open(tmp_path / "b") as b:
        old = a.contributions()
        b.take_in(old)
        assert "test:pytest:backend" in signatures(b)

    with motif.open(tmp_path / "a", operation_rules=OWN) as a:
        new = a.contributions()
        expected = learned(a)

    with motif.open(tmp_path / "b") as b:
        b.take_in(new)
        assert_same(learned(b), expected)
        b.take_in(old)
        assert_same(learned(b), expected)
    with motif.open(tmp_path / "c") as c:
        c.take_in(new)
        c.take_in(old)
        assert_same(learned(c), expected)


def test_learning_again_from_the_log_changes_nothing_by_the_same_rules(
    events: list[Event], tmp_path: Path
) -> None:
    expected = made(tmp_path / "node", events)
    with motif.open(tmp_path / "node") as node:
        node.relearn()
        node.rebuild()

        assert_same(learned(node), expected)
        assert not node.verify()
        assert node.notices == []  # nothing is out of the ordinary that was asked for


def test_a_copy_is_learned_by_the_same_rules(events: list[Event], tmp_path: Path) -> None:
    expected = made(tmp_path / "node", events, OWN)
    with (
        SqliteLog.open(tmp_path / "node") as old,
        SqliteLog.open_or_create(tmp_path / "copy", partitions=3) as new,
    ):
        copy(old, new)
    with motif.open(tmp_path / "copy") as node:
        assert node.identity.operation_rules == OWN
        assert_same(learned(node), expected)


def test_an_empty_variable_leaves_the_rules_and_the_word_none_gives_them_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tmp_path / "node")
    with motif.open(folder, operation_rules=OWN):
        pass

    def rules_after(value: str) -> str:
        monkeypatch.setenv("MOTIF_OPERATION_RULES", value)
        ran = CliRunner().invoke(app, ["sql", "SELECT 1", "--data", folder])
        assert ran.exit_code == 0, ran.stderr
        with motif.open(folder) as node:
            return node.identity.operation_rules

    assert rules_after("") == OWN
    assert rules_after("none") == ""


def test_other_rules_under_a_version_that_is_taken_are_refused(tmp_path: Path) -> None:
    """They differ where they find something else; a comment is no other rule."""
    other = OWN.replace('words = ["ship"]', 'words = ["launch"]')
    raised = other.replace('version = "7"', 'version = "8"')
    for rules in (OWN, f"# ours\n{OWN}", raised, ""):
        with motif.open(tmp_path / "node", operation_rules=rules):
            pass

    with pytest.raises(WrongUse, match=r"other rules for operations with version '7' already"):
        motif.open(tmp_path / "node", operation_rules=other)
    with motif.open(tmp_path / "node") as node:
        assert node.identity.operation_rules == ""
    with motif.open(tmp_path / "node", operation_rules=OWN) as node:
        assert node.identity.operations.version == "1+7"
