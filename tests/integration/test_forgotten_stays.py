"""What was forgotten does not come back: by an import, an export, a later statement or a row."""

from io import BytesIO
from pathlib import Path

import msgspec
import pytest

import motif
from connectors.logs.sqlite import SqliteLog
from connectors.publisher import Publisher
from motif.copying import copy
from motif.erasing import forget
from motif.exporting import export_events
from motif.forgetting import Forgetting
from motif.node import Node
from schemas.envelope import Event, outgoing
from schemas.events import TaskCompleted
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS
from schemas.workflows import (
    WorkflowOperationAsserted,
    WorkflowRunDeleted,
    WorkflowRunFinished,
    WorkflowStepFinished,
)
from tests.integration.rows import learned

ANN = "ann-4711"


def run(identity: str, revision: int, user: str | None, text: str = "Run tests") -> Event:
    said = WorkflowRunFinished(workflow_id=identity, run_id=identity, user_id=user, input_text=text)
    return Event("test", f"{identity}@{revision}", said, 1_000, identity, revision)


def asserted(identity: str) -> Event:
    data = WorkflowOperationAsserted(
        workflow_id=identity, run_id=identity, signature="deploy:ship:all"
    )
    return Event("test", f"{identity}/deploy:ship:all", data, 1_000)


def step(identity: str) -> Event:
    return Event(
        "test",
        f"{identity}/step",
        WorkflowStepFinished(workflow_id=identity, run_id=identity, step_id="s"),
        1_000,
    )


def filled(folder: Path, *events: Event) -> None:
    with motif.open(folder, partitions=2) as node:
        node.publish([run("bobs", 0, "bob"), *events])
        node.settle()


def exported(node: Node) -> bytes:
    target = BytesIO()
    export_events(node.log, target)
    return target.getvalue()


def shown(node: Node) -> tuple[list[str], list[str], list[str]]:
    """Runs, occurrences and steps by the ids of their runs, as the views have them."""
    tables = ("workflow_runs", "pattern_occurrences", "workflow_steps")
    return tuple(  # type: ignore[return-value]  # three of them
        sorted(row["run_id"] for row in node.sql(f"SELECT run_id FROM {table}").to_pylist())
        for table in tables
    )


def test_what_is_imported_again_is_not_appended_again(tmp_path: Path) -> None:
    theirs = [run("anns", 0, ANN), step("anns"), asserted("anns")]
    filled(tmp_path / "node", *theirs)
    forget(tmp_path / "node", Forgetting(user_id=ANN))

    with motif.open(tmp_path / "node") as node:
        before = learned(node)
        published = node.publish([*theirs, run("anns", 5, None), run("new", 0, "bob")])
        assert (published.appended, published.forgotten) == (1, 4)
        assert ANN.encode() not in exported(node)
        assert b"anns" not in exported(node)
        assert learned(node) != before


def test_the_import_says_how_much_it_left_out(tmp_path: Path) -> None:
    filled(tmp_path / "node", run("anns", 0, ANN))
    with motif.open(tmp_path / "node") as node:
        (tmp_path / "all.jsonl").write_bytes(exported(node))
    forget(tmp_path / "node", Forgetting(user_id=ANN))

    with motif.open(tmp_path / "node") as node:
        imported = node.import_files("jsonl", [tmp_path / "all.jsonl"])
        assert (imported.appended, imported.repeats, imported.forgotten) == (1, 1, 1)
        kept = exported(node)
        assert ANN.encode() not in kept
        again = node.import_files("jsonl", [tmp_path / "all.jsonl"])
        assert (again.forgotten, exported(node)) == (1, kept)


@pytest.mark.parametrize("named", [0, 1, 2], ids=["first", "middle", "last"])
def test_every_statement_about_their_run_goes(tmp_path: Path, named: int) -> None:
    """One revision names her, the others do not: together they are one run of hers."""
    said = [run("anns", number, ANN if number == named else None) for number in range(3)]
    filled(tmp_path / "node", asserted("anns"), *said, step("anns"))
    receipt = forget(tmp_path / "node", Forgetting(user_id=ANN))

    with motif.open(tmp_path / "node") as node:
        assert receipt.events == 5
        assert shown(node) == (["bobs"], ["bobs"], [])
        assert not node.verify()


def test_what_others_append_about_it_later_is_no_row(tmp_path: Path) -> None:
    """A producer that knows nothing of it writes into the log itself, as one on Kafka may."""
    filled(tmp_path / "node", run("anns", 0, ANN))
    forget(tmp_path / "node", Forgetting(user_id=ANN))
    deleted = WorkflowRunDeleted(workflow_id="anns", run_id="anns")
    late = [
        run("anns", 3, None, "Run tests and build"),
        asserted("anns"),
        step("anns"),
        Event("test", "anns@7", deleted, None, "anns", 7),
        run("anns", 9, None),
    ]

    with motif.open(tmp_path / "node") as node:
        before = learned(node)
        unaware = Publisher(node.log)
        assert unaware.publish(late, origin="test").appended == len(late)
        assert learned(node) == before
        assert shown(node) == (["bobs"], ["bobs"], [])
        counted = node.sql("SELECT occurrence_count AS n FROM operation_patterns").to_pylist()
        assert counted == [{"n": 1}]
        assert b"anns" not in exported(node)
        assert not node.dead_letters()


def test_a_revised_task_of_theirs_goes_with_all_its_statements(tmp_path: Path) -> None:
    def task(revision: int, user: str | None) -> Event:
        done = TaskCompleted(
            agent="a",
            task_type="x",
            success=True,
            user_id=user,
            duration_us=revision,
            record_id="t",
        )
        return Event("test", f"t@{revision}", done, 1_000, "t", revision)

    filled(tmp_path / "node", task(0, ANN), task(1, None))
    forget(tmp_path / "node", Forgetting(user_id=ANN))

    with motif.open(tmp_path / "node") as node:
        Publisher(node.log).publish([task(2, None)], origin="test")
        assert node.patterns(kind="task") == []
        assert node.sql("SELECT count(*) AS n FROM task_completions").to_pylist() == [{"n": 0}]


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_refused_record_that_names_them_within_a_text_goes_too(
    tmp_path: Path, depth: int
) -> None:
    """A letter may hold a document as a text, as a database holds its rows."""
    body = msgspec.json.encode({"user_id": ANN, "broken": True})
    for _ in range(depth):
        body = msgspec.json.encode({"data": body.decode()})
    with motif.open(tmp_path / "node") as node:
        node.log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", body)])
        node.log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", b'{"user_id": "anna"}')])
        node.settle()
        assert len(node.dead_letters()) == 2

    receipt = forget(tmp_path / "node", Forgetting(user_id=ANN))

    with motif.open(tmp_path / "node") as node:
        assert receipt.letters == 1
        assert [letter.value for letter in node.dead_letters()] == [b'{"user_id": "anna"}']


def test_a_copy_forgets_as_well(tmp_path: Path) -> None:
    filled(tmp_path / "node", run("anns", 0, ANN))
    forget(tmp_path / "node", Forgetting(user_id=ANN))
    with (
        SqliteLog.open(tmp_path / "node") as old,
        SqliteLog.open_or_create(tmp_path / "copy", partitions=3) as new,
    ):
        copy(old, new)

    with motif.open(tmp_path / "copy") as node:
        assert node.publish([run("anns", 0, ANN), run("anns", 4, None)]).forgotten == 2
        node.log.append([outgoing(run("anns", 8, None), 3)])
        assert shown(node) == (["bobs"], ["bobs"], [])
