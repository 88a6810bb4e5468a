"""The command that copies a log: what it says, and what it refuses in one sentence."""

import errno
import json
import os
from pathlib import Path

import pytest

import motif
from connectors.logs import SqliteLog, kafka_topics
from connectors.logs.kafka_settings import KafkaSettings
from connectors.logs.lock import WriterLock
from motif.places import Place, place_of
from schemas.errors import WrongUse
from schemas.log import Outgoing
from schemas.topics import AGENT_EVENTS, PATTERN_CONTRIBUTIONS
from tests.motif.conftest import Run


def test_a_copy_says_what_it_carried_and_who_it_is(run: Run, learned: Path, tmp_path: Path) -> None:
    ran = run("copy", learned, tmp_path / "new", "--partitions", 3)

    assert ran.code == 0
    with motif.open(learned) as old, motif.open(tmp_path / "new") as new:
        events = sum(old.log.end(AGENT_EVENTS.name, at) for at in range(old.log.partitions))
        assert f"Copied log {old.identity.log_id} to {tmp_path / 'new'}." in ran.out
        assert f"The copy is log {new.identity.log_id} of the same site, with 3 part" in ran.out
    assert f"{events:,}" in ran.out
    assert not ran.err


def test_a_copy_for_programs(run: Run, learned: Path, tmp_path: Path) -> None:
    said = json.loads(run("copy", learned, tmp_path / "new", "--json").out)

    with motif.open(learned) as old:
        contributions = sum(
            len(old.log.read(PATTERN_CONTRIBUTIONS.name, at, 0, 100_000))
            for at in range(old.log.partitions)
        )
        assert said["copied_log_id"] == old.identity.log_id
        assert said["site_id"] == old.identity.site_id
        assert said["partitions"] == old.log.partitions
    assert (said["retired"], said["resumed"]) == (contributions, False)


def test_two_names_of_one_folder_are_one_place(run: Run, learned: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(learned)

    ran = run("copy", learned, link)

    assert (ran.code, ran.sentence.startswith("FROM and TO are both")) == (2, True)


def test_nothing_is_made_where_there_is_nothing_to_copy(run: Run, tmp_path: Path) -> None:
    ran = run("copy", tmp_path / "missing", tmp_path / "new")

    assert (ran.code, "there is no log in" in ran.sentence) == (1, True)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_a_log_is_no_place_for_a_copy(
    run: Run, learned: Path, tmp_path: Path
) -> None:
    assert run("copy", learned, tmp_path / "new").code == 0

    ran = run("copy", learned, tmp_path / "new")

    assert (ran.code, "already holds a log" in ran.sentence) == (2, True)


def test_an_unfinished_copy_is_opened_by_nobody(run: Run, tmp_path: Path) -> None:
    with SqliteLog.create(tmp_path / "new") as log:
        log.append([Outgoing(AGENT_EVENTS.name, 0, b"k", b"v")])

    for words in (["status"], ["import", "jsonl", __file__], ["copy", tmp_path / "new", "other"]):
        ran = run(*words, *([] if words[0] == "copy" else ["--data", tmp_path / "new"]))
        assert (ran.code, "say" in ran.sentence) == (1, True), words


def test_a_folder_that_is_written_is_refused(run: Run, learned: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    lock = WriterLock(tmp_path / "new")
    try:
        ran = run("copy", learned, tmp_path / "new")
    finally:
        lock.release()

    assert (ran.code, "being written by process" in ran.sentence) == (1, True)


def test_a_full_disk_is_a_sentence_and_the_copy_goes_on_when_there_is_room(
    run: Run, learned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: str) -> None:
        if name == "copy.after_letters":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "log.sqlite")

    with monkeypatch.context() as patch:
        patch.setattr("motif.copying.reach", full)
        ran = run("copy", learned, tmp_path / "new")
    assert (ran.code, "make room on that disk" in ran.sentence) == (1, True)

    assert json.loads(run("copy", learned, tmp_path / "new", "--json").out)["resumed"]


@pytest.mark.parametrize(
    "text",
    ["kafka:broker:9092", "broker:9092", "[::1]:9092", "http://x", "kafka://", "kafka://x", ""],
)
def test_what_could_be_two_places_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="HOST:PORT"):
        place_of(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("data", Place(folder=Path("data"))),
        ("./broker:9092", Place(folder=Path("broker:9092"))),
        ("/a:9/b", Place(folder=Path("/a:9/b"))),
        ("kafka://a:1,b.example:2", Place(bootstrap="a:1,b.example:2")),
        ("kafka://a:1/farm.", Place(bootstrap="a:1", prefix="farm.")),
        ("kafka://a:1,b:2/x-1_", Place(bootstrap="a:1,b:2", prefix="x-1_")),
        ("kafka://[::1]:9092/", Place(bootstrap="[::1]:9092")),
    ],
)
def test_a_place_is_a_folder_or_a_cluster(text: str, place: Place) -> None:
    assert place_of(text) == place


@pytest.mark.parametrize("named", ["a/b", "a b", "ä", "x" * 101, "/"])
def test_a_prefix_is_part_of_a_name(named: str) -> None:
    with pytest.raises(WrongUse, match=r"the prefix in .* must be up to 100 letters"):
        place_of(f"kafka://a:1/{named}")


def test_a_prefix_that_is_typed_goes_before_the_one_that_is_set() -> None:
    assert place_of("kafka://a:1", "set.").prefix == "set."
    assert place_of("kafka://a:1/typed.", "set.").prefix == "typed."
    assert place_of("kafka://a:1/", "set.").prefix == ""
    assert str(place_of("kafka://a:1", "set.")) == "kafka://a:1/set."


def test_one_cluster_under_one_prefix_is_one_place(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTIF_KAFKA_PREFIX", "set.")

    ran = run("copy", "kafka://a:1", "kafka://a:1/set.")

    assert (ran.code, ran.sentence.startswith("FROM and TO are both kafka://a:1/set.")) == (2, True)


def test_how_many_brokers_hold_it_is_asked_of_a_cluster_only(
    run: Run, learned: Path, tmp_path: Path
) -> None:
    ran = run("copy", learned, tmp_path / "new", "--replication", 3)

    assert (ran.code, ran.sentence.startswith("--replication is for a log on Kafka")) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_cluster_is_reached_as_the_settings_say(
    run: Run, learned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[KafkaSettings, int | None, int | None, int]] = []

    def create(
        settings: KafkaSettings,
        *,
        partitions: int | None,
        replication: int | None,
        otherwise: int,
    ) -> list[str]:
        asked.append((settings, partitions, replication, otherwise))
        return []

    def opened(settings: KafkaSettings) -> SqliteLog:
        assert settings == asked[0][0]
        return SqliteLog.create(tmp_path / "stands-in", partitions=3)

    monkeypatch.setattr(kafka_topics, "create", create)
    monkeypatch.setattr("motif.places.open_kafka", opened)
    monkeypatch.setenv("MOTIF_KAFKA_PREFIX", "set.")
    monkeypatch.setenv("MOTIF_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("MOTIF_KAFKA_SASL_USERNAME", "reader")
    monkeypatch.setenv("MOTIF_KAFKA_SASL_PASSWORD", "s")

    ran = run("copy", learned, "kafka://a:1", "--replication", 2)

    assert ran.code == 0, ran.err
    expected = KafkaSettings(
        "a:1", "set.", "SASL_PLAINTEXT", sasl_username="reader", sasl_password="s"
    )
    assert asked == [(expected, None, 2, 4)]
    assert "kafka://a:1/set." in ran.out
