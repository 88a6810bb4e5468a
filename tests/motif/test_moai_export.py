"""Agent records that are exported, imported and exported again are the same files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import motif
from motif.moai_export import Exported, to_database, to_folder
from schemas.errors import WrongUse
from tests.connectors.sources.moai_samples import TASK, record, save
from tests.integration.rows import assert_same, learned

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
        assert to_database(a, first) == Exported(23)
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
