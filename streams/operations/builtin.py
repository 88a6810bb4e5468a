"""The rules of the house: which words of a request speak of an operation, and when they do not.

A word counts where it stands as a verb or as its tool; it does not count where it is only talked
about: something is written, fixed or explained, it is denied, or another thing is meant ("date
format", "commit message"). Each entry below is one rule with a stable id.
"""

from typing import Final

from streams.operations.trigger import END, FILE, NUMBER, RUN, Trigger
from streams.operations.words import word_set

__all__ = ["TRIGGERS"]

_STATES: Final = word_set(
    """is are was were fail fails failed failing broken break breaks hang hangs keep keeps
    take takes finished done passed succeeded"""
)
_RUNNERS: Final = RUN | word_set(
    """npm yarn pnpm bun cargo go bazel make mvn gradle gradlew dotnet unit integration e2e
    end-to-end
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
    render mention document updating writing correct adjust"""
)
_THINGS: Final = word_set("it this that these the my our latest new everything all both to")
_CHANGED: Final = word_set(
    """code pr prs pull changes change diff branch patch commit commits mr implementation module
    codebase what"""
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
        unless_near=word_set("faster quicker deterministic simpler smaller readable"),
    )
    suite = Trigger(
        "request.test.suite",
        "test",
        "generic",
        after=word_set("integration regression e2e unit smoke"),
        needs=RUN,
    )
    them = Trigger("request.test.them", "test", "generic", after=RUN, needs=word_set("tests"))
    found = {
        "test": [generic],
        "them": [them],
        "suite": [suite],
        **_each("tests unit-tests", tests),
    }
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
    compiler = Trigger(
        "request.build.compiler", "build", "typecheck", after=word_set("typescript"), needs=RUN
    )
    sure = word_set("check ensure sure verify confirm see")
    compiles = Trigger("request.build.compiles", "build", "compile", beside=sure)
    builds = Trigger("request.build.builds", "build", "build", beside=sure)
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
        "compiler": [compiler],
        "compiles": [compiles],
        "builds": [builds],
        **_each("webpack vite rollup esbuild", bundler),
    }


def _format() -> dict[str, list[Trigger]]:
    lint = Trigger("request.format.lint", "format", "generic", "all", unless_before=_CHECK_NOUNS)
    form = Trigger(
        "request.format.format",
        "format",
        "generic",
        "all",
        first_before=_CODE | {END, FILE, "document"},
        after=word_set("run npm yarn pnpm cargo go make"),
    )
    formatting = Trigger(
        "request.format.formatting",
        "format",
        "generic",
        "all",
        beside=RUN | word_set("fix apply check clean"),
        unless_before=word_set("of for"),
    )
    formatter = Trigger("request.format.formatter", "format", "generic", "all", beside=RUN)
    found = {
        **_each("lint linter linters linting clippy flake8", lint),
        **_each("pylint rustfmt gofmt isort", lint),
        **_each("format reformat autoformat auto-format fmt", form),
        **_each("formatter formatters", formatter),
        "formatting": [formatting],
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
        for word in ("stash", "checkout", "fetch")
    }
    things = word_set("it them this that these the my our your all everything what") | {END}
    for word, more in {
        "commit": things,
        "push": things | word_set("to origin"),
        "rebase": things | word_set("on onto"),
        "pull": word_set("changes latest origin upstream main master"),
    }.items():
        found[word] = [
            Trigger(
                f"request.git.{word}",
                "git",
                word,
                "all",
                first_before=more,
                after=git | word_set("force"),
                unless_before=word_set("message messages hash history hook hooks id sha log"),
                unless_near=_LIVE | word_set("registry image images"),
            )
        ]
    found["commit"].append(
        Trigger(
            "request.git.commit",
            "git",
            "commit",
            "all",
            after=word_set("a one"),
            needs=word_set("create make"),
            unless_before=word_set("message messages hash history hook hooks template"),
        )
    )
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


_LIVE: Final = word_set("production prod staging live")
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
            Trigger(f"request.deps.{tool}", "deps", tool, "update", beside=word_set("install")),
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
    ship = Trigger("request.deploy.deploy", "deploy", "ship", first_before=_THINGS | _LIVE | {END})
    publish = Trigger(
        "request.deploy.publish",
        "deploy",
        "ship",
        first_before=word_set("npm pypi package version crate registry crates.io") | {NUMBER},
    )
    review = Trigger(
        "request.review.review", "review", "code", "all", first_before=_CHANGED | {FILE}
    )
    code_review = Trigger(
        "request.review.code", "review", "code", "all", after=word_set("code security peer")
    )
    live = Trigger("request.deploy.push", "deploy", "ship", first_before=_LIVE)
    roll = Trigger("request.deploy.roll-out", "deploy", "ship", first_before=word_set("out"))
    return {
        "push": [live],
        "roll": [roll],
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
