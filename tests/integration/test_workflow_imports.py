"""One database of fourteen runs, read in every way there is: the same rows, and fourteen runs.

The program that wrote such databases counted 78,167 occurrences of fourteen.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Signal
from typing import Any

import pytest

import motif
from connectors.contract import Options, Report
from motif.node import Node
from motif.upkeep import Upkeep
from motif.watching import Trouble, Watch
from motif.workflows import batch_process_workflows, record_pattern_occurrence
from schemas.clock import DAY_US, to_us
from schemas.errors import LogUnavailable, SourceUnreadable
from tests.connectors.sources.workflow_databases import WHOLE, changed, database, run
from tests.integration.rows import Tables, asked, assert_same, assert_settled, learned
from tests.streams.worlds import CAMPAIGN

RUNS = 14
TIMES = 5_000 if CAMPAIGN else 25


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Fourteen runs that have ended, and one that has not."""
    rows = [*(run(number) for number in range(RUNS)), run(20, status="running")]
    return database(tmp_path / "workflow_history.db", rows, WHOLE)


@pytest.fixture
def expected(history: Path, tmp_path: Path) -> Tables:
    """What is learned from it, read once."""
    with motif.open(tmp_path / "once") as node:
        imported(node, history)
        assert counted(node) == RUNS
        return learned(node)


def mirrored(node: Node, path: Path) -> Report:
    """Mirror a database, or a folder of them, under one label; what that met."""
    options = Options(label="farm", mirror=True)
    return node.import_files("workflow-db", [path], options=options).report


def imported(node: Node, path: Path, **options: Any) -> int:
    """Import a database; how many events that recorded which the log did not know."""
    found = node.import_files("workflow-db", [path], options=Options(**options))
    return found.appended - found.repeats


def counted(node: Node) -> int:
    """How often the operation occurred."""
    ((count,),) = asked(
        node,
        "SELECT occurrence_count FROM operation_patterns"
        " WHERE pattern_signature = 'test:pytest:backend'",
    )
    return int(count)


def test_read_again_and_again(history: Path, expected: Tables, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        assert imported(node, history) == RUNS
        assert [imported(node, history) for _ in range(TIMES)] == [0] * TIMES
        assert_same(learned(node), expected)
        assert_settled(node)
        assert sum(one.repeats for one in node.status().partitions) == RUNS * TIMES


def test_read_from_a_copy_and_after_it_was_packed(
    history: Path, expected: Tables, tmp_path: Path
) -> None:
    copied = tmp_path / "elsewhere" / "renamed.db"
    copied.parent.mkdir()
    shutil.copy(history, copied)
    with motif.open(tmp_path / "node") as node:
        imported(node, history)
        changed(history, "DELETE FROM workflow_history WHERE status = 'running'")
        changed(history, "VACUUM")

        assert (imported(node, history), imported(node, copied)) == (0, 0)
        assert_same(learned(node), expected)


def test_read_half_and_watched_from_then_on(
    history: Path, expected: Tables, tmp_path: Path
) -> None:
    half = database(tmp_path / "half.db", [run(number) for number in range(7)], WHOLE)
    with motif.open(tmp_path / "node") as node:
        imported(node, half)
        watch = Watch(node, "workflow-db", [history])

        first, idle = watch.look(), watch.look()
        changed(history, "UPDATE workflow_history SET operation_count = 0")
        again = watch.look()

        assert first is not None
        assert again is not None
        assert (first.appended, idle, again.appended) == (7, None, 0)
        assert_same(learned(node), expected)
        assert_settled(node)


def test_a_watch_that_meets_nothing_new_still_archives_what_grows_old(
    history: Path, tmp_path: Path
) -> None:
    now = [to_us(datetime(2030, 1, 1, tzinfo=UTC))]
    upkeep = Upkeep(archive_after=36_500, clock=lambda: now[0])
    with motif.open(tmp_path / "node", upkeep=upkeep) as node:
        watch = Watch(node, "workflow-db", [history])
        watch.look()
        assert node.notices == []
        now[0] += 36_500 * DAY_US

        assert watch.look() is None
        assert "were archived, as is set" in node.notices[0]


def test_a_watch_ends_when_it_is_told_to(history: Path, tmp_path: Path) -> None:
    stopping = Signal()
    with motif.open(tmp_path / "node") as node:
        for found in Watch(node, "workflow-db", [history]).looks(0.01, stopping):
            assert not isinstance(found, Trouble)
            assert found.appended == RUNS
            stopping.set()
        assert counted(node) == RUNS


def test_imports_and_calls_speak_of_the_same_runs(
    history: Path, expected: Tables, tmp_path: Path
) -> None:
    with motif.open(tmp_path / "node") as node:
        batch_process_workflows([run(number) for number in range(RUNS)], node)
        assert imported(node, history) == 0
        assert_same(learned(node), expected)


def test_a_cost_that_comes_later_is_as_if_it_had_always_been_there(
    history: Path, expected: Tables, tmp_path: Path
) -> None:
    with motif.open(tmp_path / "node") as node:
        changed(history, "UPDATE workflow_history SET actual_cost_total = 9 WHERE adw_id < 'adw-2'")
        imported(node, history)
        changed(history, "UPDATE workflow_history SET actual_cost_total = 0.5")

        imported(node, history)

        assert_same(learned(node), expected)
        assert not node.verify()


def test_a_corrected_status_and_a_run_that_ends_later(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, history)
        changed(history, "UPDATE workflow_history SET status = 'failed' WHERE adw_id = 'adw-3'")
        changed(history, "UPDATE workflow_history SET status = 'completed' WHERE adw_id = 'adw-20'")
        imported(node, history)

        ((rate,),) = asked(node, "SELECT success_rate FROM operation_patterns")
        assert (counted(node), rate) == (RUNS + 1, 14 / 15)


def test_a_vanished_run_is_deleted_only_from_a_mirror(
    history: Path, expected: Tables, tmp_path: Path
) -> None:
    extra = run(13, adw_id="adw-extra", total_tokens=99_999)
    whole = database(
        tmp_path / "whole.db", [*(run(number) for number in range(RUNS)), extra], WHOLE
    )
    with motif.open(tmp_path / "node") as node:
        imported(node, whole, label="farm")
        assert imported(node, history) == 0
        assert counted(node) == RUNS + 1, "without --mirror nothing is deleted"
        imported(node, history, label="other", mirror=True)
        assert counted(node) == RUNS + 1, "it was imported under another label"

        imported(node, history, label="farm", mirror=True)

        assert_same(learned(node), expected)
        imported(node, whole, label="farm", mirror=True)
        assert counted(node) == RUNS + 1, "it came back"
        assert not node.verify()


def test_a_mirror_says_that_it_does_not_look_for_what_was_pruned(tmp_path: Path) -> None:
    history = database(tmp_path / "whole.db", [run(number) for number in range(RUNS)])
    with motif.open(tmp_path / "node") as node:
        assert not mirrored(node, history).overlooks
        node.prune(1)
    changed(history, "DELETE FROM workflow_history WHERE adw_id = 'adw-5'")
    with motif.open(tmp_path / "node") as node:
        found = mirrored(node, history)

        assert (found.gone, found.overlooks) == (0, True)
        assert counted(node) == RUNS


def test_a_mirror_deletes_nothing_where_a_row_was_refused(tmp_path: Path) -> None:
    """A name that was emptied is not a run that was deleted."""
    history = database(tmp_path / "named.db", [run(number) for number in range(RUNS)])
    with motif.open(tmp_path / "node") as node:
        imported(node, history, label="farm", mirror=True)
        changed(history, "DELETE FROM workflow_history WHERE adw_id = 'adw-5'")
        changed(history, "UPDATE workflow_history SET adw_id = NULL WHERE adw_id = 'adw-6'")
        found = mirrored(node, history)
        assert (found.unmirrored, found.gone) == ("not every row could be read", 0)
        assert counted(node) == RUNS

        changed(history, "UPDATE workflow_history SET adw_id = 'adw-6' WHERE adw_id IS NULL")
        assert mirrored(node, history).gone == 1
        assert counted(node) == RUNS - 1


@pytest.mark.parametrize("size", [4_096, 5_000, -100])
def test_a_mirror_deletes_nothing_of_a_database_that_was_cut(
    history: Path, tmp_path: Path, size: int
) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, history, label="farm", mirror=True)
        history.write_bytes(history.read_bytes()[:size])
        with pytest.raises(SourceUnreadable):
            mirrored(node, history)

        assert counted(node) == RUNS


def two_databases(folder: Path) -> Path:
    folder.mkdir()
    for number, name in enumerate(("one.db", "two.db")):
        database(folder / name, [run(number)], WHOLE)
    return folder


def test_a_mirrored_file_that_is_away_is_not_deleted(tmp_path: Path) -> None:
    folder, away = two_databases(tmp_path / "in"), tmp_path / "away.db"
    with motif.open(tmp_path / "node") as node:
        mirrored(node, folder)
        (folder / "two.db").rename(away)
        why = str(mirrored(node, folder).unmirrored)
        assert why.startswith(f"{folder}/two.db was read before and is not there")
        assert mirrored(node, folder).gone == 0, "nor the second time"
        assert counted(node) == 2

        away.rename(folder / "two.db")
        changed(folder / "one.db", "DELETE FROM workflow_history")
        assert (mirrored(node, folder).gone, counted(node)) == (1, 1)

        (folder / "two.db").unlink()
        changed(folder / "one.db", "INSERT INTO workflow_history (adw_id) VALUES ('x')")
        found = mirrored(node, folder / "one.db")
        assert (found.gone, found.unmirrored) == (1, None), "it was named as all there is"
        assert mirrored(node, folder).unmirrored is None
        assert not node.verify()


def test_a_mirrored_file_that_is_a_link_to_what_is_away_is_not_deleted(tmp_path: Path) -> None:
    there = two_databases(tmp_path / "disk")
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one.db", "two.db"):
        (folder / name).symlink_to(there / name)
    with motif.open(tmp_path / "node") as node:
        mirrored(node, folder)
        (there / "two.db").rename(tmp_path / "away.db")

        assert mirrored(node, folder).unmirrored
        assert counted(node) == 2


def test_a_mirror_whose_memory_cannot_be_read_deletes_nothing(tmp_path: Path) -> None:
    folder = two_databases(tmp_path / "in")
    memory = tmp_path / "node" / "mirrored.json"
    with motif.open(tmp_path / "node") as node:
        mirrored(node, folder)
        kept = memory.read_bytes()
        (folder / "two.db").unlink()
        memory.write_bytes(b"")
        assert "mirrored.json cannot be read" in str(mirrored(node, folder).unmirrored)
        assert memory.read_bytes() == b"", "what it said may still be found"

        memory.write_bytes(kept)
        assert "was read before" in str(mirrored(node, folder).unmirrored)
        assert counted(node) == 2


def test_a_mirror_that_cannot_remember_its_files_says_so(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        (tmp_path / "node" / "mirrored.json.partial").mkdir()

        with pytest.raises(LogUnavailable, match=r"mirrored\.json cannot be written: Is a dir"):
            mirrored(node, history)


def test_a_mirror_deletes_nothing_while_one_of_its_files_cannot_be_read(tmp_path: Path) -> None:
    folder = two_databases(tmp_path / "in")
    with motif.open(tmp_path / "node") as node:
        mirrored(node, folder)
        (folder / "two.db").write_bytes(b"no database for now")

        assert mirrored(node, folder).unmirrored == "not every file could be read"
        assert counted(node) == 2


def test_a_watched_mirror_waits_for_a_file_that_is_away(tmp_path: Path) -> None:
    folder, away = two_databases(tmp_path / "in"), tmp_path / "away.db"
    with motif.open(tmp_path / "node") as node:
        watch = Watch(node, "workflow-db", [folder], Options(label="farm", mirror=True))
        looks = [watch.look()]
        (folder / "two.db").rename(away)
        looks.append(watch.look())
        away.rename(folder / "two.db")
        looks.append(watch.look())

        assert [one and (one.appended, one.report.gone) for one in looks] == [
            (2, 0),
            (0, 0),
            (0, 0),
        ]
        assert [bool(one and one.report.unmirrored) for one in looks] == [False, True, False]
        assert counted(node) == 2


def test_of_runs_that_have_not_ended_nothing_vanished(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, history, label="farm")
        changed(history, "UPDATE workflow_history SET status = 'running' WHERE adw_id = 'adw-5'")
        imported(node, history, label="farm", mirror=True)

        assert counted(node) == RUNS


def test_a_run_that_its_source_changed_too_late_is_a_dead_letter(tmp_path: Path) -> None:
    late = run(0) | {"updated_at": "2026-01-15T00:00:00Z"}
    path = database(tmp_path / "late.db", [late], WHOLE | {"updated_at": "TEXT"})
    with motif.open(tmp_path / "node") as node:
        imported(node, path)
        (letter,) = node.dead_letters()

        assert letter.reason == "amended_too_late"
        assert "74 days after it happened" in letter.detail
    with motif.open(tmp_path / "node", amend_days=0) as node:
        assert counted(node) == 1, "a log without that limit takes it"


def test_read_again_after_its_events_were_pruned(
    history: Path, expected: Tables, tmp_path: Path
) -> None:
    """Nothing of them is in the log any more, and nothing is counted again; what changes counts."""
    with motif.open(tmp_path / "node") as node:
        imported(node, history)
        assert node.prune(1).total == RUNS
        assert imported(node, history) == 0
        assert imported(node, history) == 0
        assert_same(learned(node), expected)
        changed(history, "UPDATE workflow_history SET status = 'failed' WHERE id % 2 = 0")
        assert imported(node, history) == RUNS // 2
        assert counted(node) == RUNS
    with motif.open(tmp_path / "whole") as whole:
        imported(whole, history)
        with motif.open(tmp_path / "node") as node:
            assert_same(learned(node), learned(whole))


def test_an_older_copy_read_after_its_events_were_pruned_undoes_nothing(
    history: Path, tmp_path: Path
) -> None:
    """What was said before the last that was said is still known, though nobody can read it."""
    older = tmp_path / "older.db"
    shutil.copy(history, older)
    changed(history, "UPDATE workflow_history SET status = 'failed' WHERE id % 2 = 0")
    with motif.open(tmp_path / "node") as node:
        imported(node, older)
        imported(node, history)
        expected = learned(node)
        node.prune(1)
    with motif.open(tmp_path / "node") as node:
        assert imported(node, older) == 0
        assert imported(node, history) == 0
        assert_same(learned(node), expected)


def test_of_a_run_whose_events_were_pruned_an_id_is_enough(history: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "node") as node:
        imported(node, history)
        query = "SELECT * EXCLUDE (version) FROM patterns WHERE signature = 'test:pytest:backend'"
        before = asked(node, query)
        node.prune(1)
    with motif.open(tmp_path / "node") as node:
        said = record_pattern_occurrence("deploy:ship:all", {"adw_id": "adw-3"}, node)
        record_pattern_occurrence("test:pytest:backend", {"adw_id": "adw-4"}, node)

        assert said[1]
        assert asked(node, query) == before
