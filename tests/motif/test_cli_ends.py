"""How a command ends: with a code and a sentence, whatever goes wrong, and never a traceback."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import motif
from motif.cli import learning
from schemas.errors import LogDamaged, LogHeld, WrongUse
from tests.motif.conftest import Run

COMMAND = [sys.executable, "-c", "from motif.cli import main; main()"]


def started(*words: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The command line in a process of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *map(str, words)], stdout=pipe, stderr=pipe, env=env)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (LogDamaged("the log is damaged"), 1, "the log is damaged"),
        (WrongUse("limit is 0"), 2, "limit is 0"),
        (LogHeld("held by process 7; open it read-only"), 1, "held by process 7; wait"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 1, "/x/y: Permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "make room"),
        (ZeroDivisionError("by\nzero"), 1, "ZeroDivisionError: by zero; set MOTIF_DEBUG=1"),
        (KeyError(), 1, "KeyError"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_every_error_becomes_one_sentence_and_a_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr("connectors.sources.by_name", fail)
    monkeypatch.setattr("motif.cli.front._reader_gone", lambda: 0)

    ran = run("import", "jsonl", __file__)

    assert ran.code == code
    assert "Traceback" not in ran.err
    assert words in (ran.sentence if words else ran.err)
    assert bool(words) == bool(ran.err)


def test_an_unexpected_error_shows_where_it_happened_when_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(learning, "_list_formats", fail)
    monkeypatch.setenv("MOTIF_DEBUG", "1")

    ran = run("import", "--list")

    assert ran.code == 1
    assert "Traceback" in ran.err


def test_what_a_sentence_repeats_cannot_command_a_terminal(run: Run) -> None:
    ran = run("show\x1b[2J")

    assert ran.code == 2
    assert "\x1b" not in ran.err


@pytest.mark.parametrize("words", [[], ["--help"], ["dead-letters"], ["dead-letters", "--help"]])
def test_help_lists_the_commands(run: Run, words: list[str]) -> None:
    ran = run(*words)

    assert ran.code == (0 if "--help" in words else 2)
    for command in ["list", "retry"] if "dead-letters" in words else ["demo", "import", "verify"]:
        assert command in ran.out
    assert not ran.err


def test_help_needs_none_of_the_heavy_libraries() -> None:
    """Half a second before help appears is half a second every time."""
    code = (
        "import sys\n"
        "from motif.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True
    )

    heavy = {"duckdb", "pyarrow", "numpy", "pydantic", "msgspec", "sqlite3"}
    assert heavy & set(done.stdout.split()) == set()


def test_a_folder_that_another_process_holds_is_named_with_that_process(learned: Path) -> None:
    with motif.open(learned):
        done = started("patterns", "--data", learned)
        out, err = done.communicate()

    assert done.returncode == 1
    assert not out
    assert f"process {os.getpid()}; wait" in err.decode()
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["patterns", "--limit", "9999"], ["sql", "FROM tool_called", "--format", "csv"]]
)
def test_a_reader_that_has_had_enough_is_no_failure(learned: Path, words: list[str]) -> None:
    process = started(*words, "--data", learned)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()

    assert process.wait() == 0
    assert b"rror" not in err


def test_an_interrupt_ends_quietly(tmp_path: Path) -> None:
    """Interrupted after its first line, while it learns: no moment has to be guessed."""
    process = started("demo", "--data", tmp_path / "demo")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)

    _, err = process.communicate()

    assert process.returncode == 130
    assert not err


def test_characters_that_the_output_cannot_show_do_not_end_it(learned: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}

    process = started("patterns", "--kind", "tool_usage", "--data", learned, env=environment)
    out, err = process.communicate()

    assert process.returncode == 0
    assert b"Bash ? Bash" in out
    assert b"rror" not in err


def test_a_closed_output_is_no_failure(learned: Path) -> None:
    words = " ".join(["patterns", "--data", str(learned)])
    program = f"{COMMAND[0]} -c '{COMMAND[2]}'"

    done = subprocess.run(["sh", "-c", f"{program} {words} >&-"], capture_output=True, check=False)

    assert done.returncode == 0


def test_a_full_disk_is_said(learned: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    words = ["sql", "FROM tool_called", "--format", "csv", "--output", "/dev/full"]

    process = started(*words, "--data", learned)
    _, err = process.communicate()

    assert process.returncode == 1
    assert b"make room" in err


def test_a_damaged_log_is_said(run: Run, learned: Path, tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_bytes((learned / "log.sqlite").read_bytes()[:5000])

    ran = run("patterns", "--data", tmp_path)

    assert ran.code == 1
    assert "backup" in ran.sentence


def test_damaged_tables_are_made_anew_and_that_is_said(
    run: Run, learned: Path, tmp_path: Path
) -> None:
    expected = run("patterns", "--json", "--data", learned).out
    (tmp_path / "log.sqlite").write_bytes((learned / "log.sqlite").read_bytes())
    (tmp_path / "projection.duckdb").write_bytes(b"no tables" * 10_000)

    ran = run("patterns", "--json", "--data", tmp_path)

    assert ran.code == 0
    assert ran.out == expected
    assert "made anew" in ran.err


def test_the_state_is_told_and_verified_and_rebuilt(run: Run, learned: Path) -> None:
    status = json.loads(run("status", "--json", "--data", learned).out)
    table = run("status", "--data", learned).out

    assert {one["lag"] for one in status["partitions"]} == {0}
    assert str(sum(status["rows"].values())) in run("rebuild", "--data", learned).out.replace(
        ",", ""
    )
    assert json.loads(run("verify", "--json", "--data", learned).out)["agree"]
    assert all(kind in table for kind in status["patterns"])
    assert run("rebuild", "nothing", "--data", learned).code == 2


def test_tables_that_differ_from_the_log_are_a_failure(
    run: Run, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from projections.verify import Difference

    found: Callable[[object], list[Difference]] = lambda _: [Difference("sessions", 1, 0)]  # noqa: E731
    monkeypatch.setattr("motif.node.Node.verify", found)

    ran = run("verify", "--data", learned)

    assert ran.code == 1
    assert "sessions: 1 rows" in ran.sentence


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").out.strip() == f"motif {motif.__version__}"
    assert json.loads(run("version", "--json").out)["motif"] == motif.__version__
    assert motif.__version__ in run("version").out


@pytest.mark.parametrize(
    "words",
    [
        ["patterns", "--kind", "tool_usage", "--limit", "1", "--json"],
        ["sql", "SELECT title FROM patterns WHERE kind = 'tool_usage'", "--format", "json"],
        ["sql", "SELECT title FROM patterns WHERE kind = 'tool_usage'", "--format", "csv"],
    ],
)
def test_what_programs_read_is_utf8_whatever_a_terminal_could_show(
    learned: Path, words: list[str]
) -> None:
    """An arrow that became a question mark would be another title."""
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}

    out, err = started(*words, "--data", learned, env=latin).communicate()

    assert not err
    assert " → ".encode() in out
