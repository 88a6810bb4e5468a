"""A node of a log that workers learn: what it publishes is waited for, and it learns nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

import motif
from connectors.generate import sessions
from connectors.logs.memory import MemoryLog
from connectors.logs.sqlite import SqliteLog
from motif import waiting
from motif.following import FollowingNode
from motif.importing import Imported
from motif.questions import fingerprint
from projections import queries
from schemas.envelope import to_structured
from schemas.errors import LogHeld, WrongUse
from schemas.log import Log, Outgoing
from schemas.topics import LEARNER_CHECKPOINTS, PATTERNS
from streams.identity import Identity, found
from streams.recognise import RULES_VERSION
from tests.motif.workers import Worker, projected


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Events, one of them twice, and a line that is none."""
    lines = [to_structured(event) for event in sessions(5, 3)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join([*lines, lines[0], b"no event"]) + b"\n")
    return path


@pytest.fixture(params=["sqlite", "lazy"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    """A founded log, one of them with gaps and markers as Kafka has them."""
    made: Log
    if request.param == "lazy":
        made = MemoryLog(3, lazy=True)
    else:
        made = SqliteLog.create(tmp_path / "log", partitions=3)
    found(made, "farm")
    yield made
    made.close()


@pytest.fixture
def node(log: Log, tmp_path: Path) -> Iterator[FollowingNode]:
    with FollowingNode(tmp_path / "tables", log, identity(log)) as opened:
        yield opened


def identity(log: Log) -> Identity:
    return found(log, "")


def numbers(imported: Imported) -> tuple[object, ...]:
    """What a report says of the log."""
    return (
        imported.appended,
        imported.refused,
        imported.repeats,
        imported.conflicting,
        dict(imported.patterns),
        imported.new_patterns,
    )


def test_an_import_says_what_it_says_embedded(
    node: FollowingNode, file: Path, tmp_path: Path
) -> None:
    with Worker(node.log, node.identity).running():
        mine = [node.import_files("jsonl", [file]) for _ in range(2)]

        with motif.open(tmp_path / "embedded") as embedded:
            theirs = [embedded.import_files("jsonl", [file]) for _ in range(2)]
            assert fingerprint(node) == fingerprint(embedded)

    assert list(map(numbers, mine)) == list(map(numbers, theirs))
    assert all(one.learned for one in mine)
    assert node.notices == []


def test_through_a_projector_it_says_the_same(file: Path, tmp_path: Path) -> None:
    source, folder = tmp_path / "log", tmp_path / "tables"
    log = SqliteLog.create(source, partitions=2)
    mine = found(log, "")
    with (
        projected(source, folder) as asked,
        FollowingNode(folder, log, mine, asked=asked) as node,
        motif.open(tmp_path / "embedded") as embedded,
        Worker(log, mine).running(),
    ):
        imported = node.import_files("jsonl", [file])

        assert numbers(imported) == numbers(embedded.import_files("jsonl", [file]))
        assert fingerprint(node) == fingerprint(embedded)
        assert sum(node.status().rows.values()) == sum(embedded.status().rows.values())
        assert node.status().open_letters == 1


def test_the_library_neither_learns_nor_federates(node: FollowingNode) -> None:
    node.publish(sessions(5, 1))
    node.settle()

    assert node.patterns() == []
    checkpoints = [node.log.read(LEARNER_CHECKPOINTS.name, n, 0, 10) for n in range(3)]
    assert checkpoints == [[], [], []]
    assert sum(one.lag for one in node.status().partitions) > 0


def test_what_nobody_learns_is_recorded_and_said(
    node: FollowingNode, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.2)

    imported = node.import_files("jsonl", [file])
    said = list(node.notices)
    Worker(node.log, node.identity).step()

    assert (imported.learned, imported.patterns) == (False, {})
    assert said == ["recorded, but no worker has learned it; start one with: motif worker"]
    assert sum(queries.status(node.engine.opened()).rows.values()) == 0
    node.settle()
    rows = sum(node.status().rows.values())
    assert rows == imported.appended - 1, "all but the repeat"


def test_rows_that_nobody_writes_are_said(
    node: FollowingNode, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.5)
    with Worker(node.log, node.identity, federates=False).running():
        imported = node.import_files("jsonl", [file])

    assert imported.learned
    assert imported.patterns["tool"] > 0
    (said,) = node.notices
    assert f"the rows of {sum(imported.patterns.values()):,} patterns are behind" in said


def test_how_many_rows_are_behind_is_known(node: FollowingNode) -> None:
    node.publish(sessions(5, 1))
    learning = Worker(node.log, node.identity, federates=False)
    learning.step()
    before = node.ask(queries.rows_behind)
    Worker(node.log, node.identity).step()
    after = node.ask(queries.rows_behind)
    of_rules = b"@%d." % RULES_VERSION
    (stale,) = [
        Outgoing(PATTERNS.name, number, record.key, record.value.replace(of_rules, b"@0."))
        for number in range(3)
        for record in node.log.read(PATTERNS.name, number, 0, 1000)
        if record.value is not None and b'"signature":"Bash"' in record.value
    ]
    node.log.append([stale])

    assert before == sum(node.ask(queries.kinds_by_totals).values()) > 0
    assert (after, node.ask(queries.rows_behind)) == (0, 1)


def test_progress_is_told_while_others_learn(node: FollowingNode, file: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with Worker(node.log, node.identity).running():
        node.import_files("jsonl", [file], progress=lambda *one: told.append(one))

    assert {"read", "learn"} <= {doing for doing, _, _ in told}


def test_a_dry_run_records_nothing(node: FollowingNode, file: Path) -> None:
    imported = node.import_files("jsonl", [file], dry_run=True)

    assert (imported.appended, imported.refused) == (0, 1)
    assert sum(one.end for one in node.status().partitions) == 0


def test_tables_are_made_again_and_compared(node: FollowingNode) -> None:
    node.publish(sessions(5, 1))
    Worker(node.log, node.identity).step()
    before = fingerprint(node)

    assert node.verify() == []
    node.rebuild()

    assert fingerprint(node) == before
    assert node.verify() == []


@pytest.mark.parametrize("doing", [FollowingNode.verify, FollowingNode.rebuild])
def test_tables_that_a_projector_keeps_are_left_to_it(
    tmp_path: Path, doing: Callable[[FollowingNode], object]
) -> None:
    source, folder = tmp_path / "log", tmp_path / "tables"
    with SqliteLog.create(source, partitions=2) as log:
        mine = found(log, "")
        with (
            projected(source, folder) as asked,
            FollowingNode(folder, log, mine, asked=asked) as node,
            pytest.raises(LogHeld, match=r"is kept up to date by process \d+; stop it first"),
        ):
            doing(node)


def test_contributions_of_others_are_not_put_in_beside_the_federator(node: FollowingNode) -> None:
    with pytest.raises(WrongUse, match="takes in contributions through its topics"):
        node.take_in([])


def test_totals_of_others_do_not_keep_an_import_waiting(node: FollowingNode, file: Path) -> None:
    """Somebody else publishes all the time: what is waited for is fixed when all is learned."""
    with Worker(node.log, node.identity).running():
        steady = Event()

        def busy(*_: object) -> None:
            if not steady.is_set():
                steady.set()
                node.publish(sessions(11, 1))

        imported = node.import_files("jsonl", [file], progress=busy)

    assert steady.is_set()
    assert imported.learned
