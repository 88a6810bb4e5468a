"""Users' own rules: what they recognise, and how a wrong file is refused."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import WrongUse
from streams.operations import BUILT_IN, OperationRules, recognise, rules_of
from streams.operations.own import PHRASES_MAX, RULES_BYTES_MAX, RULES_MAX

FILE = """
version = "7"

[tool_share]
default = 0.1
docs = 0.5
git = 0

[[rule]]
id = "terraform"
signature = " Deploy:Terraform:All "
words = ["terraform"]
any = ["plan", "apply"]
not = ["explain", "do not"]

[[rule]]
id = "oom"
in = "error"
signature = "test:memory:backend"
words = ["out of memory"]

[[rule]]
id = "nightly"
in = "template"
signature = "sdlc:nightly:all"
words = ["nightly_run"]
"""


def found(
    rules: OperationRules, text: str | None, error: str | None, template: str | None
) -> list[tuple[str, str]]:
    """The signatures and the rules that found them."""
    return [(one.signature, one.rule) for one in recognise(rules, text, error, template)]


@pytest.fixture(scope="module")
def rules() -> OperationRules:
    """The rules of the file above."""
    return rules_of(FILE)


TERRAFORM = ("deploy:terraform:all", "terraform")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Terraform plan, please", True),
        ("apply `TERRAFORM`.", True),
        ("terraform", False),
        ("terraforming plan", False),
        ("explain the terraform plan", False),
        ("Do not terraform apply", False),
        ("do it, not terraform apply", True),
    ],
)
def test_words_any_and_not(rules: OperationRules, text: str, *, holds: bool) -> None:
    assert found(rules, text, None, None) == ([TERRAFORM] if holds else [])


def test_own_rules_come_before_those_of_the_house(rules: OperationRules) -> None:
    both = found(rules, "run the tests, then terraform apply", "Out of memory", "adw_nightly_run")

    assert [signature for signature, _ in both] == [
        "deploy:terraform:all",
        "test:generic:all",
        "test:memory:backend",
        "sdlc:nightly:all",
    ]


def test_of_a_template_the_first_rule_counts_and_own_rules_are_first(
    rules: OperationRules,
) -> None:
    assert found(rules, None, None, "nightly_run_test") == [("sdlc:nightly:all", "nightly")]
    assert found(rules, None, None, "run_nightly_test") == [("test:generic:all", "template.test")]


def test_a_rule_looks_at_its_own_text_only(rules: OperationRules) -> None:
    assert found(rules, "out of memory", "terraform plan", None) == []


def test_the_rules_of_the_house_can_be_left_out() -> None:
    alone = rules_of(f"builtin = false\n{FILE}")

    assert found(alone, "run tests; terraform apply", "pytest", "adw_test") == [TERRAFORM]
    assert alone != rules_of(FILE)


def test_the_version_names_both(rules: OperationRules) -> None:
    assert (BUILT_IN.version, rules.version) == ("1", "1+7")


def test_the_share_of_a_category_goes_before_the_default(rules: OperationRules) -> None:
    shares = [rules.tool_share(name) for name in ("docs", "git", "test")]

    assert shares == [Decimal("0.5"), 0, Decimal("0.1")]
    assert BUILT_IN.tool_share("docs") == Decimal("0.05")


def test_rules_can_be_compared_and_kept_in_sets(rules: OperationRules) -> None:
    assert {rules, rules_of(FILE), BUILT_IN, rules_of(None)} == {rules, BUILT_IN}


def one(lines: str) -> str:
    """A file of one rule with these lines."""
    return f'version = "1"\n[[rule]]\n{lines}'


GOOD = 'id = "a"\nsignature = "test:a:all"\n'

REFUSED = {
    "version = ": "no TOML",
    "": "version of the rules is missing",
    "version = 1": "version of the rules is 1",
    'version = ""': "1 to 80 printable",
    'version = "1"\nrules = 1': "'rules' means nothing",
    'version = "1"\nbuiltin = 1': "builtin = 1 must be true or false",
    'version = "1"\ntool_share = 1': "tool_share = 1",
    'version = "1"\n[tool_share]\nfix = 0.1': "'fix' means nothing",
    'version = "1"\n[tool_share]\ntest = 1.5': "test = '1.5' must be a number from 0 to 1",
    'version = "1"\n[tool_share]\ntest = nan': "test = 'NaN'",
    'version = "1"\n[tool_share]\ntest = true': "test = True",
    'version = "1"\n[tool_share]\ntest = "0.5"': "test = '0.5' must be a number",
    'version = "1"\n[rule]\nid = "a"': "each written as [[rule]]",
    one('signature = "test:a:all"\nwords = ["x"]'): "id of rule number 1 is missing",
    one('id = "a"\nwords = ["x"]'): "rule 'a': signature = missing",
    one('id = "a"\nsignature = "fix:bug"\nwords = ["x"]'): "rule 'a': 'fix:bug' is no signature",
    one(f"{GOOD}"): "rule 'a' holds for every text",
    one(f'{GOOD}not = ["x"]'): "rule 'a' holds for every text",
    one(f'{GOOD}words = "x"'): "rule 'a': words = 'x' must be a list",
    one(f"{GOOD}any = [1]"): "rule 'a': any = [1] must be a list",
    one(f'{GOOD}words = ["..."]'): "rule 'a': words has '...'",
    one(f'{GOOD}words = ["x"]\nin = "log"'): "in = 'log' must be one of request, error, template",
    one(f'{GOOD}words = ["x"]\nall = ["x"]'): "rule 'a': 'all' means nothing",
    one(f'{GOOD}words = ["x"]\n[[rule]]\n{GOOD}words = ["y"]'): "two rules have the id 'a'",
    one(GOOD + "words = [" + '"x", ' * (PHRASES_MAX + 1) + "]"): "101 entries",
    "#" * (RULES_BYTES_MAX + 1): "65,537 bytes",
    'version = "1"\n' + "[[rule]]\n" * (RULES_MAX + 1): "501 rules",
}


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=range(len(REFUSED)))
def test_a_file_that_cannot_be_meant_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(WrongUse) as refused:
        rules_of(text)

    assert said in str(refused.value)
    assert len(str(refused.value)) < 300


@given(st.text())
def test_any_text_is_rules_or_is_refused(text: str) -> None:
    try:
        made = rules_of(text)
    except WrongUse as error:
        assert str(error)  # noqa: PT017  either is right, and nothing else
    else:
        assert made.version.startswith("1+")


@given(words=st.lists(st.text(), min_size=1, max_size=3), text=st.text(), error=st.text())
def test_recognising_by_own_rules_never_fails(words: list[str], text: str, error: str) -> None:
    listed = json.dumps(
        [f"a {word}" for word in words if word.isprintable()] or ["a"], ensure_ascii=False
    )
    own = rules_of(one(f"{GOOD}any = {listed}"))

    assert len(found(own, text, error, text)) <= 10
