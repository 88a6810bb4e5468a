"""Reasons: every code that is used is explained, every code that is explained is used."""

import re
from pathlib import Path

from schemas.errors import REASONS, Refused

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "streams", "projections", "motif")


def test_every_reason_is_explained_and_used() -> None:
    sources = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]

    used = {
        code
        for path in sources
        for code in re.findall(r"""Refused\(\s*"(\w+)",""", path.read_text("utf-8"))
    }

    assert used == set(REASONS)


def test_a_refusal_says_why() -> None:
    refused = Refused("not_json", "it is soup")

    assert str(refused) == "not_json: it is soup"
    assert (refused.reason, refused.detail) == ("not_json", "it is soup")
