"""The documents: what they point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def name(page: Path) -> str:
    """The page as people call it."""
    return str(page.relative_to(ROOT))


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


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    named = {
        target
        for page in PAGES
        for target in re.findall(r"`?make ([a-z]+)(?:`|\s+#)", page.read_text("utf-8"))
    }

    assert named
    assert named <= targets


def test_the_glossary_explains_each_word_once() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")

    words = re.findall(r"^\*\*(.+)\*\*$", text, re.MULTILINE)

    assert len(words) > 20
    assert len(words) == len(set(words))
