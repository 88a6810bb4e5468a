"""Words to search for: whatever somebody types is words, and finds the text that has them."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.records import file
from projections.records.words import WORDS_MAX, query_of
from schemas.errors import WrongUse

# Vowel signs of New Tai Lue are letters to Python and marks to the index, which drops them.
CHARACTERS = st.characters(codec="utf-8", exclude_characters=[*map(chr, range(0x19B0, 0x19CA))])
ANYTHING = st.one_of(
    st.text(CHARACTERS, max_size=40),
    st.lists(
        st.sampled_from(
            [
                "AND",
                "OR",
                "NOT",
                "NEAR(",
                ")",
                '"',
                "*",
                "^",
                ":",
                "body:",
                "+",
                "-",
                "a",
                "é",
                "\0",
            ]
        ),
        max_size=12,
    ).map(" ".join),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = file.made(tmp_path_factory.mktemp("index") / "records.sqlite", "")
    yield connection
    connection.close()


def finds(index: sqlite3.Connection, body: str, typed: str) -> bool:
    """Whether what is typed finds a text."""
    index.execute("BEGIN")
    index.execute("INSERT INTO entry (rowid, body, terms) VALUES (1, ?, 'x')", (body,))
    query = f"body : ({query_of(typed)})"
    found = index.execute("SELECT rowid FROM entry WHERE entry MATCH ?", (query,)).fetchall()
    index.execute("ROLLBACK")
    return bool(found)


@given(ANYTHING)
@example('"')
@example('a" OR "b')
def test_whatever_is_typed_is_a_query_or_refused_in_words(
    index: sqlite3.Connection, typed: str
) -> None:
    refusal = refused(typed)

    if refusal is None:
        assert finds(index, typed.replace('"', " "), typed)
    else:
        assert refusal.startswith("text ")


def refused(typed: str) -> str | None:
    """Why it is no query, None where it is one."""
    try:
        query_of(typed)
    except WrongUse as refusal:
        return str(refusal)
    return None


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("space", True),
        ("SPACE left", True),
        ("left space", True),
        ('"no space left"', True),
        ('"left space"', False),
        ('"no space', True),  # not closed: to the end
        ("space OR", False),  # the word, which is not there
        ("spac*", False),
        ("no-space", True),  # as a phrase, as a person would read it
        ("left-space", False),
        ("zurich", True),
        ("ZÜRICH", True),
        ("日本語", True),
        ("disk'; DROP TABLE record; --", False),
    ],
)
def test_words_and_phrases(index: sqlite3.Connection, typed: str, found: bool) -> None:
    text = "There is no space left on the disk in Zürich, 日本語."

    assert finds(index, text, typed) is found


@pytest.mark.parametrize("typed", ["", "   ", '""', "- + *", "\0"])
def test_what_holds_no_word_is_refused(typed: str) -> None:
    with pytest.raises(WrongUse, match="must hold a word"):
        query_of(typed)


def test_more_words_than_anybody_types_are_refused() -> None:
    assert query_of("a " * WORDS_MAX)
    with pytest.raises(WrongUse, match=f"has {WORDS_MAX + 1} words"):
        query_of("a " * (WORDS_MAX + 1))
