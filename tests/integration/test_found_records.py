"""Single records are found as soon as they are learned, and as the tables have them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.generate import sessions, task_completions
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.erasing import forget
from motif.forgetting import Forgetting
from motif.node import Node
from projections.records import RECORDS, Record
from schemas.clock import to_us
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.events import TaskCompleted
from schemas.workflows import WorkflowRunDeleted, WorkflowRunFinished
from tests.integration.found import assert_found, walked
from tests.integration.processes import KILLED, Command
from tests.integration.samples import write_sample


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with motif.open(tmp_path / "node", partitions=3) as opened:
        yield opened


def done(name: str, revision: int | None = None, **said: Any) -> Event:
    """A statement about a task."""
    identity = name if revision is None else f"{name}@{revision}"
    data = TaskCompleted.model_validate(
        {"task_type": "build", "agent": "a", "success": True, "record_id": name, **said}
    )
    return Event("test", identity, data, None, None if revision is None else name, revision)


def test_what_is_found_is_what_the_tables_say(node: Node) -> None:
    node.publish([*records(3, 200), *workflow_runs(3, 300), *sessions(3, 2)])
    node.publish([*task_completions(4, 100, patterns=9), *records(3, 50)])

    assert_found(node)
    assert len(list(walked(node))) > 590


def test_a_record_is_found_when_it_is_appended_and_as_it_is_said_now(node: Node) -> None:
    node.publish(records(3, 40))
    assert not len(node.records(text="quagga"))

    node.publish(done("new", 1, error_message="a quagga got in"))
    first = node.records(text="quagga")
    node.publish([done("new", 3, tags=["late"]), done("new", 2, error_message="a quagga again")])

    assert [one.subject for one in first] == ["new"]
    assert not len(node.records(text="quagga"))
    assert node.record("new").data["tags"] == ["late"]
    assert [one.revision for one in node.records(tags=["late"])] == [3]


def test_a_run_that_is_deleted_is_not_found_and_comes_back(node: Node) -> None:
    def run(revision: int) -> Event:
        data = WorkflowRunFinished(workflow_id="w", run_id="r", input_text="ship it")
        return Event("test", f"r@{revision}", data, None, "r", revision)

    gone = Event("test", "r@2", WorkflowRunDeleted(workflow_id="w", run_id="r"), None, "r", 2)
    node.publish([run(0), *workflow_runs(3, 5), gone])
    assert not len(node.records(text="ship", source="test"))
    with pytest.raises(WrongUse, match="no record is called 'r'"):
        node.record("r")

    node.publish(run(3))

    assert node.record("r").revision == 3
    assert next(iter(node.records(source="test"))).subject == "r"
    assert_found(node)


def test_an_id_of_several_is_named_with_all_of_them(node: Node) -> None:
    data = TaskCompleted(task_type="build", agent="a", success=True)
    node.publish([Event("here", "1", data), Event("there", "1", data)])

    with pytest.raises(WrongUse, match=r"2 records are called '1': task_completion of here, "):
        node.record("1")

    assert node.record("1", source="there").source == "there"


def test_they_are_made_again_with_the_tables(node: Node) -> None:
    node.publish([*records(3, 60), *workflow_runs(3, 60)])
    before = list(walked(node))

    node.rebuild()

    assert list(walked(node)) == before
    assert not node.verify()
    assert not node.notices


def test_learning_anew_leaves_each_once(node: Node) -> None:
    """Under a new epoch a partition is projected again from its beginning."""
    node.publish([*records(3, 60), *workflow_runs(3, 60)])
    node.settle()
    node.close()

    with motif.open(node.folder, mcp_servers=["docs"]) as again:
        assert_found(again)
        assert not again.verify()


def test_what_is_archived_is_found_and_what_is_pruned_is_not(node: Node) -> None:
    node.publish([*records(3, 80), *workflow_runs(3, 80)])
    before = list(walked(node))
    middle_us = sorted(map(_us, before))[len(before) // 2]

    node.archive(0, as_of_us=middle_us)
    assert list(walked(node)) == before
    node.prune(0, as_of_us=middle_us)

    left = [one.subject for one in walked(node)]
    assert left == [one.subject for one in before if _us(one) >= middle_us]
    assert_found(node)
    assert not node.verify()
    with sqlite3.connect(node.folder / RECORDS) as file:
        assert len(left) == file.execute("SELECT count(data) FROM record").fetchone()[0]


def _us(record: Record) -> int:
    """When it happened, which every one of these knows."""
    assert record.happened_at is not None
    return to_us(record.happened_at)


@pytest.mark.parametrize("kind", ["session_id", "user_id"])
def test_who_is_forgotten_is_not_found_and_in_no_byte(node: Node, kind: str) -> None:
    secret = "ann4711secret"
    who: dict[str, Any] = {kind: secret}
    node.publish([*records(3, 40), done("hers", error_message=secret, **who)])
    node.publish([done("theirs", error_message="of nobody")])
    assert len(node.records(text=secret)) == 1
    node.close()
    assert secret.encode() in (node.folder / RECORDS).read_bytes()

    forget(node.folder, Forgetting(**who))

    assert not (node.folder / RECORDS).exists()
    with motif.open(node.folder) as again:
        assert not len(again.records(text=secret))
        assert len(again.records(text="nobody")) == 1
        assert_found(again)
    files = [path for path in node.folder.rglob("*") if path.is_file()]
    assert node.folder / RECORDS in files
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "failpoint",
    [
        "projector.before_commit:2",
        "projector.after_commit:1",
        "projector.after_commit:2",
        "records.before_commit:1",
        "records.before_commit:2",
        "records.after_commit:1",
    ],
)
def test_killed_between_the_two_files_they_agree_afterwards(tmp_path: Path, failpoint: str) -> None:
    sample = write_sample(tmp_path / "events.jsonl", count=2)
    command = Command(tmp_path / "node", ("import", "jsonl", sample))
    with motif.open(tmp_path / "node") as node:
        node.publish(records(3, 60))  # of which the tables know nothing yet

    assert (command.ends(failpoint=failpoint), command.ends()) == (KILLED, 0)

    with motif.open(tmp_path / "node") as node:
        assert_found(node)
        assert not node.verify()
        assert not node.notices
        assert len(list(walked(node))) > 360
