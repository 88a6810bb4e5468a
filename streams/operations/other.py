"""The operations that an error's text and a workflow's template speak of, by the house's rules."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from streams.operations.signature import Recognised
from streams.operations.target import target_of

_FAILED: Final = frozenset({("test", "failed"), ("tests", "failed")})
_RUNNERS: Final = (
    ("vitest", "test:vitest", "frontend"),
    ("jest", "test:jest", "frontend"),
    ("mocha", "test:mocha", "all"),
    ("pytest", "test:pytest", "backend"),
)
_TYPES: Final = frozenset({"typecheck", "tsc"})
_LINT: Final = frozenset({"eslint", "lint"})

ERROR_WORDS: Final = frozenset(
    {"test", "tests", "type", "compile", "compilation", *_TYPES, *_LINT}
    | {runner for runner, _, _ in _RUNNERS}
)
"""An error without any of these speaks of no operation."""

_TEMPLATES: Final = (
    ("test", ("test",), "test:generic:all"),
    ("build", ("build",), "build:generic:all"),
    ("plan", ("plan",), None),
    ("sdlc", ("sdlc", "zte"), "sdlc:full:all"),
    ("patch", ("patch", "lightweight"), "patch:quick:all"),
    ("ship", ("ship",), "deploy:ship:all"),
    ("review", ("review",), "review:code:all"),
)


def operations_of_error(words: Sequence[str]) -> list[Recognised]:
    """The operations that failed, by the words of the error.

    A half that the error names goes before the one that its tool is known for.

    >>> [found.signature for found in operations_of_error("vitest 2 tests failed".split())]
    ['test:vitest:frontend']
    """
    pairs = set(pairwise(words))
    known = set(words)
    named = target_of(known)
    half = named if named != "all" else "backend"
    found = [
        Recognised(f"{signature}:{named if named != 'all' else target}", f"error.test.{runner}")
        for runner, signature, target in _RUNNERS
        if runner in known
    ]
    if not found and not _FAILED.isdisjoint(pairs):
        found.append(Recognised(f"test:pytest:{half}", "error.test.failed"))
    if ("type", "error") in pairs or not _TYPES.isdisjoint(known):
        found.append(Recognised(f"build:typecheck:{half}", "error.build.typecheck"))
    if "compilation" in known or ("compile", "error") in pairs:
        found.append(Recognised(f"build:compile:{half}", "error.build.compile"))
    if not _LINT.isdisjoint(known):
        found.append(Recognised("format:eslint:all", "error.format.eslint"))
    return found


def operations_of_template(words: Sequence[str]) -> list[Recognised]:
    """The operation of the first rule that knows a word of the template's name.

    >>> operations_of_template(["adw", "plan", "build", "test"])
    [Recognised(signature='test:generic:all', rule='template.test')]
    """
    for name, known, signature in _TEMPLATES:
        if not set(words).isdisjoint(known):
            return [Recognised(signature, f"template.{name}")] if signature else []
    return []
