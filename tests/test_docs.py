"""The documents: what they point at is there, and what they show is so."""

import ast
import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shlex import split

import pytest
from typer.testing import CliRunner

import motif
from connectors.generate import sessions
from connectors.generate_probes import probes
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.cli import app
from motif.demo import generated
from motif.discovering import Wanted, planned
from motif.node import Node
from motif.questions import fingerprint
from motif.reports import REPORTS
from schemas.envelope import Event
from schemas.errors import REASONS
from streams.recognise import KINDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
HOWTO = ROOT / "docs" / "howto"
PACKAGES = ("motif", "schemas", "connectors", "streams", "projections")


def name(page: Path) -> str:
    """The page as people call it."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of a page in one language."""
    found = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return found.findall(page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))

    local = [link for link in links if "://" not in link]

    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    """A path in backquotes is a promise: `schemas/events.py`, `docs/decisions/`."""
    named = re.findall(
        r"`((?:motif|schemas|connectors|streams|projections|tests|docs)/[\w./-]*)`",
        page.read_text("utf-8"),
    )

    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_tests_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"make \w+ ARGS=\"?(tests/[\w./]+)", page.read_text("utf-8"))

    assert [path for path in named if not (ROOT / path.rstrip(".")).exists()] == []


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    named = {
        target
        for page in PAGES
        for target in re.findall(r"`?make ([a-z]+)(?:`|\s+#)", page.read_text("utf-8"))
    }

    assert named
    assert named <= targets


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that learned from generated sessions and refused one line."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "wrong.jsonl").write_text("no event\n", "utf-8")
    with motif.open(folder / "node") as opened:
        opened.publish(sessions(7, 40))
        opened.publish(workflow_runs(7, 400))
        opened.publish(records(7, 80))
        opened.publish(probes(7, 80))
        started = planned(Wanted(["127.0.0.1:502"], ["127.0.0.1"])).started("a run")
        opened.publish(Event("motif", "discovery/a run", started))
        opened.import_files("jsonl", [folder / "wrong.jsonl"])
        yield opened


def test_the_demo_that_is_shown_is_the_demo_of_today(tmp_path: Path) -> None:
    events = generated()
    with motif.open(tmp_path) as node:
        node.publish(events)
        digest = fingerprint(node)[:16]
        patterns = sum(node.status().patterns.values())

    shown = (ROOT / "README.md").read_text("utf-8")

    assert re.search(rf"as they happened +{len(events):,} +0 +{patterns:,} +{digest}", shown)


QUERIES = [(page, query) for page in sorted(HOWTO.glob("*.md")) for query in blocks(page, "sql")]


@pytest.mark.parametrize(("page", "query"), QUERIES, ids=lambda part: str(part)[-40:])
def test_every_query_that_is_shown_has_an_answer(node: Node, page: Path, query: str) -> None:
    answer = node.sql(query)

    assert answer.column_names, page
    assert answer.num_rows > 0


def test_the_page_of_queries_has_enough_of_them() -> None:
    assert len(QUERIES) >= 10


def test_what_was_learned_is_what_the_page_of_queries_counts(node: Node) -> None:
    """The query that sets both beside each other, on a site that has no masked tool."""
    (query,) = [text for _, text in QUERIES if "counted" in text]

    rows = node.sql(query).to_pylist()

    assert [row for row in rows if row["learned"] != row["counted"]] == []


@pytest.mark.parametrize("page", sorted(HOWTO.glob("*.md")), ids=name)
def test_the_examples_of_a_page_run(page: Path) -> None:
    test = doctest.DocTestParser().get_doctest(
        page.read_text("utf-8").replace("```", ""), {}, page.name, str(page), 0
    )
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)

    runner.run(test, out=told.append)

    assert not told, "".join(told)


def test_the_reports_that_are_shown_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands,) = blocks(HOWTO / "reports.md", "sh")
    with motif.open(tmp_path / "node") as node:
        node.publish([*records(7, 800), *workflow_runs(7, 200)])
    monkeypatch.setenv("MOTIF_DATA", str(tmp_path / "node"))
    monkeypatch.chdir(tmp_path)

    ran = [CliRunner().invoke(app, line.split()[1:]) for line in commands.splitlines()]

    assert [one.exit_code for one in ran] == [0, 0, 0, 0]
    assert "Report on operations" in (tmp_path / "operations.html").read_text("utf-8")
    named = [line.split()[2] for line in commands.splitlines()]
    assert named == list(REPORTS)


def test_the_devices_that_are_simulated_are_found_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On free ports, and without the gaps that real devices need."""
    serve, find, *_ = blocks(HOWTO / "devices.md", "sh")
    monkeypatch.setenv("MOTIF_DATA", str(tmp_path / "node"))
    command = [sys.executable, "-c", "from motif.cli import main; main()", *serve.split()[1:-1]]

    with subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, text=True) as plant:
        assert plant.stdout is not None
        for shown in range(15020, 15025):
            find = find.replace(f":{shown}", ":" + plant.stdout.readline().split()[0].split(":")[1])
        lines = [f"{line} --unthrottled" for line in find.splitlines()]
        ran = [CliRunner().invoke(app, line.split()[1:]) for line in lines]
        plant.terminate()

    assert [one.exit_code for one in ran] == [0, 0]
    assert plant.returncode == 0, "it was only read"
    assert "Power meter" in ran[0].stdout
    assert "slot 2" in ran[1].stdout


def test_the_records_that_are_shown_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands,) = blocks(HOWTO / "find-records.md", "sh")
    with motif.open(tmp_path / "node") as node:
        node.publish(records(7, 80))
    monkeypatch.setenv("MOTIF_DATA", str(tmp_path / "node"))

    ran = [CliRunner().invoke(app, split(line)[1:]) for line in commands.splitlines()]

    assert [(one.exit_code, bool(one.stdout)) for one in ran] == [(0, True)] * 4


def test_the_example_of_ones_own_events_is_imported_whole(tmp_path: Path) -> None:
    (lines,) = blocks(HOWTO / "own-events.md", "jsonl")
    (tmp_path / "mine.jsonl").write_text(lines, "utf-8")

    with motif.open(tmp_path / "node") as node:
        imported = node.import_files("jsonl", [tmp_path])
        again = node.import_files("jsonl", [tmp_path])
        recovery = node.pattern("error_recovery:tool_use_error:Read:Read").pattern
        (calls,) = node.sql("SELECT output_tokens, cost_usd FROM model_calls").to_pylist()

    assert (imported.appended, imported.repeats, imported.refused) == (7, 0, 0)
    assert (again.repeats, again.conflicting, sum(again.new_patterns.values())) == (7, 0, 0)
    assert (recovery.occurrences, recovery.successes, recovery.failures) == (1, 1, 0)
    assert (calls["output_tokens"], str(calls["cost_usd"])) == (85, "0.003100000")


@cache
def said() -> str:
    """Every text in the code, one a line, with the parts that are filled in left out."""
    modules = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    nodes = (part for path in modules for part in ast.walk(ast.parse(path.read_text("utf-8"))))
    constants = (node.value for node in nodes if isinstance(node, ast.Constant))
    return "\n".join(text for text in constants if isinstance(text, str))


WRONG = (HOWTO / "when-something-is-wrong.md").read_text("utf-8")
SENTENCES = re.findall(r"^\| `([^`]* [^`]*)` \|", WRONG, re.MULTILINE)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_that_is_explained_is_one_that_is_said(sentence: str) -> None:
    parts = [part.strip(" ,;:.") for part in sentence.split("…")]

    assert [part for part in parts if part not in said()] == []


def test_every_reason_for_a_dead_letter_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", WRONG, re.MULTILINE)) == set(REASONS)
    assert len(SENTENCES) > 20


GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")
WORDS = [
    word
    for line in re.findall(r"^\*\*.+\*\*$", GLOSSARY, re.MULTILINE)
    for word in re.findall(r"\*\*(.+?)\*\*", line)
]


def test_the_glossary_explains_each_word_once() -> None:
    assert len(WORDS) > 20
    assert len(WORDS) == len(set(WORDS))


def test_the_glossary_explains_every_kind() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in GLOSSARY] == []


@pytest.mark.parametrize("column", ["session", "event", "previous_event", "pattern", "site"])
def test_ids_in_the_tables_are_called_by_words_of_the_glossary(node: Node, column: str) -> None:
    word = column.removeprefix("previous_")

    columns = node.sql("SELECT DISTINCT column_name FROM information_schema.columns").to_pylist()

    assert word in WORDS
    assert f"{column}_id" in {row["column_name"] for row in columns}


# A second word for a thing that has one; `duplicates` is the table of interfaces, a list of places.
SECOND_WORDS = {
    "dedup_id": "id",
    "message_offset": "offset",
    "run_count": "occurrences",
    "count_seen": "occurrences",
    "timestamp": "happened_at",
    "created_at": "appended_at",
    "node_id": "site_id",
    "event_type": "type",
}


def test_no_column_has_a_second_word_for_what_has_one(node: Node) -> None:
    """But for the views whose columns are called as the program they grew from called them."""
    rows = node.sql(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name NOT IN ('operation_patterns', 'v_high_value_patterns')"
    ).to_pylist()

    assert {row["column_name"] for row in rows} & set(SECOND_WORDS) == set()
