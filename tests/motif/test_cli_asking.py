"""`motif patterns`, `show` and `sql`: what they answer and what they refuse."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import motif
from tests.motif.conftest import Run


def json_of(run: Run, *words: object) -> Any:
    """The JSON a command prints, which must be all it prints."""
    ran = run(*words, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_patterns_come_best_first_and_no_more_than_asked_for(run: Run, learned: Path) -> None:
    found = json_of(run, "patterns", "--data", learned, "--limit", "30")

    assert len(found) == 30
    assert [one["confidence"] for one in found] == sorted(
        (one["confidence"] for one in found), reverse=True
    )


def test_the_folder_may_be_named_before_the_command_and_behind_it_goes_first(
    run: Run, learned: Path, tmp_path: Path
) -> None:
    before = json_of(run, "--data", learned, "patterns")
    both = json_of(run, "--data", tmp_path / "nothing", "patterns", "--data", learned)

    assert before == both == json_of(run, "patterns", "--data", learned)


def test_the_folder_may_be_a_setting(
    run: Run, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_DATA", str(learned))

    assert json_of(run, "patterns") == json_of(run, "patterns", "--data", learned)


def test_patterns_are_chosen_by_kind_confidence_and_text(run: Run, learned: Path) -> None:
    found = json_of(
        run,
        *("patterns", "--data", learned, "--kind", "tool_usage"),
        *("--min-confidence", "0.5", "--search", "bash"),
    )

    assert found
    assert all(one["kind"] == "tool_usage" for one in found)
    assert all(one["confidence"] >= 0.5 for one in found)
    assert all("Bash" in one["title"] for one in found)


def test_a_listing_says_what_the_library_says(run: Run, learned: Path) -> None:
    with motif.open(learned) as node:
        expected = {one.signature: one.occurrences for one in node.patterns("tool")}

    found = json_of(run, "patterns", "--kind", "tool", "--limit", "50", "--data", learned)

    assert {one["signature"]: one["occurrences"] for one in found} == expected
    assert all(one["measures"][0]["measure"] == "latency" for one in found if one["successes"])


def test_a_table_has_no_colour_and_cuts_nothing_off_on_a_pipe(run: Run, learned: Path) -> None:
    ran = run("patterns", "--data", learned, "--limit", "2000")

    assert "\x1b" not in ran.out
    assert "…" not in ran.out
    assert "confidence" in ran.out.splitlines()[0]


def test_that_more_would_fit_is_said_beside_the_table(run: Run, learned: Path) -> None:
    ran = run("patterns", "--data", learned, "--limit", "3")

    assert len(ran.out.splitlines()) == 5
    assert "first 3" in ran.err


def test_that_nothing_fits_is_said_and_no_failure(run: Run, learned: Path) -> None:
    ran = run("patterns", "--data", learned, "--search", "no such thing")

    assert (ran.code, ran.out) == (0, "")
    assert "No pattern fits" in ran.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--limit", "0"], "0"),
        (["--limit", "10001"], "10001"),
        (["--limit", "some"], "some"),
        (["--min-confidence", "1.5"], "1.5"),
        (["--min-confidence", "nan"], "nan"),
        (["--kind", "tol"], "tol"),
        (["--search", "\udcff"], "udcff"),
        (["--data", ""], "''"),
        (["--data", __file__], "test_cli_asking"),
        (["--nothing"], "--nothing"),
    ],
)
def test_wrong_use_of_patterns_is_named(
    run: Run, learned: Path, words: list[str], named: str
) -> None:
    ran = run("--data", learned, "patterns", *words)

    assert ran.code == 2
    assert named in ran.sentence
    assert not ran.out


def test_one_pattern_is_found_by_name_signature_and_id(run: Run, learned: Path) -> None:
    by_name = json_of(run, "show", "tool_usage:Bash:Bash", "--data", learned)

    assert json_of(run, "show", "Bash:Bash", "--data", learned) == by_name
    assert json_of(run, "show", by_name["pattern_id"], "--data", learned) == by_name
    assert by_name["lift"]["tool_a"] == "Bash"
    assert sum(day["occurrences"] for day in by_name["days"]) == by_name["occurrences"]
    assert [site["site_label"] for site in by_name["sites"]] == ["the build farm"]


def test_a_pattern_is_shown_with_intervals_measures_days_and_sites(run: Run, learned: Path) -> None:
    ran = run("show", "tool:Bash", "--data", learned)

    for word in ("success", "decided", "latency", "± 95 %", "p90", "Days", "the build farm"):
        assert word in ran.out


def test_a_pattern_that_is_not_there_is_answered_with_those_near(run: Run, learned: Path) -> None:
    ran = run("show", "tool_usage:Bash:Bsh", "--data", learned)

    assert ran.code == 2
    assert "tool_usage:Bash:Bash" in ran.sentence


def test_a_query_is_answered_in_every_format(run: Run, learned: Path, tmp_path: Path) -> None:
    query = "SELECT tool, count(*) AS n FROM tool_calls GROUP BY tool ORDER BY n DESC, tool"
    expected = json_of(run, "sql", query, "--data", learned)

    table = run("sql", query, "--data", learned).out.splitlines()
    rows = list(csv.DictReader(run("sql", query, "--data", learned, "--format", "csv").out.split()))
    file = tmp_path / "calls.parquet"
    run("sql", query, "--data", learned, "--format", "parquet", "--output", file)

    assert len(table) == len(expected) + 2
    assert [{**row, "n": int(row["n"])} for row in rows] == expected
    assert pq.read_table(file).to_pylist() == expected
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


def test_values_keep_their_digits_and_null_is_no_zero(run: Run, learned: Path) -> None:
    query = (
        "SELECT 0.1::DECIMAL(18,9) AS money, sum(1::BIGINT) AS whole, 9007199254740993 AS large,"
        " NULL AS nothing, 'NaN'::DOUBLE AS nan, [1, 2] AS list, {'a': 'ü'} AS struct,"
        " TIMESTAMPTZ '2026-01-01 00:00:00+00' AS moment, 1 AS money"
    )

    ran = run("sql", query, "--format", "json", "--data", learned)

    assert '"money":0.100000000' in ran.out
    assert json.loads(ran.out) == [
        {
            "money": 0.1,
            "whole": 1,
            "large": 9007199254740993,
            "nothing": None,
            "nan": None,
            "list": [1, 2],
            "struct": {"a": "ü"},
            "moment": "2026-01-01T00:00:00Z",
            "money_2": 1,
        }
    ]


def test_a_long_answer_is_cut_in_a_table_only_and_says_so(run: Run, learned: Path) -> None:
    ran = run("sql", "SELECT range AS n FROM range(1500)", "--data", learned)
    whole = json_of(run, "sql", "SELECT range AS n FROM range(1500)", "--data", learned)

    assert len(ran.out.splitlines()) == 1_002
    assert "1,500 rows" in ran.err
    assert len(whole) == 1_500


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE tool_called",
        "INSERT INTO tool_called SELECT * FROM tool_called",
        "COPY tool_called TO 'stolen.csv'",
        "SELECT 1; DROP TABLE tool_called",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM nothing",
        "SELEC 1",
        "",
    ],
)
def test_what_is_no_reading_of_our_tables_is_refused(run: Run, learned: Path, query: str) -> None:
    ran = run("sql", query, "--data", learned)

    assert ran.code == 2
    assert ran.sentence
    assert not ran.out


@pytest.mark.parametrize(
    ("words", "named"),
    [(["--format", "xml"], "xml"), (["--output", "/nothing/here/file"], "/nothing/here")],
)
def test_where_and_how_rows_cannot_be_written_is_named(
    run: Run, learned: Path, words: list[str], named: str
) -> None:
    ran = run("sql", "SELECT 1", "--data", learned, *words)

    assert ran.code == 2
    assert named in ran.sentence


@pytest.mark.parametrize(
    "words", [["patterns"], ["show", "x"], ["sql", "SELECT 1"], ["status"], ["verify"], ["site"]]
)
def test_asking_an_empty_folder_makes_nothing_there(
    run: Run, tmp_path: Path, words: list[str]
) -> None:
    folder = tmp_path / "empty"

    ran = run(*words, "--data", folder)

    assert ran.code == 1
    assert str(folder) in ran.sentence
    assert not folder.exists()
