"""`motif records` and `motif record`: what they show, and what they refuse."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

import motif
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.asking import Asked
from motif.display.words import safe
from projections.records import RECORDS
from schemas.clock import monotonic_s
from schemas.envelope import Event
from schemas.errors import ProjectionDamaged
from schemas.records import TaskCompleted
from tests.motif.conftest import Run
from tests.motif.workers import projected


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with records of every type, one of them with a text that a terminal would obey."""
    made = tmp_path_factory.mktemp("records") / "node"
    with motif.open(made) as node:
        node.publish([*records(7, 80), *workflow_runs(7, 40)])
        node.publish(wild("wild", "red \x1b[31m alert\nsecond line"))
        node.settle()
    return made


def wild(name: str, text: str) -> Event:
    """A task that failed with a text."""
    data = TaskCompleted(task_type="x", agent="a", success=False, error_message=text)
    return Event("test", name, data)


@pytest.fixture(autouse=True)
def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIF_DATA", str(folder))


def json_of(run: Run, *words: object) -> Any:
    ran = run(*words, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def pages(run: Run, *words: object) -> Iterator[list[dict[str, Any]]]:
    """One page after the other, as somebody types it."""
    cursor: str | None = None
    while True:
        after = () if cursor is None else ("--after", cursor)
        page = json_of(run, "records", *words, *after)
        yield page["records"]
        if page["next"] is None:
            return
        cursor = page["next"]


def test_pages_say_what_the_library_says(run: Run, folder: Path) -> None:
    with motif.open(folder) as node:
        expected = [one.subject for one in node.records(limit=1000)]

    found = list(pages(run, "--limit", 25))

    assert [one["subject"] for page in found for one in page] == expected
    assert {len(page) for page in found[:-1]} == {25}


def test_all_options_must_fit(run: Run) -> None:
    words = ["--type", "task_completion", "--tag", "demo", "--tag", "backend"]
    words += ["--environment", "production", "--outcome", "success", "--project", "demo"]
    words += ["--since", "2020-01-01", "--source", "motif-demo"]

    found = json_of(run, "records", *words)["records"]

    assert found
    for one in found:
        assert {"demo", "backend"} <= set(one["tags"])
        assert (one["type"], one["outcome"]) == ("task_completion", "success")
        assert one["data"]["environment"] == "production"
    for option, value in (("--agent", found[0]["agent"]), ("--session", found[0]["session_id"])):
        fewer = json_of(run, "records", *words, option, value)["records"]
        assert found[0] in fewer
        assert json_of(run, "records", *words, option, "nobody")["records"] == []
    for option in ("--branch", "--user", "--until"):
        none = "1999-01-01" if option == "--until" else "nobody"
        assert json_of(run, "records", "--type", "workflow_run", option, none)["records"] == []


def test_text_is_words_and_phrases(run: Run) -> None:
    words, phrase = "file directory", '"no such file"'

    assert json_of(run, "records", "--text", words) == json_of(run, "records", "--text", phrase)
    assert len(json_of(run, "records", "--text", phrase)["records"]) > 1
    assert json_of(run, "records", "--text", '"file no such"')["records"] == []


def test_a_table_says_how_to_go_on_and_holds_nothing_a_terminal_obeys(run: Run) -> None:
    ran = run("records", "--limit", 3)

    head, _, *rows = ran.out.splitlines()
    assert head.split() == ["when", "(UTC)", "type", "title", "agent", "outcome", "id"]
    assert len(rows) == 3
    assert rows[0].split()[-1] == "wild"
    cursor = ran.err.split("--after ")[1].strip()
    following = run("records", "--limit", 3, "--after", cursor).out.splitlines()[2:]
    assert not {*rows} & {*following}


def test_lines_are_a_record_each(run: Run) -> None:
    ran = run("records", "--format", "jsonl", "--limit", 4)

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert lines == json_of(run, "records", "--limit", 4)["records"]
    assert "--after" in ran.err


def test_newest_first_is_by_when_they_were_appended(run: Run) -> None:
    """A run that ended long ago and was appended just now comes before all others."""
    found = json_of(run, "records", "--type", "workflow_run")["records"]

    same = [pair for pair in pairwise(found) if pair[0]["partition"] == pair[1]["partition"]]
    assert len(same) > 3
    assert all(first["offset"] > second["offset"] for first, second in same)


def test_that_nothing_fits_is_said_and_no_failure(run: Run) -> None:
    ran = run("records", "--text", "quagga")

    assert (ran.code, ran.out) == (0, "")
    assert "No record fits." in ran.err
    assert json_of(run, "records", "--text", "quagga") == {"records": [], "next": None}


def test_one_is_shown_with_all_its_data(run: Run) -> None:
    ran = run("record", "wild")

    assert "task_completion" in ran.out
    assert "error_message" in ran.out
    assert safe("red \x1b[31m alert\nsecond line") in ran.out
    assert "\x1b" not in ran.out
    assert json_of(run, "record", "wild")["data"]["agent"] == "a"
    assert json_of(run, "record", "wild", "--source", "test")["source"] == "test"


def test_the_own_id_of_an_imported_record_is_enough(run: Run, tmp_path: Path) -> None:
    """Its name is its type, its time and its id, and nobody remembers the time."""
    folder = tmp_path / "node"
    with motif.open(folder) as node:
        for name in ("agent_usage/1/p-1", "agent_usage//p/1", "agent_usage/1/2", "agent_usage/2/2"):
            task = TaskCompleted(task_type="x", agent="a", success=True, record_id=name)
            node.publish(Event("moai-flow", f"{name}@1", task, subject=name, revision=1))
    here = ("--data", folder)

    for name in ("p-1", "p/1"):
        found = json_of(run, "record", name, *here)
        assert found["subject"].endswith(f"/{name}")
        assert json_of(run, "record", found["subject"], *here) == found
        assert json_of(run, "record", name, "--source", found["source"], *here) == found
    ran = run("record", "p-1", "--source", "x", *here)
    assert "no record is called 'p-1' of 'x'" in ran.sentence
    both = run("record", "2", *here)
    assert both.code == 2
    assert "2 records are called '2': agent_usage/1/2 of moai-flow, agent_" in both.sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["records", "--type", "tasks"], "it must be one of task_completion,"),
        (["records", "--since", "yesterday"], "it must be a date such as 2025-06-15"),
        (["records", "--since", "2025-02-01", "--until", "2025-01-01"], "until must come later"),
        (["records", "--after", "1"], "it must be the `next` that a page ended with"),
        (["records", "--limit", "0"], "must be a whole number from 1 to 10000"),
        (["records", "--text", '"'], "it must hold a word"),
        (["records", "--tag", "\udcff"], "it must be text in UTF-8"),
        (["records", "--format", "csv"], "'csv'"),
        (["record", "nothing"], "no record is called 'nothing'"),
        (["record", "wild", "--source", "nobody"], "no record is called 'wild' of 'nobody'"),
        (["record", "\udcff"], "must be text in UTF-8"),
        (["record", ""], "no record is called ''"),
    ],
)
def test_wrong_use_is_named(run: Run, words: list[str], sentence: str) -> None:
    ran = run(*words)

    assert ran.code == 2
    assert sentence in ran.sentence
    assert not ran.out


def test_status_counts_their_file_among_the_tables(run: Run, folder: Path) -> None:
    tables = sum(path.stat().st_size for path in folder.glob("projection.duckdb*"))

    held = json_of(run, "status")["projection_bytes"]

    assert held >= tables + (folder / RECORDS).stat().st_size


def test_a_new_record_is_found_while_a_projector_runs(run: Run, tmp_path: Path) -> None:
    source, tables = tmp_path / "log", tmp_path / "tables"
    with motif.open(source) as node, projected(source, tables) as asked:
        node.publish(records(7, 20))
        node.settle()
        wait_until_found(asked, "demo")

        node.publish(wild("new", "a quagga got in"))
        node.settle()
        wait_until_found(asked, "quagga")

        ran = run("record", "new", "--data", tables)
        found = json_of(run, "records", "--text", "quagga", "--data", tables)["records"]
        assert ran.code == 0
        assert [one["subject"] for one in found] == ["new"]
        assert json_of(run, "records", "--data", tables, "--limit", 1)["records"] == found


def wait_until_found(asked: Asked, text: str) -> None:
    """Wait until it is found, which must not take long; until there is a file none is."""
    began_s = monotonic_s()
    while True:
        with suppress(ProjectionDamaged):
            if len(asked.records(text=text)):
                return
        assert monotonic_s() - began_s < 30, "it is not found"
        Flag().wait(0.02)


def test_the_tables_as_they_were_left_are_asked_too(run: Run, tmp_path: Path) -> None:
    source, tables = tmp_path / "log", tmp_path / "tables"
    with motif.open(source) as node:
        node.publish(wild("left", "a quagga got in"))
        node.settle()
    with projected(source, tables) as asked:
        wait_until_found(asked, "quagga")

    ran = run("record", "left", "--data", tables)

    assert ran.code == 0
    assert "the tables are as they were left" in ran.err


def test_a_projector_makes_damaged_records_anew_while_it_runs(tmp_path: Path) -> None:
    source, tables = tmp_path / "log", tmp_path / "tables"
    with motif.open(source) as node, projected(source, tables) as asked:
        node.publish(wild("first", "a quagga got in"))
        node.settle()
        wait_until_found(asked, "quagga")
        with closing(sqlite3.connect(tables / RECORDS)) as other, other:
            other.execute("DROP TABLE record")

        with pytest.raises(ProjectionDamaged, match="must be made again from the log"):
            asked.records(text="quagga")

        wait_until_found(asked, "quagga")
        assert asked.record("first").title == "x"
