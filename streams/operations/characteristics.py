"""What a request looks like: its length, keywords, files, and how long and hard its run was."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from streams.operations.words import LONG, REMEMBERED

KEYWORDS: Final = (
    "test",
    "pytest",
    "vitest",
    "jest",
    "build",
    "typecheck",
    "compile",
    "format",
    "lint",
    "update",
    "install",
    "deploy",
    "run",
    "backend",
    "frontend",
    "server",
    "client",
    "api",
    "ui",
)
"""The words that are looked for, in the order in which they are listed."""

SHORT_BELOW_US: Final = 180_000_000
MEDIUM_BELOW_US: Final = 600_000_000

_SIMPLE_WORDS_BELOW: Final = 50
_SIMPLE_ERRORS_BELOW: Final = 3
_COMPLEX_WORDS_ABOVE: Final = 200
_COMPLEX_ERRORS_ABOVE: Final = 5

_WORDS = re.compile(r"[^\W_]+").findall
_PATHS = re.compile(r"\w[\w.-]*(?:/[\w.-]+)*").findall
_FILE = re.compile(r"(?:app/\w[\w-]*|tests?|src)/.|.*[\w-]\.(?:py|ts|js)\Z").match
_FORMS: Final = {form: word for word in KEYWORDS for form in (word, f"{word}s")}
_IS_KEYWORD = frozenset(_FORMS).intersection


class Characteristics(msgspec.Struct, frozen=True):
    """What a request and its run look like, from the request's text and two numbers."""

    input_length: int
    keywords: tuple[str, ...]
    files_mentioned: tuple[str, ...]
    duration_range: str
    complexity: str
    error_count: int

    def to_json(self) -> dict[str, int | str | list[str]]:
        """The same as a JSON object."""
        return {
            "input_length": self.input_length,
            "keywords": list(self.keywords),
            "files_mentioned": list(self.files_mentioned),
            "duration_range": self.duration_range,
            "complexity": self.complexity,
            "error_count": self.error_count,
        }


def characteristics(
    text: str | None, duration_us: int | None, error_count: int | None
) -> Characteristics:
    """Describe a request; what is not known counts as an empty text or as zero.

    A keyword counts as a whole word, also in the plural: "tests" has `test`, but "build" has no
    `ui` and "observer" no `server`. Files are listed once each, and sorted.

    >>> known = characteristics("Run tests in src/app.py", 200_000_000, None)
    >>> known.keywords, known.files_mentioned, known.duration_range, known.complexity
    (('test', 'run'), ('src/app.py',), 'medium', 'simple')
    """
    look = (_remembered if text is None or len(text) <= LONG else _look)(text or "")
    errors = error_count or 0
    return Characteristics(
        look.length,
        look.keywords,
        look.files,
        _duration_range(duration_us or 0),
        _complexity(look.words, errors),
        errors,
    )


class _Look(NamedTuple):
    """What a text alone says."""

    length: int
    words: int
    keywords: tuple[str, ...]
    files: tuple[str, ...]


def _look(text: str) -> _Look:
    found = {_FORMS[form] for form in _IS_KEYWORD(_WORDS(text.lower()))}
    return _Look(
        len(text),
        len(text.split()),
        tuple(word for word in KEYWORDS if word in found) if found else (),
        _files(text) if "/" in text or "." in text else (),
    )


_remembered = lru_cache(REMEMBERED)(_look)  # The same is asked again and again.


def _files(text: str) -> tuple[str, ...]:
    paths = (path.rstrip(".-") for path in _PATHS(text) if "." in path or "/" in path)
    return tuple(sorted({path for path in paths if _FILE(path)}))


def _duration_range(duration_us: int) -> str:
    if duration_us < SHORT_BELOW_US:
        return "short"
    return "medium" if duration_us < MEDIUM_BELOW_US else "long"


def _complexity(words: int, errors: int) -> str:
    if words < _SIMPLE_WORDS_BELOW and errors < _SIMPLE_ERRORS_BELOW:
        return "simple"
    return "complex" if words > _COMPLEX_WORDS_ABOVE or errors > _COMPLEX_ERRORS_ABOVE else "medium"
