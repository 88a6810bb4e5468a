"""What a request looks like, and where one class ends and the next begins."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operations import characteristics


def test_what_is_not_known_counts_as_nothing() -> None:
    assert characteristics(None, None, None).to_json() == {
        "input_length": 0,
        "keywords": [],
        "files_mentioned": [],
        "duration_range": "short",
        "complexity": "simple",
        "error_count": 0,
    }


def test_keywords_are_listed_in_the_fixed_order() -> None:
    text = "run the UI and server checks, then pytest, lint, build and test"

    found = characteristics(text, None, None).keywords

    assert found == ("test", "pytest", "build", "lint", "run", "server", "ui")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Build the suite", ("build",)),
        ("the latest observer", ()),
        ("tests and servers", ("test", "server")),
        ("information", ()),
    ],
)
def test_a_keyword_is_a_whole_word(text: str, expected: tuple[str, ...]) -> None:
    assert characteristics(text, None, None).keywords == expected


def test_files_are_listed_once_and_sorted() -> None:
    text = (
        "See src/z.py, app/server/main.rs, tests/a_test and (src/z.py); also b.ts, c.js. And d.md"
    )

    found = characteristics(text, None, None).files_mentioned

    assert found == ("app/server/main.rs", "b.ts", "c.js", "src/z.py", "tests/a_test")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "short"), (179, "short"), (180, "medium"), (599, "medium"), (600, "long")],
)
def test_the_edges_of_the_duration(seconds: int, expected: str) -> None:
    assert characteristics("", seconds * 1_000_000, None).duration_range == expected


@pytest.mark.parametrize(
    ("words", "errors", "expected"),
    [
        (49, 2, "simple"),
        (50, 0, "medium"),
        (200, 0, "medium"),
        (201, 0, "complex"),
        (1, 3, "medium"),
        (1, 5, "medium"),
        (1, 6, "complex"),
    ],
)
def test_the_edges_of_the_complexity(words: int, errors: int, expected: str) -> None:
    assert characteristics("word " * words, None, errors).complexity == expected


@given(
    text=st.none() | st.text(),
    duration_us=st.none() | st.integers(0),
    errors=st.none() | st.integers(0),
)
def test_every_text_has_characteristics_that_are_json(
    text: str | None, duration_us: int | None, errors: int | None
) -> None:
    found = characteristics(text, duration_us, errors)

    assert json.loads(json.dumps(found.to_json()))["input_length"] == len(text or "")
    assert list(found.files_mentioned) == sorted(set(found.files_mentioned))


@pytest.mark.parametrize("piece", ["a.", "a/", "a-", "/", "src/", ".py", "x.py "])
def test_a_long_text_is_read_in_one_pass(piece: str) -> None:
    assert len(characteristics(piece * 200_000, None, None).files_mentioned) <= 1
