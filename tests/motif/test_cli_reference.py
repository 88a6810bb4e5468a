"""The reference pages are what the code generates."""

from pathlib import Path

import pytest

from motif.cli.reference import pages
from motif.settings import SETTINGS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", ["cli.md", "settings.md"])
def test_the_page_is_current(name: str) -> None:
    written = (FOLDER / name).read_text("utf-8")

    assert written == pages()[name], "run: python -m motif.cli.reference docs/reference"


def test_every_command_is_on_the_page() -> None:
    page = pages()["cli.md"]

    for command in (
        *("demo", "import", "patterns", "show", "sql", "status", "rebuild", "verify", "copy"),
        *("dead-letters list", "dead-letters show", "dead-letters retry", "dead-letters discard"),
        *("evaluate", "schema", "site", "version"),
    ):
        assert f"\n## motif {command}\n" in page


def test_every_setting_is_on_the_page() -> None:
    assert all(f"| `{one.variable}` |" in pages()["settings.md"] for one in SETTINGS)
