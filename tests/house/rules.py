"""The house rules as functions: each takes a module and yields one sentence a violation."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from schemas.topics import TOPICS

FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 400

CLOCK = PurePosixPath("schemas/clock.py")
TOPICS_TABLE = PurePosixPath("schemas/topics.py")
TOPICS_GOLDEN = PurePosixPath("tests/schemas/test_topics.py")


@dataclass(frozen=True)
class Module:
    """A Python file of ours, parsed."""

    path: PurePosixPath  # from the root of the repository
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, walked once for all rules."""
        return list(ast.walk(self.tree))

    @property
    def is_test(self) -> bool:
        """Whether it stands under tests/."""
        return self.path.parts[0] == "tests"

    def below(self, *folders: str) -> bool:
        """Whether it stands below one of the folders, or is one of them with `.py`."""
        return any(
            self.path.is_relative_to(folder) or self.path == PurePosixPath(f"{folder}.py")
            for folder in folders
        )

    def at(self, node: ast.AST, sentence: str) -> str:
        """Says what is wrong, with the place an editor can jump to."""
        return f"{self.path}:{getattr(node, 'lineno', 1)} {sentence}"


Rule = Callable[[Module], Iterator[str]]


def functions_fit_on_a_screen(module: Module) -> Iterator[str]:
    """A function is at most 50 lines, docstring apart."""
    for node in _functions(module):
        lines = _length(node) - (_length(node.body[0]) if ast.get_docstring(node) else 0)
        if lines > FUNCTION_LINES_MAX:
            yield module.at(node, f"{node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most")


def modules_fit_in_the_head(module: Module) -> Iterator[str]:
    """A module is at most 400 lines."""
    lines = module.text.count("\n")
    if lines > MODULE_LINES_MAX:
        yield f"{module.path}:1 has {lines} lines, {MODULE_LINES_MAX} at most"


def modules_say_what_they_are(module: Module) -> Iterator[str]:
    """Every module opens with a docstring."""
    if not ast.get_docstring(module.tree):
        yield f"{module.path}:1 has no docstring"


_CLOCKS = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?"
    r"|time\.(sleep|localtime|ctime)"
    r"|datetime\.(datetime\.(now|utcnow|today)|date\.today)"
)
_CHANCE = re.compile(
    r"random\.(?!Random$)\w+"
    r"|numpy\.random\.(?!default_rng$|Generator$|SeedSequence$|PCG64$)\w+"
    r"|uuid\.uuid[14]|os\.(urandom|getrandom)|secrets(\.\w+)?"
)
_SEEDABLE = {"random.Random", "numpy.random.default_rng"}


def time_and_chance_have_one_place(module: Module) -> Iterator[str]:
    """The clock and randomness are read in schemas/clock.py only; a generator needs a seed."""
    if module.path == CLOCK:
        return
    names = _imported_names(module)
    for node in module.nodes:
        name = _dotted(node, names)
        if name and (_CLOCKS.fullmatch(name) or _CHANCE.fullmatch(name)):
            measuring = module.below("tests/benchmarks") and "perf_counter" in name
            if not measuring:
                yield module.at(node, f"uses {name}: take it from schemas.clock or as an argument")
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            unseeded = _dotted(node.func, names)
            if unseeded in _SEEDABLE:
                yield module.at(node, f"{unseeded}() without a seed cannot be repeated")


def tests_do_not_sleep(module: Module) -> Iterator[str]:
    """A test waits for an event, never for a while."""
    names = _imported_names(module) if module.is_test else {}
    for node in module.nodes:
        if _dotted(node, names) in {"asyncio.sleep", "time.sleep"} and module.is_test:
            yield module.at(node, "sleeps: wait for what must happen, with a limit")


def topic_names_stand_in_one_table(module: Module) -> Iterator[str]:
    """Only schemas/topics.py, and the test that pins it, spell a topic's name."""
    if module.path in {TOPICS_TABLE, TOPICS_GOLDEN}:
        return
    names = {topic.name for topic in TOPICS}
    # A name without a dot is an ordinary word too, also a table's; only as a topic it is caught.
    ordinary = {name for name in names if "." not in name}
    for node in module.nodes:
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and text.partition("/")[0] in names - ordinary:
            yield module.at(node, f"spells the topic {text!r}: use schemas.topics")
        for word in _words_for_a_topic(node):
            if word.value in ordinary:
                yield module.at(word, f"spells the topic {word.value!r}: use schemas.topics")


_SQL = re.compile(
    r"\s*(SELECT|INSERT|CREATE|DELETE|UPDATE|WITH|DROP|COPY|ATTACH|PRAGMA|ALTER)\s", re.ASCII
)


def sql_lives_in_projections(module: Module) -> Iterator[str]:
    """SQL stands in projections/, or where the file of a log or of another program is read."""
    storage = module.below("connectors/logs") and module.path.name.startswith("sqlite")
    foreign = module.below("connectors/sources") and module.path.name.endswith("_db.py")
    if module.is_test or module.below("projections") or storage or foreign:
        return
    for node in module.nodes:
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _SQL.match(node.value)
        ):
            yield module.at(node, "holds SQL: give projections/ a named function for it")


def errors_are_not_swallowed(module: Module) -> Iterator[str]:
    """Nothing catches everything and goes on as if nothing had been."""
    for node in module.nodes:
        if not isinstance(node, ast.ExceptHandler) or not _catches_everything(node):
            continue
        if all(
            isinstance(line, ast.Pass | ast.Continue) or _is_ellipsis(line) for line in node.body
        ):
            yield module.at(node, "swallows every error: name the one you expect")


def only_the_front_door_prints(module: Module) -> Iterator[str]:
    """Printing is for the command line, the demo and the benchmarks."""
    if module.below("motif/cli", "motif/demo", "tests/benchmarks"):
        return
    for node in module.nodes:
        if isinstance(node, ast.Call) and _dotted(node.func, {"print": "print"}) == "print":
            yield module.at(node, "prints: return it, or log it")


_TOOLS_OF_TESTS: Final = frozenset({"scapy", "atheris"})


def tools_of_tests_stay_in_tests(module: Module) -> Iterator[str]:
    """What is installed for tests alone, one of it under the GPL, is imported by tests alone."""
    if module.is_test:
        return
    for node in module.nodes:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.partition(".")[0] in _TOOLS_OF_TESTS:
                yield module.at(node, f"imports {name}, which only tests may")


def tests_claim_something(module: Module) -> Iterator[str]:
    """Every test asserts, expects an error, or calls a helper named check_ or assert_."""
    if not module.is_test:
        return
    for node in _functions(module):
        if node.name.startswith("test_") and not any(map(_claims, ast.walk(node))):
            yield module.at(node, f"{node.name} cannot fail: assert something")


RULES: tuple[Rule, ...] = (
    functions_fit_on_a_screen,
    modules_fit_in_the_head,
    modules_say_what_they_are,
    time_and_chance_have_one_place,
    tests_do_not_sleep,
    topic_names_stand_in_one_table,
    sql_lives_in_projections,
    errors_are_not_swallowed,
    only_the_front_door_prints,
    tools_of_tests_stay_in_tests,
    tests_claim_something,
)


def _functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _imported_names(module: Module) -> dict[str, str]:
    """Says for each imported name what it stands for: {"dt": "datetime.datetime"}."""
    names: dict[str, str] = {}
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    """The full name of what an expression refers to, where it begins with an imported name."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return owner and f"{owner}.{node.attr}"
    return None


def _words_for_a_topic(node: ast.AST) -> Iterator[ast.Constant]:
    """The literals that can only mean a topic: topic="x", log.read("x", 0), record.topic == "x"."""
    if isinstance(node, ast.keyword) and node.arg == "topic":
        candidates = [node.value]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        # Of a log these take a topic first and a partition second; a file's read() takes no text.
        of_a_log = node.func.attr in {"read", "start", "end"} and len(node.args) > 1
        candidates = node.args[:1] if of_a_log else []
    elif isinstance(node, ast.Compare) and getattr(node.left, "attr", None) == "topic":
        candidates = node.comparators
    else:
        return
    yield from (word for word in candidates if isinstance(word, ast.Constant))


def _catches_everything(node: ast.ExceptHandler) -> bool:
    return node.type is None or getattr(node.type, "id", None) in {"Exception", "BaseException"}


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and getattr(node.value, "value", None) is Ellipsis


def _claims(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = str(getattr(node.func, "attr", getattr(node.func, "id", "")))
    return name in {"raises", "warns", "fail"} or name.startswith(("check_", "assert_"))
