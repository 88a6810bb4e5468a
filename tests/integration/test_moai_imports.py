"""What MoAI-Flow saved, imported again and again: repeats and revisions, never another record."""

from pathlib import Path

import motif
from motif.node import Node
from tests.connectors.sources.moai_samples import TASK, database, record, row, save
from tests.integration.rows import asked, assert_settled


def completed(node: Node) -> list[tuple[object, ...]]:
    return asked(node, "SELECT subject, duration_ms FROM task_completions ORDER BY subject")


def test_a_folder_read_again_gives_repeats_and_a_record_saved_again_replaces(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "patterns"
    for number in range(3):
        save(folder, f"{number}.json", record(f"pat-{number}"))
    with motif.open(tmp_path / "node") as node:
        node.import_files("moai", [folder])
        before = completed(node)

        again = node.import_files("moai", [folder])
        save(folder, "1.json", record("pat-1", data={**TASK, "duration_ms": 9_000}))
        node.import_files("moai", [folder])

        assert again.repeats == again.appended == 3
        assert [ms for _, ms in before] == [2_500, 2_500, 2_500]
        assert [ms for _, ms in completed(node)] == [2_500, 9_000, 2_500]
        [pattern] = node.patterns(kind="task")
        assert pattern.occurrences == 3
        query = "SELECT minimum, maximum FROM pattern_measures WHERE measure = 'duration'"
        assert asked(node, query) == [(2_500_000, 9_000_000)]
        assert node.verify() == []


def test_snapshots_of_a_database_in_any_order_give_its_last_state(tmp_path: Path) -> None:
    old = database(tmp_path / "old.db", [row(), row("pat-2")])
    saved = row(data=row()["data"].replace("2500", "9000"), created_at=1_764_500_000)
    new = database(tmp_path / "new.db", [saved, row("pat-2")])
    for order in ((old, new), (new, old)):
        with motif.open(tmp_path / order[0].stem) as node:
            for path in order:
                node.import_files("moai", [path])

            assert [ms for _, ms in completed(node)] == [9_000, 2_500]
            assert node.patterns(kind="task")[0].occurrences == 2


def test_a_record_that_is_none_becomes_a_letter(tmp_path: Path) -> None:
    save(tmp_path / "patterns", "bad.json", record(data={**TASK, "duration_ms": -1}))
    save(tmp_path / "patterns", "good.json", record())
    with motif.open(tmp_path / "node") as node:
        imported = node.import_files("moai", [tmp_path / "patterns"])

        assert_settled(node)
        [letter] = node.dead_letters()
        assert imported.refused == 1
        assert "data.duration_ms is -1" in letter.detail


def test_a_record_that_changes_its_session_and_agent_is_still_one(tmp_path: Path) -> None:
    """All that is said of it stands in one partition, whatever of it is changed."""
    for number in range(6):
        save(tmp_path / "old", f"{number}.json", record(f"pat-{number}"))
        moved = record(
            f"pat-{number}",
            data={**TASK, "agent": f"other-{number}"},
            context={"session_id": f"session-{number}", "user_id": "u"},
        )
        save(tmp_path / "new", f"{number}.json", moved)
    with motif.open(tmp_path / "node", partitions=5) as node:
        node.import_files("moai", [tmp_path / "old"])
        node.import_files("moai", [tmp_path / "new"])

        assert len(completed(node)) == 6
        assert sum(one.occurrences for one in node.patterns(kind="task")) == 6
        assert {one.attributes["agent"][:6] for one in node.patterns(kind="task")} == {"other-"}
