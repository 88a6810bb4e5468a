"""The front door on a real broker: commands, a worker and a projector, each in its own process."""

import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from random import Random
from threading import Event as Signal
from typing import Any

import pytest

import motif
from connectors.generate import sessions, task_completions
from motif.asking import Asked
from schemas.clock import new_id
from schemas.envelope import Event, outgoing, to_structured
from schemas.events import TaskCompleted
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, LEARNED_TOPICS
from tests.integration.rows import Tables, assert_same, fingerprint, learned
from tests.integration.samples import BAD
from tests.kafka.front import Front
from tests.kafka.workers import LIMIT_S, installation

pytestmark = pytest.mark.needs_kafka

PARTITIONS = 3

SOON_S = 20.0
"""How long what takes a second or two may take where other tests run beside."""

ROWS_S = 60.0
"""How long rows may take to be those of all contributions; the issue is what they are then."""

FED_EVERY_S = 0.05
"""How often events come while questions are asked."""

NOBODY = "127.0.0.1:9"
"""An address at which no broker listens."""

TASKS = "SELECT count(*) AS n FROM task_completions WHERE agent LIKE '{}%'"


def tasks(agent: str, count: int) -> list[Event]:
    """Completed tasks of an agent that no other test knows."""
    done = TaskCompleted(agent=agent, task_type="refactor", success=True, duration_us=90)
    return [Event("front", f"{agent}-{number}", done) for number in range(count)]


def write(path: Path, events: list[Event], *bad: bytes) -> Path:
    path.write_bytes(b"\n".join([*map(to_structured, events), *bad, b""]))
    return path


@contextmanager
def front(bootstrap: str, folder: Path) -> Iterator[Front]:
    """The front door of a new log without workers, gone afterwards."""
    with installation(bootstrap, f"t{new_id()[:8]}.", folder / "workers", PARTITIONS) as made:
        yield Front(made, folder / "tables")


@pytest.fixture(scope="module")
def site(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A worker and a projector that several tests share; each has events of its own."""
    with front(kafka, tmp_path_factory.mktemp("site")) as made:
        made.made.start_worker()
        made.made.publish(sessions(7, 3))
        projector = made.start_projector()
        made.made.wait_for(lambda: made.is_answered_by(projector))
        made.made.wait_for(made.made.is_learned)
        yield made


@pytest.fixture
def alone(kafka: str, tmp_path: Path) -> Iterator[Front]:
    """A log that nobody learns or projects, unless a test starts somebody."""
    with front(kafka, tmp_path) as made:
        yield made


def test_an_import_waits_until_all_can_be_asked_and_says_what_became_of_it(
    site: Front, tmp_path: Path
) -> None:
    events = tasks("importer", 120)
    file = write(tmp_path / "events.jsonl", [*events, *events[:20]], *BAD)

    first = site.run("import", "jsonl", file)
    (asked,) = site.rows(TASKS.format("importer"))
    again = site.run("import", "jsonl", file)
    counted = site.run("import", "jsonl", file, "--json").json
    pattern = site.run("show", "task:importer:refactor", "--json").json

    assert first.code == again.code == 0
    assert "Read 1 jsonl file, 143 lines" in first.out
    assert "Recorded 140 events: 120 new, 20 known already." in first.out
    assert "3 lines were refused" in first.err
    assert asked["n"] == pattern["occurrences"] == 120
    assert "Nothing new: all 140 events were known already." in again.out
    assert (counted["appended"], counted["repeats"], counted["refused"]) == (140, 140, 3)
    assert counted["learned"]
    assert counted["new_patterns"].get("task", 0) == 0


def test_a_question_is_answered_while_the_projector_works_and_knows_what_came_since(
    site: Front,
) -> None:
    query = TASKS.format("since")
    asked_enough = Signal()

    def feed() -> int:
        for number in count():
            site.made.publish(tasks(f"since-{number}", 20))
            if asked_enough.wait(FED_EVERY_S):
                return 20 * (number + 1)
        raise AssertionError

    with ThreadPoolExecutor() as threads:
        fed = threads.submit(feed)
        found = [site.rows(query)[0]["n"] for _ in range(6)]
        asked_enough.set()
        published = fed.result()
    site.made.wait_for(lambda: site.rows(query) == [{"n": published}], SOON_S)

    assert found == sorted(found)
    assert found[-1] > found[0], "no answer knew what came after the one before"


def test_a_second_projector_of_a_folder_is_refused_in_one_sentence(site: Front) -> None:
    first = Asked(site.folder, "?").about.pid

    ran = site.run("projector")

    assert ran.code == 1
    assert ran.sentence == (
        f"the projection in {site.folder} is kept up to date by process {first}; "
        "wait until that process has ended, or stop it"
    )


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_tables_are_not_made_again_beside_a_projector(site: Front, command: str) -> None:
    ran = site.run(command)

    assert ran.code == 1
    assert f"is kept up to date by process {Asked(site.folder, '?').about.pid};" in ran.sentence


def test_a_projector_killed_at_any_moment_loses_and_doubles_nothing(
    alone: Front, tmp_path: Path
) -> None:
    rng = Random(29)
    events = [*sessions(29, 12), *task_completions(29, 1_200, patterns=100)]
    rng.shuffle(events)
    assert len(events) > 1_800, "it is killed four times"
    with motif.open(tmp_path / "embedded") as node:
        node.publish(events)
        expected = learned(node)
    alone.made.start_worker()

    for start in range(0, len(events), 600):
        alone.made.publish(events[start : start + 600])
        start_and_kill(alone, rng.uniform(0, 1))
        alone.made.publish(rng.sample(events[: start + 600], 40))
    last = alone.start_projector()

    alone.made.wait_for(lambda: alone.is_answered_by(last))
    alone.made.wait_for(alone.made.is_learned)
    check_rows(alone, expected)
    (row,) = alone.rows("SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM tool_calls")
    assert row["n"] == row["ids"] > 100


def start_and_kill(front: Front, seconds: float) -> None:
    """Start a projector and kill it, as a power cut would, some time after its first answer."""
    projector = front.start_projector()
    front.made.wait_for(lambda: front.is_answered_by(projector))
    with pytest.raises(subprocess.TimeoutExpired):
        projector.wait(seconds)
    projector.kill()
    assert projector.wait(SOON_S) == -signal.SIGKILL


def check_rows(front: Front, expected: Tables) -> None:
    """What the projector answers becomes what is expected."""
    with Asked(front.folder, "?") as asked:
        wanted = fingerprint(expected)
        with suppress(AssertionError):  # that it took too long; what differs is said below
            front.made.wait_for(lambda: fingerprint(learned(asked)) == wanted, ROWS_S)
        assert_same(learned(asked), expected)


def test_without_workers_the_state_names_what_waits_and_with_one_it_is_well(alone: Front) -> None:
    alone.made.publish(tasks("waiting", 60))

    stalled = alone.run("status", "--json")
    found = json.loads(stalled.out)

    assert stalled.code == 1
    assert stalled.sentence.startswith(f"no worker has {AGENT_EVENTS.name}/")
    assert "start one with: motif worker" in stalled.sentence
    assert sum(one["lag"] for one in found["partitions"]) == 60
    assert {one["owner"] for one in found["partitions"]} == {None}
    assert {one["checkpoint_age_s"] for one in found["partitions"]} == {None}

    alone.made.start_worker()
    alone.made.wait_for(alone.made.is_learned)
    alone.made.wait_for(lambda: alone.run("status").code == 0, SOON_S)
    found = alone.run("status", "--json").json
    shown = alone.run("status").out

    assert found["stalled"] == []
    assert len(found["partitions"]) == PARTITIONS * len(LEARNED_TOPICS)
    for one in found["partitions"]:
        assert (one["lag"], one["waiting"], one["late"], one["refused"]) == (0, 0, 0, 0)
        assert one["learned"] <= one["end"]
        assert one["owner"].startswith("motif-")
        assert one["checkpoint_age_s"] is None or 0 <= one["checkpoint_age_s"] < LIMIT_S
    assert any(one["checkpoint_age_s"] is not None for one in found["partitions"])
    assert found["projector"]["pid"] is None
    assert f"{AGENT_EVENTS.name}/{PARTITIONS - 1}" in shown
    assert "motif-" in shown


def test_the_state_names_the_projector_and_the_dead_letters(site: Front) -> None:
    site.made.log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", b"counted")])
    site.made.wait_for(site.made.is_learned)

    def state() -> Any:
        return json.loads(site.run("status", "--json").out)

    site.made.wait_for(lambda: state()["open_letters"] > 0, SOON_S)
    found = state()

    assert found["projector"]["pid"] == Asked(site.folder, "?").about.pid
    assert found["projector"]["trouble"] is None
    assert sum(one["refused"] for one in found["partitions"]) > 0
    assert "dead letter" in site.run("status").out


def test_a_refused_record_is_looked_at_put_back_under_its_identity_and_counts_once(
    site: Front,
) -> None:
    (event,) = tasks("misplaced", 1)
    right = outgoing(event, PARTITIONS)
    wrong = right._replace(partition=(right.partition + 1) % PARTITIONS)
    site.made.log.append([wrong])
    site.made.wait_for(site.made.is_learned)

    (letter,) = [
        one
        for one in site.run("dead-letters", "list", "--limit", 1_000, "--json").json
        if one["reason"] == "misplaced"
    ]
    identity = letter["letter_id"]
    shown = site.run("dead-letters", "show", identity[:12]).out
    held = site.run("dead-letters", "show", identity, "--bytes").out.encode()
    (tried,) = site.run("dead-letters", "retry", identity, "--json").json
    site.made.wait_for(lambda: site.rows(TASKS.format("misplaced")) == [{"n": 1}], SOON_S)

    assert letter["origin"].startswith(f"{wrong.topic}/{wrong.partition}/")
    assert "misplaced" in shown
    assert held == right.value
    assert tried["outcome"] == f"put back on {right.topic}/{right.partition}"
    (row,) = site.rows(
        "SELECT source, event_id, \"partition\" FROM task_completions WHERE agent = 'misplaced'"
    )
    assert (row["source"], row["event_id"]) == (event.source, event.id)
    assert row["partition"] == right.partition
    decided = {
        one["letter_id"]: one["decided"]
        for one in site.run("dead-letters", "list", "--all", "--limit", 1_000, "--json").json
    }
    assert decided[identity] == "retried"


def test_a_refused_record_that_nobody_wants_is_discarded(site: Front) -> None:
    site.made.log.append([Outgoing(AGENT_EVENTS.name, 1, b"k", b"unwanted")])
    site.made.wait_for(site.made.is_learned)
    held = {
        one["letter_id"]: site.run("dead-letters", "show", one["letter_id"], "--bytes").out
        for one in site.run("dead-letters", "list", "--json").json
    }
    (identity,) = [letter for letter, value in held.items() if value == "unwanted"]

    still = site.run("dead-letters", "retry", identity, "--json").json
    gone = site.run("dead-letters", "discard", identity, "--json").json

    assert "still refused" in still[0]["outcome"]
    assert gone == [identity]
    left = [one["letter_id"] for one in site.run("dead-letters", "list", "--json").json]
    assert identity not in left


def test_without_a_projector_tables_are_brought_up_to_date_and_without_the_log_are_as_they_were(
    alone: Front,
) -> None:
    query = TASKS.format("left")
    alone.made.start_worker()
    projector = alone.start_projector()
    alone.made.publish(tasks("left", 30))
    alone.made.wait_for(alone.made.is_learned)
    alone.made.wait_for(lambda: alone.is_answered_by(projector))
    alone.made.wait_for(lambda: alone.rows(query) == [{"n": 30}], SOON_S)
    alone.made.kill(projector)

    from_file = alone.run("sql", query, "--json", kafka=NOBODY)
    alone.made.publish(tasks("left-later", 12))
    alone.made.wait_for(alone.made.is_learned)
    up_to_date = alone.rows(query)

    assert from_file.json == [{"n": 30}]
    assert NOBODY in from_file.err
    assert "the tables are as they were left" in from_file.err
    assert up_to_date == [{"n": 42}]
    for words in (("verify",), ("rebuild",), ("verify",)):
        ran = alone.run(*words)
        assert ran.code == 0, ran.err
    assert alone.rows(query) == up_to_date
    assert alone.run("verify").out.startswith("The tables are what the log says: ")
