"""`motif evaluate`: labels are compared, and what is wrong with a file is said with its line."""

import json
from pathlib import Path

import pytest

from motif.labels import LINE_BYTES_MAX
from tests.motif.conftest import Run

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "operation-labels.jsonl"
RIGHT = {"text": "Run pytest", "operations": ["test:pytest:all"]}
WRONG = {"text": "terraform plan", "operations": ["deploy:terraform:all"]}
RULES = """version = "3"
[[rule]]
id = "terraform"
signature = "deploy:terraform:all"
words = ["terraform plan"]
"""


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A file of two labels, of which the house's rules know one."""
    file = tmp_path / "labels.jsonl"
    file.write_text(f"{json.dumps(RIGHT)}\n\n{json.dumps(WRONG)}\n", "utf-8")
    return file


def test_the_labels_of_the_repository_are_evaluated(run: Run) -> None:
    ran = run("evaluate", GOLDEN)

    assert (ran.code, ran.err) == (0, "")
    assert "precision" in ran.out
    assert "recognised exactly, by rules 1." in ran.out


def test_what_is_wrong_is_listed(run: Run, labels: Path) -> None:
    ran = run("evaluate", labels)

    assert ran.code == 0
    assert "1 of 2 requests recognised exactly" in ran.out
    assert "terraform plan" in ran.out


def test_json_has_the_counts(run: Run, labels: Path) -> None:
    found = json.loads(run("evaluate", labels, "--json").out)

    assert (found["requests"], found["exact"], found["accuracy"]) == (2, 1, 0.5)
    assert found["overall"] == {"tp": 1, "fp": 0, "fn": 1, "precision": 1.0, "recall": 0.5}
    assert found["categories"]["deploy"]["precision"] is None
    assert found["wrong"][0]["operations"] == ["deploy:terraform:all"]


def test_own_rules_are_used(run: Run, labels: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")

    ran = run("evaluate", labels, "--rules", tmp_path / "rules.toml", "--json")

    found = json.loads(ran.out)
    assert (found["exact"], found["rules_version"], found["wrong"]) == (2, "1+3", [])


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_file_without_labels_is_refused(run: Run, tmp_path: Path, form: tuple[str, ...]) -> None:
    """A check that compares nothing would always pass."""
    (tmp_path / "none.jsonl").write_text("\n\n", "utf-8")

    ran = run("evaluate", tmp_path / "none.jsonl", *form)

    assert (ran.code, ran.out) == (2, "")
    assert "none.jsonl holds no labels" in ran.sentence


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"no json", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"text": "\\ud800", "operations": []}', "surrogates not allowed"),
        (b"[]", "an object"),
        (b'{"text": 1, "operations": []}', "text must be"),
        (b'{"text": "x"}', "operations must be"),
        (b'{"text": "x", "operations": [1]}', "operations must be"),
        (b'{"text": "x", "operations": ["fix:bug"]}', "'fix:bug' is no signature"),
        (b'{"text": "x", "operations": [], "label": 1}', "'label' means nothing"),
        (b" " * LINE_BYTES_MAX + b"{}", "bytes"),
    ],
)
def test_a_bad_line_is_named(run: Run, tmp_path: Path, line: bytes, said: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_bytes(json.dumps(RIGHT).encode() + b"\n" + line + b"\n")

    ran = run("evaluate", file)

    assert ran.code == 2
    assert "line 2" in ran.sentence
    assert said in ran.sentence


@pytest.mark.parametrize("content", [b"version = 1", b"\xff", b"#" * 70_000])
def test_a_bad_file_of_rules_is_named(
    run: Run, labels: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "rules.toml").write_bytes(content)

    ran = run("evaluate", labels, "--rules", tmp_path / "rules.toml")

    assert ran.code == 2
    assert "rules.toml: " in ran.sentence


def test_a_file_that_is_not_there_is_wrong_use(run: Run, tmp_path: Path) -> None:
    assert run("evaluate", tmp_path / "none.jsonl").code == 2
