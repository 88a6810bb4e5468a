"""What is recognised in requests, errors and templates: the numbers of the design, mended."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.operations import BUILT_IN, OperationRules, parse_signature, recognise, recogniser
from streams.operations.request import TRIGGER_WORDS, may_have_operations, operations_of
from streams.operations.rules import OwnRule
from streams.operations.words import marks_and_words


def signatures(
    text: str | None, error: str | None = None, template: str | None = None
) -> list[str]:
    """The signatures alone, in their order."""
    return [one.signature for one in recognise(BUILT_IN, text, error, template)]


# As the first design recognised them, to the letter.
AS_DESIGNED = {
    "Run backend tests with pytest": ["test:pytest:backend"],
    "Run tests": ["test:generic:all"],
    "Run all tests": ["test:generic:all"],
    "Test both all files": ["test:generic:both"],
    "Run jest on client": ["test:jest:frontend"],
    "run mocha tests": ["test:mocha:all"],
    "bundle with vite": ["build:bundle:all"],
    "format code with black": ["format:black:all"],
    "lint with ruff": ["format:ruff:all"],
    "git diff please": ["git:diff:summary"],
    "show git log": ["git:log:summary"],
    "pip install requests": ["deps:pip:update"],
    "update README": ["docs:generate:all"],
    "Implement user authentication with JWT": [],
    "Fix the login bug": [],
    "Plan the implementation": [],
    "": [],
    "   \n": [],
}

# Where the first design took a part of a word for a word, or saw one operation of two.
MENDED = {
    "Build the app": ["build:build:all"],  # "ui" is in "build"
    "npm run build": ["build:build:all"],
    "Compile the suite": ["build:compile:all"],  # ... and in "suite"
    "build docs": ["docs:generate:all"],  # what is built is docs
    "require approval for build": ["build:build:all"],
    "circuit tests": ["test:generic:all"],
    "Run tests for the observer": ["test:generic:all"],  # "server" is in "observer"
    "Update the latest API": [],  # "test" is in "latest"
    "Deploy contest page": [],
    "attest document": [],
    "blacklist a user": [],
    "Update information page": [],
    "pipeline broken": [],  # "pip" is in "pipeline"
    "type check the server": ["build:typecheck:backend"],
    "Run tests and build": ["test:generic:all", "build:build:all"],
    "Run all backend tests": ["test:generic:backend"],  # all of a half are that half's
    "Run frontend and backend tests": ["test:generic:both"],
    "Write unit tests for the parser": [],  # writing tests runs none
    "Don't run the tests": [],
    "How do I run the tests?": [],
    "Deploy the app": ["deploy:ship:all"],  # was known of templates only, as was review
    "Review this pull request": ["review:code:all"],
}


@pytest.mark.parametrize(("text", "expected"), AS_DESIGNED.items())
def test_a_request_is_recognised_as_designed(text: str, expected: list[str]) -> None:
    assert signatures(text) == expected


@pytest.mark.parametrize(("text", "expected"), MENDED.items())
def test_a_request_is_recognised_by_whole_words(text: str, expected: list[str]) -> None:
    assert signatures(text) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("vitest: 2 tests failed", ["test:vitest:frontend"]),
        ("jest: 2 tests failed", ["test:jest:frontend"]),  # its runner is named
        ("pytest failed", ["test:pytest:backend"]),
        ("3 tests failed", ["test:pytest:backend"]),
        ("frontend tests failed", ["test:pytest:frontend"]),  # a half that is named goes before
        ("TypeError: x", []),
        ("type error in cart", ["build:typecheck:backend"]),
        ("tsc: type error in client", ["build:typecheck:frontend"]),
        ("compilation aborted", ["build:compile:backend"]),
        ("compile error", ["build:compile:backend"]),
        ("client lint failed", ["format:eslint:all"]),
        ("eslint and tsc failed", ["build:typecheck:backend", "format:eslint:all"]),
        ("the latest contest failed", []),
    ],
)
def test_an_error_says_what_failed(error: str, expected: list[str]) -> None:
    assert signatures(None, error) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("adw_test_iso", ["test:generic:all"]),
        ("adw_plan_build_test", ["test:generic:all"]),
        ("adw_build_iso", ["build:generic:all"]),
        ("adw_plan_iso", []),
        ("adw_sdlc_iso", ["sdlc:full:all"]),
        ("adw_sdlc_zte_iso", ["sdlc:full:all"]),
        ("adw_patch", ["patch:quick:all"]),
        ("adw-lightweight", ["patch:quick:all"]),
        ("adw_ship_iso", ["deploy:ship:all"]),
        ("ADW/Review.iso", ["review:code:all"]),
        ("adw_cleanup", []),
        ("adw_latest", []),
        ("adw_shipping", []),
        ("", []),
    ],
)
def test_the_first_word_that_is_known_of_a_template_decides(
    template: str, expected: list[str]
) -> None:
    assert signatures(None, None, template) == expected


def test_request_error_and_template_are_joined_in_this_order_without_repeats() -> None:
    found = signatures("Run the tests", "eslint: 3 problems", "adw_test_iso")

    assert found == ["test:generic:all", "format:eslint:all"]


def test_of_the_same_signature_the_first_rule_is_kept() -> None:
    (found,) = recognise(BUILT_IN, "Run the tests", None, "adw_test_iso")

    assert found.rule == "request.test.tests"


def test_a_template_names_the_half_where_the_request_does_not() -> None:
    assert signatures("Run pytest", None, "adw_server") == ["test:pytest:backend"]
    assert signatures("Run pytest on the client", None, "adw_server") == ["test:pytest:frontend"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN THE TESTS!", ["test:generic:all"]),
        ("first `npm install`, then **pytest**.", ["test:pytest:all", "deps:npm:update"]),
        ("Fix the cart (and run tests).", ["test:generic:all"]),
        ("Run pytest, then vitest", ["test:pytest:all", "test:vitest:all"]),
        ("Build and deploy the backend", ["build:build:backend", "deploy:ship:backend"]),
        ("Don\u2019t build; run the tests", ["test:generic:all"]),
        ("Don't commit or push", []),
        ("Open tests/build.py", []),
        ("\ud800 run the tests \U0001f986", ["test:generic:all"]),
    ],
)
def test_punctuation_and_clauses(text: str, expected: list[str]) -> None:
    assert signatures(text) == expected


KNOWN = st.sampled_from([*AS_DESIGNED, *MENDED])
AROUND = st.text(st.sampled_from(" \t\n.,;:!?\"'`*_-()[]{}<>|~#\u2026\u201c\u201d"), max_size=6)


@given(text=KNOWN, before=AROUND, after=AROUND)
@example(text="Run tests", before="_", after="_")
def test_what_stands_around_a_request_changes_nothing(text: str, before: str, after: str) -> None:
    assert signatures(f"{before}{text}{after}") == signatures(text)


@given(text=KNOWN, upper=st.lists(st.booleans(), min_size=60, max_size=60))
def test_the_case_of_letters_changes_nothing(text: str, upper: list[bool]) -> None:
    mixed = "".join(
        letter.upper() if high else letter.lower()
        for letter, high in zip(text, upper, strict=False)
    )

    assert signatures(mixed) == signatures(text)


OTHERS = ["run", "the", "don't", "fix", "and", ",", ".", "then", "all", "ui"]
WORDS = st.sampled_from(sorted(TRIGGER_WORDS) + OTHERS)
ANYTHING = st.one_of(st.text(), st.lists(WORDS, max_size=30).map(" ".join))


@given(text=ANYTHING, error=ANYTHING, template=ANYTHING)
def test_whatever_is_read_gives_valid_signatures_without_repeats(
    text: str, error: str, template: str
) -> None:
    found = signatures(text, error, template)

    assert len(found) == len(set(found))
    assert all(":".join(parse_signature(one)) == one for one in found)


JOINED = st.lists(st.sampled_from([*sorted(TRIGGER_WORDS), *OTHERS, *"-_./' \u2019\u201c"])).map(
    "".join
)


@given(text=ANYTHING | JOINED)
def test_a_text_that_is_done_with_early_has_no_operation(text: str) -> None:
    """The quick look may let too much through, but never keeps anything back."""
    lower = text.lower()

    found = operations_of(marks_and_words(lower), ())

    assert may_have_operations(lower) or not found


@given(text=st.text())
def test_a_text_without_a_word_that_is_looked_for_has_no_operation(text: str) -> None:
    harmless = "".join("x" if letter.isalnum() else letter for letter in text)

    assert signatures(harmless) == []


@pytest.mark.parametrize("piece", ["a-", "-", "test ", "and ", "test and ", "run tests, ", "a.b/"])
def test_a_pasted_text_of_any_kind_is_read_in_one_pass(piece: str) -> None:
    """A megabyte that took quadratic time would not come to an end here."""
    assert len(signatures(piece * (1_000_000 // len(piece)))) <= 1


OWN = OperationRules(
    own=tuple(
        OwnRule(f"ship.{place}", "deploy:ship:all", place, (("ship",),))
        for place in ("request", "error", "template")
    )
)
TEXTS = st.sampled_from(
    [None, "", "Ship it", "Run tests, then ship", "pytest: 1 test failed", "é" * 401]
)
TEMPLATES = st.sampled_from([None, "---", "adw_ship_iso", "adw_build_server", "x" * 401])


@given(st.lists(st.tuples(TEXTS, TEXTS, TEMPLATES)), st.sampled_from([BUILT_IN, OWN]))
def test_what_is_remembered_is_what_is_recognised(
    asked: list[tuple[str | None, str | None, str | None]], rules: OperationRules
) -> None:
    for texts in asked:
        assert recogniser(rules)(*texts) == recognise(rules, *texts)
