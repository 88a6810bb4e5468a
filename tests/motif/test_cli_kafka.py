"""Commands with --kafka, over a log that stands in for the one on Kafka."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import motif
from connectors.generate import sessions
from connectors.logs import kafka_topics
from connectors.logs.kafka_settings import KafkaSettings
from connectors.logs.kafka_topics import Difference
from connectors.logs.sqlite import SqliteLog
from connectors.publisher import Publisher
from motif import seeing, waiting
from projections.records import RECORDS
from schemas.envelope import to_structured
from schemas.errors import LogUnavailable
from schemas.topics import AGENT_EVENTS, LEARNED_TOPICS, TOPICS
from streams.identity import found, identity_of
from tests.motif.conftest import Run
from tests.motif.workers import Worker, projected

KAFKA = ("--kafka", "broker:9092")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the log that is opened in the place of Kafka's."""
    folder = tmp_path / "log"
    SqliteLog.create(folder, partitions=2).close()

    def opened(settings: KafkaSettings) -> SqliteLog:
        if settings.bootstrap == "gone:1":
            raise LogUnavailable("Kafka at gone:1 does not answer")
        return SqliteLog.open(folder)

    monkeypatch.setattr("motif.opening.open_archived", lambda settings, _: opened(settings))
    monkeypatch.setattr("motif.where.open_archived", lambda settings, _: opened(settings))
    monkeypatch.setattr("motif.where.open_kafka", opened)
    monkeypatch.setattr(seeing, "OWNERS_PAUSE_S", 0.01)
    owners = {(topic.name, number): "w at host" for topic in LEARNED_TOPICS for number in range(2)}
    monkeypatch.setattr(kafka_topics, "owners", lambda _: owners)
    return folder


@pytest.fixture
def filled(source: Path) -> Path:
    """The same, founded, with sessions that a worker learned."""
    with motif.open(source, label="farm") as node:
        node.publish(sessions(5, 3))
    with SqliteLog.open(source) as log:
        identity = identity_of(log)
        assert identity is not None
        Worker(log, identity).step()
    return source


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return tmp_path / "tables"


@pytest.fixture
def away(filled: Path, tables: Path) -> Iterator[Path]:
    """The folder of a projector of that log."""
    with projected(filled, tables):
        yield tables


def json_of(run: Run, *words: object) -> Any:
    ran = run(*words, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_questions_are_answered_from_tables_of_their_own(
    run: Run, filled: Path, tables: Path
) -> None:
    found = json_of(run, "patterns", "--limit", 500, *KAFKA, "--data", tables)
    embedded = json_of(run, "patterns", "--limit", 500, "--data", filled)

    assert found == embedded != []
    assert sorted(path.name for path in tables.iterdir()) == ["projection.duckdb", RECORDS]
    for words in (("show", "tool:Bash"), ("sql", "FROM tool_calls ORDER BY event_id")):
        assert json_of(run, *words, *KAFKA, "--data", tables) == json_of(
            run, *words, "--data", filled
        )


def test_without_a_folder_the_tables_are_within_the_users_own(run: Run, filled: Path) -> None:
    ran = run("patterns", *KAFKA)

    home = Path.home() / "data" / "motif" / "kafka"
    assert ran.code == 0
    assert sorted(path.name for path in home.iterdir()) == ["projection.duckdb", RECORDS]


@pytest.mark.parametrize("words", [KAFKA, ()])
def test_questions_are_asked_of_the_projector_where_one_runs(
    run: Run, away: Path, words: tuple[str, ...]
) -> None:
    (row,) = json_of(run, "sql", "SELECT count(*) AS n FROM tool_calls", "--data", away, *words)
    patterns = json_of(run, "patterns", "--data", away, *words)
    shown = json_of(run, "show", "tool:Bash", "--data", away, *words)

    assert row["n"] > 0
    assert patterns
    assert shown["examples"]


def test_what_writes_needs_the_log_and_says_how_to_name_it(run: Run, away: Path) -> None:
    ran = run("dead-letters", "list", "--data", away)

    assert ran.code == 1
    assert "holds the tables of a log that is elsewhere" in ran.sentence
    assert ran.sentence.endswith("name that log by --kafka")


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_tables_are_compared_and_made_again_while_no_projector_runs(
    run: Run, filled: Path, tables: Path, command: str
) -> None:
    assert run(command, *KAFKA, "--data", tables).code == 0


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_a_projector_that_runs_is_named(run: Run, away: Path, command: str) -> None:
    ran = run(command, *KAFKA, "--data", away)

    assert ran.code == 1
    assert "is kept up to date by process" in ran.sentence


def test_an_import_that_nobody_learns_is_recorded_and_no_failure(
    run: Run, filled: Path, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.1)
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(to_structured(one) + b"\n" for one in sessions(6, 1)))

    ran = run("import", "jsonl", file, *KAFKA, "--data", tables)

    assert ran.code == 0
    assert "which are not learned yet" in ran.out
    assert "start one with: motif worker" in ran.err


def test_the_state_says_who_learns_what_and_is_well(run: Run, filled: Path, tables: Path) -> None:
    found = json_of(run, "status", *KAFKA, "--data", tables)
    ran = run("status", *KAFKA, "--data", tables)

    assert [one["owner"] for one in found["partitions"]] == ["w at host"] * (
        2 * len(LEARNED_TOPICS)
    )
    assert {one["lag"] for one in found["partitions"]} == {0}
    assert (found["stalled"], found["rows_behind"]) == ([], 0)
    assert "w at host" in ran.out
    assert "does not run" in ran.out


def test_the_state_is_known_from_the_folder_alone_while_a_projector_runs(
    run: Run, away: Path
) -> None:
    ran = run("status", "--data", away)

    assert ran.code == 0
    assert "a log" in ran.out
    assert "caught up" in ran.out


def test_a_broker_that_is_gone_is_said_and_the_last_state_shown(run: Run, away: Path) -> None:
    ran = run("status", "--kafka", "gone:1", "--data", away)

    assert ran.code == 1
    assert ran.sentence == "Kafka at gone:1 does not answer"
    assert f"{AGENT_EVENTS.name}/1" in ran.out
    assert run("status", "--kafka", "gone:1", "--data", away.parent / "none").code == 1


@pytest.mark.parametrize("kafka", [("--kafka", "gone:1"), ()])
def test_tables_whose_log_cannot_be_reached_answer_as_they_were_left(
    run: Run, filled: Path, tables: Path, kafka: tuple[str, ...]
) -> None:
    words = ("sql", "SELECT count(*) AS n FROM tool_calls", "--json", "--data", tables)
    before = json_of(run, *words[:2], *words[3:], *KAFKA)

    ran = run(*words, *kafka)
    patterns = json_of(run, "patterns", "--data", tables, *kafka)

    assert json.loads(ran.out) == before != [{"n": 0}]
    assert "the tables are as they were left" in ran.err
    assert patterns == json_of(run, "patterns", "--data", tables, *KAFKA)


def test_without_tables_a_log_that_cannot_be_reached_is_an_error(run: Run, tables: Path) -> None:
    ran = run("sql", "SELECT 1", "--kafka", "gone:1", "--data", tables)

    assert ran.code == 1
    assert "gone:1" in ran.sentence
    assert not tables.exists()


def test_what_stalls_is_named_with_code_1(
    run: Run, filled: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteLog.open(filled) as log:
        Publisher(log).publish(sessions(7, 2), origin="test")
    monkeypatch.setattr(kafka_topics, "owners", lambda _: {})

    ran = run("status", *KAFKA, "--data", tables)

    assert ran.code == 1
    assert ran.sentence.startswith(f"no worker has {AGENT_EVENTS.name}/")


def test_a_group_that_does_not_answer_is_said(
    run: Run, filled: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: KafkaSettings) -> object:
        raise LogUnavailable("no coordinator")

    monkeypatch.setattr(kafka_topics, "owners", silent)

    ran = run("status", *KAFKA, "--data", tables)

    assert ran.code == 1
    assert ran.sentence == "who learns which partition is not known: no coordinator"


@pytest.mark.parametrize(
    "words", [("patterns",), ("status",), ("import", "jsonl", __file__), ("dead-letters", "list")]
)
def test_a_log_that_nobody_founded_is_said_with_what_to_do(
    run: Run, source: Path, tables: Path, words: tuple[str, ...]
) -> None:
    ran = run(*words, *KAFKA, "--data", tables)

    assert ran.code == 1
    assert "has no identity yet: 'motif topics create' gives it one" in ran.sentence


def test_topics_are_made_and_the_log_founded_once(
    run: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int | None, int | None]] = []

    def create(
        settings: KafkaSettings, *, partitions: int | None, replication: int | None
    ) -> list[str]:
        asked.append((settings.prefix, partitions, replication))
        return ["x.one", "x.two"] if len(asked) == 1 else []

    monkeypatch.setattr(kafka_topics, "create", create)
    monkeypatch.setenv("MOTIF_KAFKA_PREFIX", "x.")
    monkeypatch.setenv("MOTIF_MCP_SERVERS", "tracker")

    first = run("topics", "create", *KAFKA, "--partitions", 5, "--replication", 3, "--label", "f")
    again = json_of(run, "topics", "create", *KAFKA)

    assert first.code == 0
    assert "Made x.one, x.two; each has 2 partitions." in first.out
    assert "Founded log" in first.out
    assert asked == [("x.", 5, 3), ("x.", None, None)]
    assert (again["made"], again["founded"], again["identity"]["label"]) == ([], False, "f")
    assert again["identity"]["allowed_servers"] == ["tracker"]
    site = json_of(run, "site", *KAFKA)
    assert site["identity"] == again["identity"]


@pytest.mark.parametrize(("missing", "expected"), [(len(TOPICS), 7), (1, None)])
def test_the_setting_of_partitions_counts_where_there_are_no_topics(
    run: Run,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: int,
    expected: int | None,
) -> None:
    asked: list[int | None] = []
    differences = [Difference(f"t{n}", "the topic", "missing", "there") for n in range(missing)]
    monkeypatch.setattr(kafka_topics, "check", lambda *_, **__: differences)

    def create(_: KafkaSettings, *, partitions: int | None, **__: object) -> list[str]:
        asked.append(partitions)
        return []

    monkeypatch.setattr(kafka_topics, "create", create)
    monkeypatch.setenv("MOTIF_PARTITIONS", "7")

    assert run("topics", "create", *KAFKA).code == 0
    assert asked == [expected]


def test_what_differs_about_topics_is_said_with_code_1(
    run: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences = [Difference("a", "the topic", "missing", "there")]
    monkeypatch.setattr(kafka_topics, "check", lambda *_, **__: differences)

    ran = run("topics", "check", *KAFKA)
    differences.clear()
    well = run("topics", "check", *KAFKA)

    assert ran.code == 1
    assert "a: the topic is missing; it must be there; 'motif topics create'" in ran.sentence
    assert (well.code, well.out) == (0, "The topics are as they should be.\n")


@pytest.mark.parametrize("command", ["create", "check"])
def test_topics_need_a_cluster(run: Run, command: str) -> None:
    ran = run("topics", command)

    assert ran.code == 2
    assert "name it by --kafka or MOTIF_KAFKA" in ran.sentence


def test_letters_are_looked_at_and_decided_about(
    run: Run, filled: Path, tables: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl").write_text("no event\n")
    assert run("import", "jsonl", tmp_path / "bad.jsonl", *KAFKA, "--data", tables).code == 0

    (letter,) = json_of(run, "dead-letters", "list", *KAFKA, "--data", tables)
    tried = json_of(run, "dead-letters", "retry", *KAFKA, "--data", tables)
    gone = json_of(run, "dead-letters", "discard", "--all", *KAFKA, "--data", tables)

    assert letter["reason"] == "not_json"
    assert "still refused" in tried[0]["outcome"]
    assert gone == [letter["letter_id"]]
    with SqliteLog.open(filled) as log:
        assert found(log, "").label == "farm"
