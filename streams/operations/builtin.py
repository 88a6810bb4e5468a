"""The rules of the house: which words of a request speak of an operation, and when they do not.

A word counts where it stands as a verb or as its tool; it does not count where it is only talked
about: something is written, fixed or explained, it is denied, or another thing is meant ("date
format", "commit message"). Each entry below is one rule with a stable id.
"""

from dataclasses import dataclass
from typing import Final

from streams.operations.words import word_set

__all__ = ["BLOCKS", "DENIALS", "END", "NUMBER", "RUN", "TRIGGERS", "UNDER_CONDITION", "Trigger"]

END: Final = "<end>"
"""Stands for the end of a clause."""
NUMBER: Final = "<number>"
"""Stands for a word that begins with a digit, such as a version."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a word speaks of an operation: one of the conditions holds, if any are stated."""

    rule: str
    category: str
    subcategory: str
    target: str | None = None  # None: what the clause says, such as backend
    first: bool = False  # it is the verb of the clause
    first_before: frozenset[str] = frozenset()  # ... and one of these follows within four words
    after: frozenset[str] = frozenset()  # the word before it
    before: frozenset[str] = frozenset()  # the word after it
    beside: frozenset[str] = frozenset()  # anywhere in the clause
    needs: frozenset[str] = frozenset()  # anywhere in the clause, besides the other conditions
    unless_before: frozenset[str] = frozenset()  # the word after it, unless something is run
    unless_after: frozenset[str] = frozenset()  # the word before it
    unless_near: frozenset[str] = frozenset()  # within six words after it

    @property
    def always(self) -> bool:
        """Whether no condition is stated."""
        return not (self.first or self.first_before or self.after or self.before or self.beside)


RUN: Final = word_set("run runs running rerun re-run execute start kick")
"""Verbs after which a noun such as "build script" is what is done."""

DENIALS: Final = word_set(
    "don't don\u2019t dont not never without skip no avoid stop instead rather cannot"
)
UNDER_CONDITION: Final = word_set("when whenever because since while unless")

_ASKED: Final = word_set(
    "why how what which where who explain describe explanation difference whether"
)
_AUTHOR: Final = _ASKED | word_set(
    """write add create implement refactor rename remove delete move debug investigate find design
    mock extend improve generate change convert migrate set setup configure replace reduce
    speed parse mention draft optimise optimize edit rewrite introduce support"""
)

BLOCKS: Final = {
    "test": _AUTHOR | word_set("fix update install upgrade uninstall disable"),
    "build": _AUTHOR - {"generate"} | word_set("fix update install"),
    "format": _AUTHOR | word_set("install upgrade update uninstall disable"),
    "git": _AUTHOR - word_set("add create find move write") | word_set("fix"),
    "deps": _AUTHOR - word_set("add set") | word_set("translate"),
    "docs": _ASKED
    | word_set(
        """read according see follow following search look find rename delete remove move open parse
        per replace translate convert"""
    ),
    "deploy": _AUTHOR | word_set("fix test"),
    "review": _AUTHOR | word_set("fix"),
}
"""By category, the verbs that take what follows them in the clause for their object."""

_STATES: Final = word_set(
    "is are was were fail fails failed failing broken break breaks hang hangs keep keeps take takes"
)
_RUNNERS: Final = RUN | word_set(
    """npm yarn pnpm bun cargo go make mvn gradle gradlew dotnet unit integration e2e end-to-end
    smoke regression backend frontend server client api ui full whole entire docker production
    clean release debug local nightly"""
)
_ARTICLES: Final = word_set(
    "a an me us out up on upon something new your some another one custom simple"
)
_MADE: Final = word_set(
    """page pages form component feature dashboard endpoint screen button modal widget function
    class parser schema model game list report summary website service"""
)
_BUILD_NOUNS: Final = word_set(
    """script scripts error errors failure failures number numbers system step steps time times
    tool tools pipeline config configuration file files folder directory dir output log logs
    artifact artifacts status badge process job jobs size"""
)
_TEST_NOUNS: Final = word_set(
    """file files case cases data page user users account accounts environment env fixture fixtures
    helper helpers name names config configuration plan strategy framework database db mode
    result results report reports output directory folder id image failure failures error errors
    drive server"""
)
_CHECK_NOUNS: Final = word_set(
    "rule rules config configuration plugin plugins setup settings fixture"
)
_CODE: Final = word_set(
    "code codebase file files project source sources repo repository everything all python"
)
_BECOMES: Final = word_set(
    "format reformat autoformat auto-format lint formatter formatting formatted"
)
_RENEW: Final = word_set(
    "update upgrade install reinstall bump refresh add renew updating upgrading installing"
)
_PACKAGES: Final = word_set("package packages dependencies deps dependency requirements modules")
_WRITING: Final = _RENEW | word_set(
    """generate regenerate write build rebuild create improve fix edit expand rewrite extend make
    render document updating writing correct adjust"""
)
_THINGS: Final = word_set("it this that these the my our latest new everything all both to")
_CHANGED: Final = word_set(
    """code pr prs pull changes change diff branch patch commit commits mr implementation module
    codebase"""
)


def _test() -> dict[str, list[Trigger]]:
    generic = Trigger(
        "request.test.generic",
        "test",
        "generic",
        first=True,
        after=_RUNNERS,
        before=word_set("suite suites"),
        beside=RUN,
        unless_before=_TEST_NOUNS | _STATES,
        unless_after=_AB,
    )
    tests = Trigger(
        "request.test.tests",
        "test",
        "generic",
        unless_before=_TEST_NOUNS | _STATES,
        unless_after=_AB,
    )
    found = {"test": [generic], **_each("tests unit-tests", tests)}
    for tool, words in _RUNNING.items():
        rule = Trigger(f"request.test.{tool}", "test", tool, unless_before=_CHECK_NOUNS | _STATES)
        found |= {word: [rule] for word in words}
    return found


_AB: Final = word_set("a b a/b")
_RUNNING: Final = {
    "pytest": ("pytest", "py.test"),
    "vitest": ("vitest",),
    "jest": ("jest",),
    "mocha": ("mocha",),
}


def _build() -> dict[str, list[Trigger]]:
    no_build = _ARTICLES | _BUILD_NOUNS | _STATES
    build = Trigger(
        "request.build.build", "build", "build", unless_near=_MADE, unless_before=no_build
    )
    compiling = Trigger(
        "request.build.compile",
        "build",
        "compile",
        first=True,
        after=_RUNNERS | word_set("to"),
        unless_near=_MADE,
        unless_before=no_build,
    )
    check = Trigger("request.build.typecheck", "build", "typecheck", unless_before=_CHECK_NOUNS)
    type_check = Trigger("request.build.type-check", "build", "typecheck", after=word_set("type"))
    bundling = word_set("bundle bundling build rebuild run")
    bundle = Trigger(
        "request.build.bundle",
        "build",
        "bundle",
        first=True,
        beside=word_set("vite webpack rollup esbuild build run"),
        unless_before=word_set("size sizes") | _STATES,
    )
    bundler = Trigger("request.build.bundler", "build", "bundle", beside=bundling)
    return {
        **_each("build rebuild", build),
        **_each("compile recompile", compiling),
        **_each("typecheck type-check tsc mypy pyright", check),
        **_each("check checker checking checks", type_check),
        "bundle": [bundle],
        **_each("webpack vite rollup esbuild", bundler),
    }


def _format() -> dict[str, list[Trigger]]:
    lint = Trigger("request.format.lint", "format", "generic", "all", unless_before=_CHECK_NOUNS)
    form = Trigger(
        "request.format.format",
        "format",
        "generic",
        "all",
        first_before=_CODE | {END},
        after=word_set("run npm yarn pnpm cargo go make"),
    )
    formatter = Trigger("request.format.formatter", "format", "generic", "all", beside=RUN)
    found = {
        **_each("lint linter linters linting clippy flake8", lint),
        **_each("pylint rustfmt gofmt isort", lint),
        **_each("format reformat autoformat auto-format fmt", form),
        **_each("formatter formatters", formatter),
    }
    for tool in ("black", "prettier"):
        found[tool] = [
            Trigger(
                f"request.format.{tool}",
                "format",
                tool,
                "all",
                after=RUN | word_set("apply npx"),
                beside=_BECOMES,
            )
        ]
    for tool in ("eslint", "ruff"):
        found[tool] = [
            Trigger(f"request.format.{tool}", "format", tool, "all", unless_before=_CHECK_NOUNS)
        ]
    return found


def _git() -> dict[str, list[Trigger]]:
    git = word_set("git")
    found = {
        word: [Trigger(f"request.git.{word}", "git", word, "summary", after=git)]
        for word in ("diff", "status", "log")
    }
    found |= {
        word: [Trigger(f"request.git.{word}", "git", word, "all", after=git)]
        for word in ("pull", "stash", "checkout", "fetch")
    }
    things = word_set("it them this that these the my our your all everything what") | {END}
    for word, more in {
        "commit": things,
        "push": things | word_set("to origin"),
        "rebase": things | word_set("on onto"),
    }.items():
        found[word] = [
            Trigger(
                f"request.git.{word}",
                "git",
                word,
                "all",
                first_before=more,
                after=git,
                unless_before=word_set("message messages hash history hook hooks id sha log"),
            )
        ]
    found["merge"] = [
        Trigger("request.git.merge", "git", "merge", "all", after=git, first_before=_BRANCHES)
    ]
    pull = word_set("create open raise submit make")
    found["pr"] = [Trigger("request.git.pr", "git", "pr", "all", beside=pull)]
    found["pull"] = [
        *found["pull"],
        Trigger("request.git.pr", "git", "pr", "all", beside=pull, unless_before=word_set("from")),
    ]
    return found


_BRANCHES: Final = word_set("branch main master develop into pr")


def _deps() -> dict[str, list[Trigger]]:
    tools = {"pip": "pip", "pip3": "pip", "npm": "npm", "bun": "bun", "yarn": "yarn"}
    tools |= dict.fromkeys(("pnpm", "poetry", "uv"), "generic")
    found = {
        word: [
            Trigger(
                f"request.deps.{tool}",
                "deps",
                tool,
                "update",
                before=word_set("install i ci update upgrade add audit reinstall"),
            ),
            Trigger(f"request.deps.{tool}", "deps", tool, "update", after=_RENEW),
            Trigger(f"request.deps.{tool}", "deps", tool, "update", before=_PACKAGES, needs=_RENEW),
        ]
        for word, tool in tools.items()
    }
    found["python"] = [
        Trigger("request.deps.python", "deps", "pip", "update", after=word_set("install")),
        Trigger("request.deps.python", "deps", "pip", "update", before=_PACKAGES, needs=_RENEW),
    ]
    return _joined(found, _packages())


def _packages() -> dict[str, list[Trigger]]:
    found: dict[str, list[Trigger]] = {}
    packages = Trigger("request.deps.packages", "deps", "generic", "update", beside=_RENEW)
    found |= _each("dependencies deps packages requirements.txt", packages)
    found["dependency"] = [
        Trigger(
            "request.deps.dependency",
            "deps",
            "generic",
            "update",
            beside=_RENEW,
            unless_before=word_set("injection graph cycle tree container"),
        )
    ]
    found["install"] = [
        Trigger(
            "request.deps.install",
            "deps",
            "generic",
            "update",
            first=True,
            unless_before=word_set("a an button guide page steps it script"),
        )
    ]
    upgrade = Trigger(
        "request.deps.upgrade",
        "deps",
        "generic",
        "update",
        first_before=word_set("latest version newest") | {NUMBER},
        unless_before=word_set("the version"),
    )
    found |= _each("upgrade bump", upgrade)
    return found


def _docs() -> dict[str, list[Trigger]]:
    docs = Trigger("request.docs.docs", "docs", "generate", "all", first=True, beside=_WRITING)
    words = "readme readme.md docs documentation docstring docstrings jsdoc"
    document = Trigger(
        "request.docs.document",
        "docs",
        "generate",
        "all",
        first_before=_THINGS | word_set("how every each public api"),
        unless_after=word_set("the a"),
    )
    return {**_each(words, docs), "document": [document]}


def _others() -> dict[str, list[Trigger]]:
    ship = Trigger("request.deploy.deploy", "deploy", "ship", first_before=_THINGS | {END})
    publish = Trigger(
        "request.deploy.publish",
        "deploy",
        "ship",
        first_before=word_set("npm pypi package version crate registry crates.io") | {NUMBER},
    )
    review = Trigger("request.review.review", "review", "code", "all", first_before=_CHANGED)
    code_review = Trigger("request.review.code", "review", "code", "all", after=word_set("code"))
    return {
        **_each("deploy redeploy ship", ship),
        **_each("publish release", publish),
        "review": [review, code_review],
    }


def _each(words: str, trigger: Trigger) -> dict[str, list[Trigger]]:
    return {word: [trigger] for word in words.split()}


def _joined(*tables: dict[str, list[Trigger]]) -> dict[str, list[Trigger]]:
    found: dict[str, list[Trigger]] = {}
    for table in tables:
        for word, triggers in table.items():
            found[word] = [*found.get(word, ()), *triggers]
    return found


TRIGGERS: Final = _joined(_test(), _build(), _format(), _git(), _deps(), _docs(), _others())
"""By word, the rules that look at it."""
