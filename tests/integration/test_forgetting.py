"""Who is forgotten is gone from every file, table and number, and does not come back."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import motif
from connectors.generate import sessions
from connectors.generate_runs import workflow_runs
from connectors.logs.sqlite import SqliteLog
from motif import clearing, copying, erasing
from motif.copying import copy
from motif.erasing import forget
from motif.forgetting import Forgetting
from motif.node import Node
from schemas.envelope import Event, outgoing
from schemas.errors import LogHeld, LogUnavailable
from schemas.events import EventForgotten, InteractionObserved, TaskCompleted
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS
from schemas.workflows import WorkflowRunFinished
from tests.integration.processes import FORGET_FAILPOINTS
from tests.integration.rows import assert_same, assert_settled, learned

SECRET = "session-of-ann-4711"
USER = "ann@example.test"


def of_ann() -> list[Event]:
    """A session of hers, its model calls amended, and a run that names it."""
    mine = [_renamed(event) for event in sessions(9, 1)]
    run = WorkflowRunFinished(
        workflow_id="w", run_id="run-of-ann", session_id=SECRET, input_text="Run tests and build"
    )
    return [*mine, Event("test", "run-of-ann@0", run, None, "run-of-ann", 0)]


def _renamed(event: Event) -> Event:
    data = event.data.model_copy(update={"session_id": SECRET})
    subject = None if event.subject is None else f"{SECRET}/{event.subject}"
    identity = f"{SECRET}/{event.id}"
    return Event(event.source, identity, data, event.time_us, subject, event.revision)


def others() -> list[Event]:
    return [*sessions(3, 5), *workflow_runs(3, 80)]


def filled(folder: Path, *more: Event) -> None:
    """A folder with what she did among what others did, and refused bytes that name her."""
    with motif.open(folder, partitions=3) as node:
        node.publish([*others()[:200], *of_ann(), *others()[200:], *of_ann()[:5], *more])
        poison = b'{"session_id": "%s", "broken' % SECRET.encode()
        node.log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", poison)])
        node.log.append([Outgoing(AGENT_EVENTS.name, 1, b"k", b"of nobody")])
        node.settle()


def found_in(folder: Path, secrets: Iterable[str]) -> list[str]:
    """The files below a folder that hold one of these."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(one.encode() in path.read_bytes() for one in secrets)
    ]


def without(folder: Path, events: list[Event]) -> dict[str, list[str]]:
    """What is learned from these events alone."""
    with motif.open(folder, partitions=3) as node:
        node.publish(events)
        return dict(learned(node))


def test_a_session_is_gone_from_everywhere_and_stays_gone(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    filled(folder)
    expected = without(tmp_path / "never", others())
    assert found_in(folder, [SECRET])

    receipt = forget(folder, Forgetting(session_id=SECRET))

    assert (receipt.events, receipt.letters) == (len(of_ann()), 1)
    assert receipt.records == len(of_ann()) + 5, "five were published twice"
    with motif.open(folder) as node:
        assert_same(learned(node), expected)
        assert node.identity.log_id == receipt.new_log_id
        (letter,) = node.dead_letters()
        assert letter.value == b"of nobody"
        node.publish(of_ann())
        assert_same(learned(node), expected)
        assert_settled(node)
        assert not node.verify()
    with motif.open(folder) as node:
        assert_same(learned(node), expected)


def test_no_file_holds_it_any_more(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    filled(folder)

    forget(folder, Forgetting(session_id=SECRET))
    assert found_in(folder, [SECRET, "run-of-ann"]) == []
    with motif.open(folder) as node:
        node.patterns()
    assert found_in(folder, [SECRET, "run-of-ann"]) == []
    assert not (folder / clearing.BESIDE).exists()


def test_a_later_statement_about_what_was_forgotten_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    filled(folder)
    expected = without(tmp_path / "never", others())
    forget(folder, Forgetting(session_id=SECRET))

    run = WorkflowRunFinished(workflow_id="w", run_id="run-of-ann", input_text="Run tests")
    with motif.open(folder) as node:
        node.publish([Event("test", "run-of-ann@7", run, None, "run-of-ann", 7)])
        assert_same(learned(node), expected)


def test_a_user_is_forgotten_with_all_their_records(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    tasks = [
        Event("t", f"{n}", TaskCompleted(agent="a", task_type="x", success=True, user_id=USER))
        for n in range(3)
    ]
    seen = Event("t", "seen", InteractionObserved(user_id=USER, task="y"))
    stays = Event("t", "9", TaskCompleted(agent="a", task_type="x", success=False, user_id="bob"))
    filled(folder, *tasks, seen, stays)
    mine = [*others(), *of_ann(), stays]

    receipt = forget(folder, Forgetting(user_id=USER))

    assert receipt.events == 4
    assert found_in(folder, [USER]) == []
    with motif.open(folder) as node:
        assert_same(learned(node), without(tmp_path / "never", mine))


def test_another_site_forgets_when_it_is_told_the_new_contributions(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    filled(folder)
    expected = without(tmp_path / "never", others())
    with motif.open(folder) as node, motif.open(tmp_path / "b") as b:
        old = node.contributions()
        b.take_in(old)
    forget(folder, Forgetting(session_id=SECRET))

    with motif.open(folder) as node, motif.open(tmp_path / "b") as b:
        b.take_in(node.contributions())
        b.take_in(old)
        assert_same(learned(b), expected)


def test_a_copy_of_it_does_not_remember_either(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    filled(folder)
    expected = without(tmp_path / "never", others())
    forget(folder, Forgetting(session_id=SECRET))

    with (
        SqliteLog.open(folder) as old,
        SqliteLog.open_or_create(tmp_path / "copy", partitions=5) as new,
    ):
        copy(old, new)
    with motif.open(tmp_path / "copy") as node:
        node.publish(of_ann())
        assert_same(learned(node), expected)
        assert len(node.dead_letters()) == 1


class PowerCut(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    "where",
    [
        "copy.after_claim",
        "copy.after_contributions",
        "copy.after_letters",
        "copy.after_batch",
        "copy.before_identity",
        "copy.after_identity",
        *FORGET_FAILPOINTS,
    ],
)
def test_interrupted_anywhere_it_can_be_typed_again(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "node"
    filled(folder)
    expected = without(tmp_path / "never", others())
    interrupt(folder, Forgetting(session_id=SECRET), where)

    forget(folder, Forgetting(session_id=SECRET))
    assert found_in(folder, [SECRET]) == []
    with motif.open(folder) as node:
        assert_same(learned(node), expected)


def interrupt(folder: Path, forgetting: Forgetting, where: str) -> None:
    """Forget somebody, and let the process end there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copying, "reach", _cut_at(where))
        patch.setattr(erasing, "reach", _cut_at(where))
        patch.setattr(clearing, "reach", _cut_at(where))
        with pytest.raises(PowerCut):
            forget(folder, forgetting)


def _cut_at(where: str) -> Callable[[str], None]:
    def cut(name: str) -> None:
        if name == where:
            raise PowerCut(name)

    return cut


def test_an_interrupted_one_is_begun_anew_for_somebody_else(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    mine = Event("t", "1", TaskCompleted(agent="a", task_type="x", success=True, user_id=USER))
    filled(folder, mine)
    interrupt(folder, Forgetting(session_id=SECRET), "copy.after_letters")

    assert forget(folder, Forgetting(user_id=USER)).events == 1

    assert not found_in(folder, [USER])
    with motif.open(folder) as node:
        assert_same(learned(node), without(tmp_path / "never", [*others(), *of_ann()]))


def test_what_is_said_of_them_after_an_interruption_goes_as_well(tmp_path: Path) -> None:
    """The first statement names nobody, and stands in the copy by then."""
    folder = tmp_path / "node"
    first, second = (
        WorkflowRunFinished(workflow_id="w", run_id="r9", user_id=user, input_text=text)
        for user, text in ((None, "PRIV9"), (USER, "Run tests"))
    )
    other = TaskCompleted(agent="a", task_type="x", success=True, user_id=USER)
    filled(folder, Event("t", "r9@0", first, None, "r9", 0), Event("t", "o", other))
    interrupt(folder, Forgetting(user_id=USER), "copy.before_identity")
    with motif.open(folder) as node:
        node.publish(Event("t", "r9@1", second, None, "r9", 1))

    assert forget(folder, Forgetting(user_id=USER)).events == 3

    with motif.open(folder) as node:
        assert_same(learned(node), without(tmp_path / "never", [*others(), *of_ann()]))
    assert not found_in(folder, ["PRIV9", USER])


@pytest.mark.parametrize(
    "where", ["forget.after_place", "forget.before_receipt", "forget.after_receipt"]
)
def test_whoever_opens_the_folder_ends_what_was_interrupted(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "node"
    filled(folder)
    with motif.open(folder) as node:
        assert node.archive(0).total
    interrupt(folder, Forgetting(session_id=SECRET), where)

    with motif.open(folder) as node:
        assert not found_in(folder, [SECRET]), "before anything else is done"
        assert any("is done now" in said for said in node.notices) == (
            where != "forget.after_receipt"
        )
        log_id = node.identity.log_id
    assert not [*folder.rglob("*.parquet")]
    assert not (folder / clearing.BESIDE).exists()

    receipt = forget(folder, Forgetting(session_id=SECRET))
    assert (receipt.events, receipt.new_log_id) == (len(of_ann()), log_id)
    assert (receipt.id, receipt.place) == (SECRET, str(folder))


def test_what_cannot_be_removed_is_said_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    filled(folder)
    interrupt(folder, Forgetting(session_id=SECRET), "forget.after_place")

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clearing, "_remove", refused)
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="who was forgotten cannot be removed"):
                motif.open(folder)
    with motif.open(folder):
        assert not found_in(folder, [SECRET])


def test_a_copy_elsewhere_goes_on_only_without_the_same_things(tmp_path: Path) -> None:
    """As on Kafka, where a copy is made at a place that is named."""
    folder = tmp_path / "node"
    filled(folder)
    ann = Forgetting(session_id=SECRET)
    with pytest.MonkeyPatch.context() as patch, SqliteLog.create(tmp_path / "new") as new:
        patch.setattr(copying, "reach", _cut_at("copy.before_identity"))
        with SqliteLog.open(folder, read_only=True) as old, pytest.raises(PowerCut):
            copy(old, new, forgetting=ann)
        patch.undo()
        with motif.open(folder) as node:
            run = WorkflowRunFinished(workflow_id="w", run_id="r9", session_id=SECRET)
            node.publish(Event("t", "r9@1", run, None, "r9", 1))
        for whom in (ann, Forgetting(user_id=USER)):
            with (
                SqliteLog.open(folder, read_only=True) as old,
                pytest.raises(copying.OtherPurpose, match="before more was said of them"),
            ):
                copy(old, new, forgetting=whom)


def test_a_folder_that_is_open_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path / "node")
    with motif.open(tmp_path / "node") as node:
        with pytest.raises(LogHeld):
            forget(tmp_path / "node", Forgetting(session_id=SECRET))
        assert any(SECRET in str(row) for row in _sessions(node))


def _sessions(node: Node) -> list[object]:
    return list(node.sql("SELECT session_id FROM sessions").to_pylist())


def test_a_marker_that_is_made_up_is_refused_from_elsewhere(tmp_path: Path) -> None:
    made_up = EventForgotten(event="0" * 32, thing="0" * 32, key=7)
    with motif.open(tmp_path / "node", partitions=3) as node:
        node.publish([Event("x", "y", made_up)])
        (letter,) = node.dead_letters()
        assert letter.reason == "reserved_type"
        node.log.append([outgoing(Event("x", "z", made_up), 3)._replace(partition=0)])
        node.settle()
        assert len(node.dead_letters()) == 2, "7 names partition 1"
