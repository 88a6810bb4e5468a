"""`motif dead-letters`: what was refused is listed, shown byte for byte, retried, discarded."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from motif.cli import app
from tests.motif.conftest import Run

LINES = (
    b"\xff\xfe\x1b[31m no text",
    b'{"specversion":"1.0","type":"motif.nothing.v9","source":"me","id":"3","data":{}}',
)


@pytest.fixture
def refused(run: Run, tmp_path: Path) -> Path:
    """A folder in which two lines were refused."""
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b"\n".join(LINES) + b"\n")
    ran = run("import", "jsonl", file, "--data", tmp_path / "data")
    assert ran.code == 0, ran.err
    assert "dead-letters list" in ran.err
    return tmp_path / "data"


def listed(run: Run, data: Path, *words: str) -> list[dict[str, Any]]:
    """The letters that a list shows."""
    letters: list[dict[str, Any]] = json.loads(
        run("dead-letters", "list", "--json", "--data", data, *words).out
    )
    return letters


def test_each_refused_line_is_listed_with_its_reason(run: Run, refused: Path) -> None:
    letters = listed(run, refused)

    assert sorted(one["reason"] for one in letters) == ["not_json", "unknown_type"]
    table = run("dead-letters", "list", "--data", refused).out
    assert all(one["letter_id"][:10] in table and one["detail"] in table for one in letters)


def test_a_letter_is_shown_without_what_a_terminal_would_obey(run: Run, refused: Path) -> None:
    (letter,) = [one for one in listed(run, refused) if one["reason"] == "not_json"]

    ran = run("dead-letters", "show", letter["letter_id"][:8], "--data", refused)

    assert ran.code == 0
    assert "\\xff\\xfe\\x1b[31m no text" in ran.out
    assert "\x1b" not in ran.out


def test_the_bytes_of_a_letter_are_those_that_were_refused(run: Run, refused: Path) -> None:
    for letter in listed(run, refused):
        words = ["dead-letters", "show", letter["letter_id"], "--data", str(refused)]

        written = CliRunner().invoke(app, [*words, "--bytes"]).stdout_bytes
        encoded = json.loads(run(*words, "--json").out)["bytes"]

        assert written in LINES
        assert base64.b64decode(encoded) == written


def test_retrying_what_is_still_no_event_leaves_it_undecided(run: Run, refused: Path) -> None:
    ran = run("dead-letters", "retry", "--data", refused)

    assert ran.code == 0
    assert ran.out.count("still refused") == 2
    assert len(listed(run, refused)) == 2


def test_of_many_outcomes_the_last_are_shown(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("".join(f"no event {number}\n" for number in range(150)))
    run("import", "jsonl", file, "--data", tmp_path / "data")

    ran = run("dead-letters", "retry", "--data", tmp_path / "data")
    everything = json.loads(run("dead-letters", "retry", "--json", "--data", tmp_path / "data").out)

    assert ran.out.count("still refused") == 100
    assert "100 of 150" in ran.err
    assert len(everything) == 150


def test_what_is_discarded_is_no_longer_listed_but_kept(run: Run, refused: Path) -> None:
    first, _ = listed(run, refused)

    run("dead-letters", "discard", first["letter_id"][:6], "--data", refused)

    assert first["letter_id"] not in {one["letter_id"] for one in listed(run, refused)}
    decisions = {one["letter_id"]: one["decided"] for one in listed(run, refused, "--all")}
    assert decisions[first["letter_id"]] == "discarded"
    assert len(decisions) == 2


def test_all_can_be_discarded_and_then_there_is_nothing_to_list(run: Run, refused: Path) -> None:
    assert run("dead-letters", "discard", "--all", "--data", refused).code == 0

    ran = run("dead-letters", "list", "--data", refused)

    assert (ran.code, ran.out) == (0, "")
    assert "Nothing" in ran.err
    assert run("dead-letters", "retry", "--data", refused).code == 0


@pytest.mark.parametrize(
    "words", [["show", "zz"], ["retry", "zz"], ["discard", "zz"], ["discard"], ["show", ""]]
)
def test_letters_that_are_not_there_are_named(run: Run, refused: Path, words: list[str]) -> None:
    ran = run("dead-letters", *words, "--data", refused)

    assert ran.code == 2
    assert ran.sentence
