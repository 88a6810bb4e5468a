"""Kind `error`: what may be shown of an error, and what is counted of how it was resolved."""

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import ErrorOccurred
from streams.change import Change
from streams.error_words import CLASSES, LENGTH_MAX, MASK, VOCABULARY, error_class, template
from streams.recognise.error import recognise


def change(**fields: Any) -> Change:
    stated = {"error_type": "TypeError", "error_message": "m"} | fields
    [found] = recognise(ErrorOccurred.model_validate(stated), 5)
    return found


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("TypeError", "TypeError"),
        ("typeerror", "TypeError"),
        ("java.lang.NullPointerException", "NullPointerException"),
        (" ENOENT ", "ENOENT"),
        ("AcmePayrollError", "other"),
        ("ann@example.com", "other"),
        ("", "other"),
    ],
)
def test_an_error_has_a_class_of_the_list_or_is_other(name: str, shown: str) -> None:
    assert error_class(name) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("unsupported operand type(s) for +: 'int' and 'str'", "unsupported operand * for * and *"),
        ("No such file or directory: '/home/ann/x y.csv'", "no such file or directory *"),
        ("object doesn't support 'x' (it's closed)", "object * support * closed"),
        ("Request timed out after 30 seconds!", "request timed out after * seconds"),
        ("/home/ann/file.py", "*"),
        ("user=ann password:hunter2 file.py line 3", "* line *"),
        ('key "token value" `password` not found', "key * not found"),
        ("a'b'c", "*"),
        ("   ", "*"),
        ("'unfinished string of errors", "* string of errors"),
    ],
)
def test_all_but_the_vocabulary_is_masked(message: str, shown: str) -> None:
    assert template(message) == shown


@given(st.text(max_size=300) | st.lists(st.sampled_from(sorted(VOCABULARY))).map(" ".join))
def test_a_template_holds_nothing_but_masks_and_the_vocabulary(message: str) -> None:
    words = template(message).split(" ")

    assert set(words) <= VOCABULARY | {MASK}
    assert (MASK, MASK) not in set(pairwise(words))
    assert len(template(message)) <= LENGTH_MAX


@pytest.mark.parametrize("character", ["'", '"', "`", " ", "('", "''"])
def test_a_long_message_is_read_in_no_time(character: str) -> None:
    assert template(character * 1_000_000) == MASK


def test_the_lists_hold_words_and_names_only() -> None:
    assert all(re.fullmatch(r"[a-z]+", word) for word in VOCABULARY)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in CLASSES)


def test_an_error_is_an_occurrence_and_states_what_is_known() -> None:
    bare = change(auto_resolved=False)

    assert bare == Change(("error", "TypeError", "*"), 5)
    assert change(resolution_time_us=0).measures == (("time_to_resolve", 0),)


def test_how_it_was_resolved_is_counted() -> None:
    found = change(resolution="Cast it", auto_resolved=True, user_intervention=True)

    *plain, vote = found.counts
    assert plain == ["auto_resolved", "user_intervention", "resolved"]
    assert re.fullmatch(r"resolution\.[0-9a-f]{16}", vote)
    assert change(auto_resolved=True).counts == ("auto_resolved", "resolved")


def test_a_vote_is_for_the_words_whatever_their_case_and_space() -> None:
    same = {change(resolution=text).counts for text in ("Cast it", " cast\n IT")}

    assert len(same) == 1
    assert change(resolution="Drop it").counts not in same
