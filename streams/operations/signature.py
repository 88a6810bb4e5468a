"""The name of an operation: `category:subcategory:target`, all in lower case."""

from typing import Final, NamedTuple

CATEGORIES: Final = (
    "test",
    "build",
    "format",
    "git",
    "deps",
    "docs",
    "sdlc",
    "patch",
    "deploy",
    "review",
)
"""Everything that the first part of a signature may be."""

_PARTS: Final = 3


class Recognised(NamedTuple):
    """An operation that a request, an error or a template speaks of."""

    signature: str
    rule: str
    """The stable id of the rule that found it."""


def parse_signature(text: str) -> tuple[str, str, str]:
    """Read a signature, whatever its case and the blanks around it.

    >>> parse_signature(" Test:Pytest:Backend ")
    ('test', 'pytest', 'backend')
    """
    parts = text.strip().lower().split(":")
    if len(parts) != _PARTS or not all(map(_is_part, parts)):
        raise ValueError(
            f"{text!r} is no signature: it must be category:subcategory:target, "
            "such as test:pytest:backend"
        )
    category, subcategory, target = parts
    if category not in CATEGORIES:
        raise ValueError(
            f"{text!r} is no signature: its category must be one of {', '.join(CATEGORIES)}"
        )
    return category, subcategory, target


def normalised(text: str) -> str:
    """A signature as it is kept; ValueError where it is none.

    >>> normalised("BUILD:build:all ")
    'build:build:all'
    """
    return ":".join(parse_signature(text))


def is_signature(text: str) -> bool:
    """Whether a text can be read as a signature.

    >>> is_signature("git:diff:summary"), is_signature("fix:bug")
    (True, False)
    """
    try:
        parse_signature(text)
    except ValueError:
        return False
    return True


def category_of(signature: str) -> str:
    """The first part of a signature.

    >>> category_of("docs:generate:all")
    'docs'
    """
    return signature.partition(":")[0]


def _is_part(part: str) -> bool:
    return bool(part) and part == "".join(part.split())
