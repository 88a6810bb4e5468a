"""The house rules: each is kept by the whole tree, and each catches what it forbids."""

import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest

from tests.conftest import Part
from tests.house import rules
from tests.house.rules import RULES, Module, Rule

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("motif", "schemas", "connectors", "streams", "projections")
NOT_OURS = {".git", ".venv", ".kafka", ".campaign", "build", "__pycache__", "node_modules"}


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the packages and the tests."""
    return tuple(
        Module(PurePosixPath(path.relative_to(ROOT)), path.read_text("utf-8"))
        for path in files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in (*PACKAGES, "tests")
    )


@cache
def files() -> tuple[Path, ...]:
    """Every file of the repository, without what tools leave behind."""
    return tuple(_walk(ROOT))


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or path.name.endswith(("_cache", ".egg-info", ".hypothesis")):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_file():
            yield path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    found = [sentence for module in modules() for sentence in rule(module)]

    assert not found, "\n".join([str(rule.__doc__), *found])


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 50
DOCUMENTED = 'def f():\n    """One.\n' + "\n    More.\n" * 30 + '    """\n' + "    x = 1\n" * 49

CAUGHT: list[tuple[Rule, str, str]] = [
    (rules.functions_fit_on_a_screen, "streams/a.py", LONG_FUNCTION),
    (rules.modules_fit_in_the_head, "streams/a.py", "x = 1\n" * 401),
    (rules.modules_say_what_they_are, "streams/a.py", "x = 1\n"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import time\ntime.time()"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "from time import time\ntime()"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import time\nclock = time.monotonic"),
    (
        rules.time_and_chance_have_one_place,
        "streams/a.py",
        "from datetime import UTC, datetime as dt\ndt.now(UTC)",
    ),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import datetime as d\nd.date.today()"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import random\nrandom.shuffle([])"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import random\nrandom.Random()"),
    (
        rules.time_and_chance_have_one_place,
        "streams/a.py",
        "import numpy as np\nnp.random.rand(3)",
    ),
    (rules.time_and_chance_have_one_place, "streams/a.py", "from uuid import uuid4\nuuid4()"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import os\nos.urandom(8)"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import secrets\nsecrets.choice('a')"),
    (
        rules.time_and_chance_have_one_place,
        "tests/a.py",
        "from time import perf_counter\nperf_counter()",
    ),
    (rules.tests_do_not_sleep, "tests/a.py", "from time import sleep\nsleep(1)"),
    (rules.tests_do_not_sleep, "tests/a.py", "import asyncio\nasyncio.sleep(1)"),
    (rules.topic_names_stand_in_one_table, "streams/a.py", "name = 'agent" + ".events'"),
    (rules.topic_names_stand_in_one_table, "streams/a.py", "at = f'agent" + ".events/{n}'"),
    (rules.topic_names_stand_in_one_table, "tests/a.py", "Record(topic='patterns')"),
    (rules.topic_names_stand_in_one_table, "motif/a.py", "log.read('patterns', 0, 0, 10)"),
    (rules.topic_names_stand_in_one_table, "motif/a.py", "record.topic == 'patterns'"),
    (rules.sql_lives_in_projections, "motif/cli/a.py", "x.execute('SELECT 1')"),
    (rules.sql_lives_in_projections, "streams/a.py", "query = f'\\n  INSERT INTO {table}'"),
    (rules.sql_lives_in_projections, "connectors/logs/memory.py", "query = 'PRAGMA x'"),
    (rules.errors_are_not_swallowed, "motif/a.py", "try: f()\nexcept Exception: pass"),
    (rules.errors_are_not_swallowed, "motif/a.py", "try: f()\nexcept: ..."),
    (rules.only_the_front_door_prints, "streams/a.py", "print('x')"),
    (rules.tools_of_tests_stay_in_tests, "connectors/a.py", "import scapy.layers.dhcp"),
    (rules.tools_of_tests_stay_in_tests, "motif/a.py", "def f():\n from scapy.all import IP"),
    (rules.tests_claim_something, "tests/a.py", "def test_nothing(): f()"),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (rules.functions_fit_on_a_screen, "streams/a.py", DOCUMENTED),
    (rules.time_and_chance_have_one_place, "schemas/clock.py", "import time\ntime.time()"),
    (rules.time_and_chance_have_one_place, "streams/a.py", "import random\nrandom.Random(7)"),
    (
        rules.time_and_chance_have_one_place,
        "streams/a.py",
        "import numpy as np\nnp.random.default_rng(7)",
    ),
    (rules.time_and_chance_have_one_place, "streams/a.py", "def f(time): return time.time"),
    (
        rules.time_and_chance_have_one_place,
        "tests/benchmarks/a.py",
        "import time\ntime.perf_counter()",
    ),
    (rules.topic_names_stand_in_one_table, "motif/a.py", "app.command('patterns')"),
    (rules.sql_lives_in_projections, "projections/a.py", "x.execute('SELECT 1')"),
    (rules.sql_lives_in_projections, "connectors/logs/sqlite.py", "x.execute('PRAGMA y')"),
    (rules.sql_lives_in_projections, "motif/cli/a.py", "text = 'With care.'"),
    (rules.errors_are_not_swallowed, "motif/a.py", "try: f()\nexcept KeyError: pass"),
    (rules.only_the_front_door_prints, "motif/cli/a.py", "print('x')"),
    (rules.only_the_front_door_prints, "motif/demo.py", "print('x')"),
    (rules.tools_of_tests_stay_in_tests, "tests/a.py", "from scapy.all import IP"),
    (rules.tests_claim_something, "tests/a.py", "def test_laws(): check_laws(tally)"),
    (rules.tests_claim_something, "tests/a.py", "def test_no():\n with pytest.raises(E): f()"),
]


@pytest.mark.parametrize(("rule", "path", "code"), CAUGHT)
def test_the_rule_catches(rule: Rule, path: str, code: str) -> None:
    assert list(rule(Module(PurePosixPath(path), code)))


@pytest.mark.parametrize(("rule", "path", "code"), ALLOWED)
def test_the_rule_lets_pass(rule: Rule, path: str, code: str) -> None:
    assert not list(rule(Module(PurePosixPath(path), code)))


def test_every_rule_is_seen_to_catch_something() -> None:
    assert {rule for rule, _, _ in CAUGHT} == set(RULES)


@pytest.mark.parametrize("package", PACKAGES)
def test_our_package_names_belong_to_our_distribution_only(package: str) -> None:
    """The names at the root are common words: another distribution could bring the same one."""
    owners = set(packages_distributions().get(package, []))

    assert owners == {"motif"}, f"{package} is installed by {owners or 'nobody: pip install -e .'}"


@pytest.mark.parametrize("folder", ["docker", "tests"])
def test_folders_beside_the_packages_are_no_packages(folder: str) -> None:
    """An __init__.py there would shadow the `docker` package, or make tests importable as ours."""
    found = [path for path in files() if path.relative_to(ROOT).parts[0] == folder]

    assert not [path for path in found if path.name == "__init__.py"]


# The brackets keep this file from holding what it looks for.
UNFINISHED = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X)\b")
REGISTRIES = re.compile(r"pypi\.org|pythonhosted\.org|index[-]url|docker\.io|ghcr\.io|npmjs\.org")


def faults_of(text: str) -> list[str]:
    """What no file of ours may hold: marks of unfinished work, registries, this machine's paths."""
    here = [str(ROOT), f"{Path.home()}{os.sep}"]
    found = [match.group() for match in UNFINISHED.finditer(text)]
    found += [match.group() for match in REGISTRIES.finditer(text)]
    return found + [path for path in here if path in text]


def test_no_file_is_unfinished_or_tied_to_a_machine() -> None:
    found = {
        str(path.relative_to(ROOT)): faults
        for path in files()
        if (faults := faults_of(path.read_text("utf-8", errors="replace")))
    }

    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "# todo: later".upper(),
        f"path = '{ROOT}/x'",
        "--index_url=x".replace("_", "-"),
        f"cd {Path.home()}/x",
    ],
)
def test_an_unfinished_or_tied_text_is_caught(text: str) -> None:
    assert faults_of(text)


def test_ci_can_be_run_as_a_program() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_make_without_a_target_explains_itself() -> None:
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert all(f"make {target} " in told for target in ("demo", "test", "check", "bench"))


def test_every_decision_names_its_price_and_its_way_out() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")

    assert decisions
    for decision in decisions:
        headings = re.findall(r"^## (.*)$", decision.read_text("utf-8"), re.MULTILINE)
        assert headings == ["Context", "Choice", "Price", "Way out"], decision.name
        assert f"({decision.name})" in listed, f"{decision.name} is missing in the list"


def test_ci_skips_nothing_that_can_be_installed() -> None:
    broker = Part("a broker", present=lambda: False, remedy="install one", installable=True)

    assert broker.excuse(ci=False) == "a broker is not here: install one"
    assert broker.excuse(ci=True) is None
