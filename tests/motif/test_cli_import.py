"""`motif import`: what it reads, what it records, what it says about both."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from connectors.generate import sessions
from connectors.sources import SOURCES
from schemas.envelope import to_structured
from schemas.topics import LEARNED_TOPICS
from tests.connectors.sources import moai_samples
from tests.connectors.sources.workflow_databases import changed, database
from tests.motif.conftest import Run

TRANSCRIPT = (
    {"type": "user", "uuid": "u1", "sessionId": "s", "timestamp": "2026-01-01T00:00:00.000Z"}
    | {"message": {"role": "user", "content": "secret words"}},
    {"type": "assistant", "uuid": "u2", "sessionId": "s", "timestamp": "2026-01-01T00:00:01.000Z"}
    | {
        "message": {
            "id": "m1",
            "model": "large",
            "role": "assistant",
            "usage": {"input_tokens": 1, "output_tokens": 2},
            "content": [{"type": "tool_use", "id": "t1", "name": "Read", "input": {}}],
        }
    },
    {"type": "never-heard-of", "uuid": "u3"},
)


def transcript(folder: Path) -> Path:
    """A small transcript with a line nobody knows and a last one that is not finished."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "session.jsonl"
    lines = "".join(json.dumps(line) + "\n" for line in TRANSCRIPT)
    path.write_text(lines + '{"type": "user", "uu', "utf-8")
    return path


def events(path: Path, count: int = 1) -> Path:
    """Generated sessions as CloudEvents in JSON Lines."""
    lines = [to_structured(event) for event in sessions(5, count)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_formats_are_listed_with_what_they_read(run: Run) -> None:
    ran = run("import", "--list")
    listed = json.loads(run("import", "--list", "--json").out)

    assert [one["format"] for one in listed] == [*SOURCES, "bifrost"]
    assert all(one in ran.out for one in SOURCES)


def test_what_was_read_recorded_and_learned_is_told(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"

    ran = run("import", "claude-code", transcript(tmp_path / "in"), "--data", data)

    assert ran.code == 0
    assert "Read 1 claude-code file, 4 lines of 1 session" in ran.out
    assert "Recorded 4 events: 4 new" in ran.out
    assert "never-heard-of" in ran.err
    assert "1 last line" in ran.err


def test_importing_again_records_repeats_and_learns_nothing_new(run: Run, tmp_path: Path) -> None:
    file, data = events(tmp_path / "events.jsonl"), tmp_path / "data"
    first = json.loads(run("import", "jsonl", file, "--data", data, "--json").out)
    before = run("patterns", "--json", "--data", data).out

    again = json.loads(run("import", "jsonl", file, "--data", data, "--json").out)

    assert (first["repeats"], again["repeats"]) == (0, first["appended"])
    assert sum(again["new_patterns"].values()) == 0
    numbers = [
        {name: value for name, value in one.items() if name != "version"}
        for text in (before, run("patterns", "--json", "--data", data).out)
        for one in json.loads(text)
    ]
    assert numbers[: len(numbers) // 2] == numbers[len(numbers) // 2 :]
    assert "Nothing new" in run("import", "jsonl", file, "--data", data).out


def test_a_dry_run_reads_and_leaves_no_trace(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"

    ran = run("import", "claude-code", transcript(tmp_path / "in"), "--dry-run", "--data", data)

    assert ran.code == 0
    assert "tool called" in ran.out
    assert "Nothing was recorded" in ran.out
    assert not data.exists()


def test_a_dry_run_of_a_mirror_shows_what_it_would_delete(run: Run, tmp_path: Path) -> None:
    data, words = tmp_path / "data", ["--label", "farm", "--mirror"]
    rows = [{"workflow_id": name, "status": "completed"} for name in "abc"]
    path = database(tmp_path / "w.db", rows)
    command = ["import", "workflow-db", path, *words, "--data", data, "--json"]
    deleted = "motif.workflow.run.deleted.v1"
    before = json.loads(run(*command, "--dry-run").out)
    assert (deleted in before["report"]["events"], data.exists()) == (False, False)
    run(*command)
    changed(path, "DELETE FROM workflow_history WHERE workflow_id > 'a'")

    for _ in range(2):
        dry = json.loads(run(*command, "--dry-run").out)
        assert (dry["report"]["events"][deleted], dry["appended"]) == (2, 0)
    dry_run = run(*command[:-1], "--dry-run")
    assert "workflow run deleted" in dry_run.out
    told = "2 runs of this label that are gone from the database"
    assert f"{told} would be deleted; a label stands for one database." in dry_run.err
    ran = run(*command)
    assert json.loads(ran.out)["report"]["events"] == dry["report"]["events"]
    assert f"{told} were deleted" in ran.err


def test_files_and_lines_that_are_broken_are_named(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(13):
        (folder / f"{number:02}.json").write_text("{")
    command = ["import", "moai", folder, "--dry-run"]

    ran, told = run(*command), json.loads(run(*command, "--json").out)

    notes = [line for line in ran.err.splitlines() if "is no JSON: " in line]
    assert (ran.code, len(notes)) == (0, 10)
    assert f"{folder}/00.json is no JSON: " in ran.err
    assert "and 3 more files or lines could not be read" in ran.err
    assert [one["file"] for one in told["report"]["faults"]] == [
        f"{folder}/{number:02}.json" for number in range(13)
    ]


@pytest.mark.parametrize("form", ["workflow-db", "moai"])
def test_a_database_of_another_program_among_others_is_named(
    run: Run, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    database(folder / "z.db", [{"title": "a"}], {"title": ""})
    changed(folder / "z.db", "ALTER TABLE workflow_history RENAME TO songs")
    if form == "moai":
        moai_samples.database(folder / "a.db", [moai_samples.row()])
    else:
        database(folder / "a.db", [{"workflow_id": "a", "status": "completed"}])

    ran = run("import", form, folder, "--data", tmp_path / "data")

    assert (ran.code, "Recorded 1 event: 1 new." in ran.out) == (1, True)
    assert f"{folder}/z.db has no table" in ran.err
    assert ran.sentence == "1 of the files could not be read; the rest was imported"


@pytest.mark.parametrize("form", ["workflow-db", "moai"])
def test_a_file_whose_name_is_no_text_is_read_and_named(
    run: Run, tmp_path: Path, form: str
) -> None:
    path = tmp_path / os.fsdecode(b"n\xff.db")
    database(tmp_path / "w.db", [{"workflow_id": "a", "status": "completed"}]).rename(path)

    ran = run("import", form, path, "--data", tmp_path / "data")

    assert ran.code == (form == "moai")
    if form == "moai":
        assert ran.sentence.endswith(
            "n\\udcff.db has no table patterns: "
            "it is a database of another program (workflow_history)"
        )


def test_without_a_path_the_formats_own_place_is_read_and_named(run: Run, tmp_path: Path) -> None:
    projects = Path(os.environ["HOME"]) / ".claude" / "projects"
    transcript(projects / "some-project")

    ran = run("import", "claude-code", "--data", tmp_path / "data")

    assert ran.code == 0
    assert str(projects) in ran.err


def test_a_machine_without_transcripts_is_told_what_to_name(run: Run, tmp_path: Path) -> None:
    ran = run("import", "claude-code", "--data", tmp_path / "data")

    assert ran.code == 1
    assert "motif import claude-code PATH" in ran.sentence
    assert not (tmp_path / "data").exists()


def test_a_folder_without_files_of_the_format_fails(run: Run, tmp_path: Path) -> None:
    ran = run("import", "claude-code", tmp_path, "--data", tmp_path / "data")

    assert ran.code == 1
    assert str(tmp_path) in ran.sentence


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "claude-code"),
        (["claude-cod"], "'claude-cod'"),
        (["jsonl", "/nothing/here"], "/nothing/here"),
        (["jsonl", __file__, "--label", "two\nlines"], "--label"),
        (["jsonl", __file__, "--label", ""], "--label"),
    ],
)
def test_wrong_use_of_import_is_named(
    run: Run, tmp_path: Path, words: list[str], named: str
) -> None:
    ran = run("import", *words, "--data", tmp_path / "data")

    assert ran.code == 2
    assert named in ran.sentence
    assert not (tmp_path / "data").exists()


def test_the_label_is_recorded_in_a_new_folder(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    run("import", "jsonl", events(tmp_path / "e.jsonl"), "--data", data, "--label", " büro ☃ ")

    identity = json.loads(run("site", "--json", "--data", data).out)["identity"]

    assert identity["label"] == "büro ☃"
    assert run("site", "--label", "büro ☃", "--data", data).code == 0
    other = run("site", "--label", "elsewhere", "--data", data)
    assert other.code == 1
    assert "büro" in other.sentence


def test_a_site_can_be_founded_by_naming_it(run: Run, tmp_path: Path) -> None:
    ran = run("site", "--label", "one", "--data", tmp_path / "new")

    assert ran.code == 0
    assert "one" in ran.out


def test_settings_of_a_new_folder_are_obeyed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MOTIF_PARTITIONS", "3")
    monkeypatch.setenv("MOTIF_LABEL", "three")
    monkeypatch.setenv("MOTIF_MCP_SERVERS", "docs")
    run("import", "jsonl", events(tmp_path / "e.jsonl", 2))
    monkeypatch.setenv("MOTIF_PARTITIONS", "5")

    status = json.loads(run("status", "--json").out)
    tools = json.loads(run("patterns", "--kind", "tool", "--limit", "99", "--json").out)

    assert [one["partition"] for one in status["partitions"]] == [0, 1, 2] * len(LEARNED_TOPICS)
    assert status["identity"]["label"] == "three"
    assert {one["signature"].split("__")[1] for one in tools if "mcp" in one["signature"]} == {
        "docs",
        "*",
    }


@pytest.mark.parametrize("words", [["import", "jsonl", __file__], ["patterns"], ["demo"]])
def test_a_wrong_setting_ends_every_command_that_would_use_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("MOTIF_PARTITIONS", "many")

    ran = run(*words)

    assert ran.code == 2
    assert ran.sentence.startswith("MOTIF_PARTITIONS is 'many'")


def test_a_setting_that_means_nothing_is_warned_about(
    run: Run, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_DTAA", "x")

    ran = run("patterns", "--data", learned)

    assert ran.code == 0
    assert "did you mean MOTIF_DATA?" in ran.err


def test_a_file_that_cannot_be_opened_is_a_failure_after_the_rest_was_imported(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's refusal is feigned, since whoever runs the tests may be allowed everything."""
    transcript(tmp_path / "in")
    (tmp_path / "in" / "closed.jsonl").write_text("{}\n", "utf-8")
    usual = Path.open

    def refusing(path: Path, *words: Any, **more: Any) -> Any:
        if path.name == "closed.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path, *words, **more)

    monkeypatch.setattr(Path, "open", refusing)

    ran = run("import", "claude-code", tmp_path / "in", "--data", tmp_path / "data")

    assert ran.code == 1
    assert "could not be read" in ran.sentence
    assert "4 new" in ran.out
