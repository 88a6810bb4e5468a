"""Six ways in which a program that counts runs goes wrong; each is noticed.

What notices them are claims that other tests hold of the program as it is.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.node import Node
from projections.views import VIEWS
from schemas.workflows import WorkflowRunFinished
from streams import runs
from streams.change import Change, Pattern
from streams.dedupe import Seen
from streams.operations import Recognised
from streams.recognise import operation
from streams.runs import Heard, RunKeeper
from streams.state import State
from streams.statistics import mean
from tests.motif.test_operation_patterns import row, run

Patch = pytest.MonkeyPatch


def counts_once(node: Node) -> None:
    """The same run, read twice, is one."""
    node.publish([run("a"), run("b")])
    node.settle()
    node.publish([run("a"), run("b")])
    assert row(node)["occurrence_count"] == 2


def missing_is_not_zero(node: Node) -> None:
    """A run without a cost has no part in the mean cost."""
    node.publish([run("a", cost_usd=None), run("b", cost_usd=Decimal(1))])
    assert row(node)["avg_cost_with_llm"] == 1


def means_are_exact(node: Node) -> None:
    """A third of a token is not cut off."""
    node.publish([run("a", total_tokens=1), run("b", total_tokens=1), run("c", total_tokens=2)])
    assert row(node)["avg_tokens_with_llm"] == 4 / 3


def words_are_whole(node: Node) -> None:
    """The latest is no test."""
    node.publish([run("a", input_text="Update the latest API"), run("b")])
    found = node.sql("SELECT pattern_signature AS name FROM operation_patterns").to_pylist()
    assert [one["name"] for one in found] == ["test:pytest:backend"]


def savings_have_a_window(node: Node) -> None:
    """What rested for a month saves nothing in a month."""
    node.publish([run("a", 31), run("b", input_text="Build the app")])
    assert row(node)["potential_monthly_savings"] == 0


def the_greatest_revision_counts(node: Node) -> None:
    """A cost that comes later takes the place of the first."""
    first, later = run("a"), run("a", cost_usd=Decimal(3))
    node.publish(_stated(first, 0))
    node.settle()
    node.publish(_stated(later, 1))
    assert row(node)["avg_cost_with_llm"] == 3


def _stated(event: motif.Event, revision: int) -> motif.Event:
    name = event.id
    return motif.Event(
        event.source, f"{name}@{revision}", event.data, event.time_us, name, revision
    )


def without_ids(patch: Patch) -> None:
    patch.setattr(Seen, "lookup", lambda _, ids: [None] * len(ids))
    patch.setattr(State, "statement", lambda *_: None)


def null_as_zero(patch: Patch) -> None:
    of_run = operation.of_run

    def of(pattern: Pattern, said: Any, at_us: int | None) -> Change:
        stated = {name: getattr(said, name) for name in WorkflowRunFinished.model_fields}
        stated["cost_usd"] = stated["cost_usd"] or Decimal(0)
        return of_run(pattern, WorkflowRunFinished.model_construct(**stated), at_us)

    patch.setattr(runs, "of_run", of)


def truncated_mean(patch: Patch) -> None:
    patch.setattr("streams.federated.mean", lambda *of: int(mean(*of) or 0))


def substrings(patch: Patch) -> None:
    def recognise(text: str | None, *_: object) -> tuple[Recognised, ...]:
        named = "pytest" if "pytest" in (text or "") else "generic"
        half = "backend" if named == "pytest" else "all"
        found = Recognised(f"test:{named}:{half}", "mutant")
        return (found,) if "test" in (text or "") else ()

    patch.setattr(runs, "recogniser", lambda _: recognise)


def no_window(patch: Patch) -> None:
    whole = [one.replace("mean_cost * recently", "mean_cost * occurrences") for one in VIEWS]
    patch.setattr("projections.store.VIEWS", whole)


def the_oldest_wins(patch: Patch) -> None:
    finished = RunKeeper.finished

    def first_only(keeper: RunKeeper, heard: Heard, said: WorkflowRunFinished) -> None:
        if keeper._state.statement(heard.thing) is None:
            finished(keeper, heard, said)

    patch.setattr(RunKeeper, "finished", first_only)


MUTANTS: dict[str, tuple[Callable[[Patch], None], Callable[[Node], None]]] = {
    "the de-duplication is dropped": (without_ids, counts_once),
    "null is 0": (null_as_zero, missing_is_not_zero),
    "the mean is truncated": (truncated_mean, means_are_exact),
    "a part of a word matches": (substrings, words_are_whole),
    "savings have no window": (no_window, savings_have_a_window),
    "the oldest revision wins": (the_oldest_wins, the_greatest_revision_counts),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_noticed(name: str, tmp_path: Path, monkeypatch: Patch) -> None:
    mutate, claim = MUTANTS[name]
    with motif.open(tmp_path / "right") as node:
        claim(node)

    with monkeypatch.context() as patch:
        mutate(patch)
        with motif.open(tmp_path / "wrong") as node, pytest.raises(AssertionError):
            claim(node)
