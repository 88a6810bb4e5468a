"""Agent records that are exported, imported and exported again are the same files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.moai_export import Exported, to_database, to_folder
from schemas.envelope import Event
from schemas.errors import WrongUse
from schemas.events import ErrorOccurred, TaskCompleted
from tests.connectors.sources.moai_samples import TASK, record, save
from tests.integration.rows import assert_same, learned
from tests.motif.conftest import Run

KINDS: dict[str, dict[str, Any]] = {
    "task_completion": TASK,
    "error_occurrence": {"error_type": "TypeError", "error_message": "no", "line_number": 4},
    "agent_usage": {
        "agent_type": "a",
        "task_type": "t",
        "success": False,
        "duration_ms": 7,
        "tools_used": ["Read"],
        "memory_mb": 125.5,
    },
    "user_correction": {
        "original_output": "a",
        "corrected_output": "b",
        "correction_type": "naming",
        "agent": "x",
        "severity": "minor",
        "house": "kept",
    },
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Records of all types, with odd ids, times and what the schema does not know."""
    folder = tmp_path / "saved"
    for number, (kind, data) in enumerate(KINDS.items()):
        odd_ids = ("plain", "../../up", "Ω/ä", "same-second-1", "same-second-2")
        for place, odd in enumerate(odd_ids):
            name = f"{number}-{place}.json"
            save(folder, name, record(f"{odd}-{kind}", pattern_type=kind, data=data))
    save(folder, "t.json", record("offset", timestamp="2025-11-29T10:00:00+09:00"))
    save(folder, "n.json", record("naive", timestamp="2025-11-29T10:00:00", context={}))
    save(folder, "d.json", record("day", timestamp="2025-11-29"))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("compress", [False, True])
def test_a_folder_gives_itself_back(saved: Path, tmp_path: Path, compress: bool) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [saved])
        assert to_folder(a, first, compress=compress) == Exported(23)
        expected = learned(a)
        again = a.import_files("moai", [first])
        assert again.repeats == again.appended == 23, "it names the same records"
    with motif.open(tmp_path / "b") as b:
        b.import_files("moai", [first])
        assert_same(learned(b), expected)
        to_folder(b, second, compress=compress)

    assert files(first) == files(second)
    assert len(files(first)) == 24
    index = json.loads((first / "index.json").read_text())
    path = first / index["offset"]["path"]
    content = gzip.decompress(path.read_bytes()) if compress else path.read_bytes()
    assert json.loads(content)["timestamp"] == "2025-11-29T10:00:00+09:00"
    assert path.parent == first / "2025" / "11" / "29"


def test_no_id_leads_out_of_the_folder(saved: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [saved])
        to_folder(a, tmp_path / "out" / "deep")

    assert {path.name for path in tmp_path.iterdir()} == {"saved", "a", "out", "home"}


def test_a_database_gives_itself_back(saved: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [saved])
        assert to_database(a, first) == Exported(23, rounded=20)
        totals = {one.signature: one.occurrences for one in a.patterns(limit=100)}
    with motif.open(tmp_path / "b") as b:
        b.import_files("moai", [first])
        assert {one.signature: one.occurrences for one in b.patterns(limit=100)} == totals
        to_database(b, second)

    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("form", ["folder", "database"])
@pytest.mark.parametrize(
    "text", ["2026-03-01T09:00:00", "2026-03-01T09:00:00Z", "2026-03-01T18:00:00+09:00"]
)
def test_an_export_that_comes_back_names_the_same_records(
    tmp_path: Path, text: str, form: str
) -> None:
    for number in range(3):
        save(tmp_path / "saved", f"{number}.json", record(f"pat-{number}", timestamp=text))
    out = tmp_path / "out.db"
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [tmp_path / "saved"])
        expected = learned(a)
        if form == "folder":
            to_folder(a, out)
        else:
            to_database(a, out)

        a.import_files("moai", [out])

        assert [one.occurrences for one in a.patterns(kind="task")] == [3]
        assert_same(learned(a), expected)


def test_what_a_database_has_no_place_for_is_counted(tmp_path: Path) -> None:
    save(tmp_path / "saved", "a.json", record("undated", timestamp=None))
    save(tmp_path / "saved", "b.json", record("exact", timestamp="2026-03-01T09:00:00Z"))
    save(tmp_path / "saved", "c.json", record("rounded"))
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [tmp_path / "saved"])

        assert to_database(a, tmp_path / "a.db") == Exported(2, undated=1, rounded=1)
        assert to_folder(a, tmp_path / "out") == Exported(3)


def test_records_of_other_sources_are_written_too(tmp_path: Path) -> None:
    """As far as MoAI-Flow can read them; imported again what came from it counts once."""
    own = TaskCompleted(task_type="build", agent="coder", success=True, duration_us=1_500)
    error = ErrorOccurred(error_type="TypeError", error_message="no", resolution_time_us=2_000)
    save(tmp_path / "saved", "a.json", record("pat-1", timestamp="2026-03-01T09:00:00Z"))
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [tmp_path / "saved"])
        a.publish(Event("own", "t/1", own, 1_764_410_400_000_000))
        a.publish(Event("own", "t/2", own.model_copy(update={"duration_us": None})))
        a.publish(Event("own", "e@0", error, subject="e", revision=0))
        assert to_folder(a, tmp_path / "out") == Exported(3, rounded=1, unfit=1)
        assert to_database(a, tmp_path / "out.db") == Exported(2, undated=1, rounded=1, unfit=1)

        found = a.import_files("moai", [tmp_path / "out"])
        assert (found.appended, found.repeats, found.refused) == (3, 1, 0)
    with motif.open(tmp_path / "b") as b:
        b.import_files("moai", [tmp_path / "out"])
        assert sorted(one.kind for one in b.patterns()) == ["error", "task", "task"]
        to_folder(b, tmp_path / "again")
    with motif.open(tmp_path / "c") as c:
        c.import_files("moai", [tmp_path / "again"])
        to_folder(c, tmp_path / "third")
    assert files(tmp_path / "again") == files(tmp_path / "third")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert set(index) == {"pat-1", "t/1", "e"}


def test_of_records_that_share_an_id_a_database_has_the_latest(tmp_path: Path) -> None:
    save(tmp_path / "saved", "a.json", record("one", timestamp="2025-01-01T00:00:00Z"))
    save(tmp_path / "saved", "b.json", record("one", timestamp="2025-01-02T00:00:00Z"))
    with motif.open(tmp_path / "a") as a:
        a.import_files("moai", [tmp_path / "saved"])

        assert to_database(a, tmp_path / "a.db") == Exported(1, replaced=1)
        assert to_folder(a, tmp_path / "out") == Exported(2)


def test_nothing_is_written_over(saved: Path, tmp_path: Path) -> None:
    with motif.open(tmp_path / "a") as a:
        before = files(saved)
        with pytest.raises(WrongUse, match="there is something at"):
            to_folder(a, saved)
        with pytest.raises(WrongUse, match="there is something at"):
            to_database(a, saved)
        assert files(saved) == before


def test_what_was_left_out_or_rounded_is_told(tmp_path: Path, run: Run) -> None:
    save(tmp_path / "saved", "a.json", record("undated", timestamp=None))
    save(tmp_path / "saved", "b.json", record("rounded"))
    run("import", "moai", tmp_path / "saved", "--data", tmp_path / "a")

    ran = run("export", "moai", tmp_path / "out.db", "--data", tmp_path / "a")

    assert f"Exported 1 record to {tmp_path}/out.db." in ran.out.replace("\n", "")
    assert "1 record without a time left out" in ran.err
    assert "1 record rounded" in ran.err
    told = run("export", "moai", tmp_path / "b.db", "--data", tmp_path / "a", "--json")
    assert json.loads(told.out) == {
        "records": 1,
        "replaced": 0,
        "undated": 1,
        "rounded": 1,
        "unfit": 0,
    }
