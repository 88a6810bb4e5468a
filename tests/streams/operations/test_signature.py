"""What is a signature, and what is none."""

import pytest

from streams.operations import CATEGORIES, normalised, parse_signature
from streams.operations.signature import is_signature


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_category_makes_signatures(category: str) -> None:
    assert parse_signature(f"  {category.upper()}:Sub:Target\n") == (category, "sub", "target")


def test_there_are_ten_categories() -> None:
    assert len(set(CATEGORIES)) == 10


@pytest.mark.parametrize(
    "text",
    [
        "fix:bug:all",
        "test:py test:all",
        "tests:a:b",
        "test: a:b",
        "",
        ":",
        "::",
        "test",
        "test:pytest",
        "test:pytest:",
        "test::all",
        ":a:b",
        "a:b:c:d",
    ],
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    assert not is_signature(text)
    with pytest.raises(ValueError, match="is no signature: it"):
        normalised(text)
