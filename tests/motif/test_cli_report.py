"""`motif report`: what it writes, where, and what it refuses."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import motif
from connectors.generate_records import records
from connectors.generate_runs import workflow_runs
from motif.reports import REPORTS
from schemas.clock import to_us
from tests.motif.conftest import Run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with records and runs of a month; only to be read."""
    folder = tmp_path_factory.mktemp("recorded")
    with motif.open(folder) as node:
        node.publish([*records(3, 400), *workflow_runs(3, 100)])
        node.settle()
    return folder


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_text_that_begins_with_its_name(run: Run, recorded: Path, name: str) -> None:
    ran = run("report", name, "--data", recorded)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"# Report on {name}\n")
    assert "\x1b" not in ran.out
    for heading in ("## Recommendations", "## Changes over time", "## Records far from usual"):
        assert heading in ran.out


@pytest.mark.parametrize("name", REPORTS)
def test_json_holds_what_the_library_says(run: Run, recorded: Path, name: str) -> None:
    with motif.open(recorded) as node:
        report = node.report(name, days=10)

    ran = run("report", name, "--data", recorded, "--days", "10", "--format", "json")

    found = json.loads(ran.out)
    assert (ran.code, found["name"], found["window"]["days"]) == (0, name, 10)
    assert found["rows"][0]["counted"] == report.rows[0].counted > 0
    assert [one["sentence"] for one in found["recommendations"]] == [
        one.sentence for one in report.recommendations
    ]


def test_the_last_day_may_be_named(run: Run, recorded: Path) -> None:
    words = ("report", "tasks", "--data", recorded, "--days", "5", "--as-of", "2026-01-12")

    assert "from 2026-01-08 00:00 UTC up to 2026-01-12 23:59 UTC" in run(*words).out


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_on_a_pruned_log_says_how_far_back_it_reads(
    run: Run, tmp_path: Path, name: str
) -> None:
    with motif.open(tmp_path) as node:
        node.publish([*records(3, 400), *workflow_runs(3, 100)])
        node.prune(0, as_of_us=to_us(datetime(2026, 1, 16, 12, tzinfo=UTC)))
    words = ("report", name, "--data", tmp_path)
    sentence = "complete from 2026-01-17 on: what happened before that day was pruned from the log"

    for form in ("md", "html"):
        whole, last, late = (
            run(*words, *days, "--format", form).out
            for days in (
                (),
                ("--days", "9", "--as-of", "2026-01-25"),
                ("--days", "9", "--as-of", "2026-01-24"),
            )
        )
        assert sentence in whole
        assert sentence not in last
        assert sentence in late
    found = json.loads(run(*words, "--format", "json").out)
    assert found["window"]["complete_from"] == "2026-01-17"
    early = run(*words, "--days", "5", "--as-of", "2026-01-10").out
    assert sentence in early
    assert " left of that time." in early
    assert " in that time." not in early


def test_a_report_is_written_into_a_file_that_is_whole(
    run: Run, recorded: Path, tmp_path: Path
) -> None:
    file = tmp_path / "errors.html"

    ran = run("report", "errors", "--data", recorded, "--format", "html", "--output", file)

    assert (ran.code, ran.out) == (0, "")
    page = file.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["agent"], "'errors'"),
        ([], "REPORT"),
        (["agents", "--days", "0"], "'0'"),
        (["agents", "--days", "week"], "'week'"),
        (["agents", "--as-of", "2026-02-30"], "2026-02-30"),
        (["agents", "--format", "pdf"], "'html'"),
        (["agents", "--output", "/nothing/here/file"], "/nothing/here"),
    ],
)
def test_wrong_use_is_named_in_a_sentence(
    run: Run, recorded: Path, words: list[str], named: str
) -> None:
    ran = run("--data", recorded, "report", *words)

    assert ran.code == 2
    assert named in ran.sentence
    assert not ran.out


def test_a_folder_without_a_log_is_named_and_stays_away(run: Run, tmp_path: Path) -> None:
    ran = run("report", "agents", "--data", tmp_path / "empty")

    assert ran.code == 1
    assert "empty" in ran.sentence
    assert not (tmp_path / "empty").exists()


def test_a_log_without_such_records_has_an_empty_report(run: Run, learned: Path) -> None:
    ran = run("report", "operations", "--data", learned)

    assert ran.code == 0
    assert "There are no workflow runs in that time." in ran.out
