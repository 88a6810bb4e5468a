"""Which log and folder are meant: what is typed before what is set, and no tables are lost."""

from pathlib import Path

import pytest

import motif
from motif.settings import Settings
from motif.where import where
from schemas.errors import WrongUse
from tests.motif.conftest import Run


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder that holds a log of its own."""
    with motif.open(tmp_path / "own"):
        return tmp_path / "own"


def test_without_kafka_a_folder_is_all_there_is(tmp_path: Path) -> None:
    stated = Settings(data=tmp_path / "set")

    assert where(None, None, stated).folder == tmp_path / "set"
    assert where(tmp_path / "typed", None, stated).folder == tmp_path / "typed"
    assert where(tmp_path / "typed", None, stated).kafka is None


def test_kafka_is_typed_or_set_and_what_is_typed_goes_first(tmp_path: Path) -> None:
    stated = Settings(data=tmp_path, kafka="set:1")

    by_setting, typed = where(None, None, stated), where(None, "typed:2", stated)

    assert by_setting.kafka is not None
    assert by_setting.kafka.bootstrap == "set:1"
    assert typed.kafka is not None
    assert typed.kafka.bootstrap == "typed:2"


def test_tables_of_kafka_have_a_folder_of_their_own_within_the_users(tmp_path: Path) -> None:
    assert where(None, "a:1", Settings(data=tmp_path)).folder == tmp_path / "kafka"
    assert where(tmp_path / "x", "a:1", Settings()).folder == tmp_path / "x"


def test_a_folder_that_was_typed_and_holds_a_log_is_meant_whatever_is_set(own: Path) -> None:
    found = where(own, None, Settings(kafka="set:1"))

    assert (found.folder, found.kafka) == (own, None)


def test_a_folder_that_holds_a_log_never_holds_the_tables_of_another(own: Path) -> None:
    with pytest.raises(WrongUse, match="holds a log of its own, which is not the one on Kafka"):
        where(own, "a:1", Settings())


def test_everything_that_is_set_reaches_the_client(tmp_path: Path) -> None:
    stated = Settings(
        kafka="a:1",
        kafka_prefix="farm.",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="me",
        kafka_sasl_password="s3cret",
        kafka_ca=tmp_path / "ca",
        kafka_certificate=tmp_path / "cert",
        kafka_key=tmp_path / "key",
        kafka_key_password="s3cret too",
    )

    found = where(None, None, stated)

    assert found.kafka is not None
    assert (found.kafka.prefix, found.kafka.security_protocol) == ("farm.", "SASL_SSL")
    assert (found.kafka.sasl_mechanism, found.kafka.sasl_username) == ("PLAIN", "me")
    assert (found.kafka.sasl_password, found.kafka.key_password) == ("s3cret", "s3cret too")
    assert (found.kafka.ca, found.kafka.certificate, found.kafka.key) == (
        tmp_path / "ca",
        tmp_path / "cert",
        tmp_path / "key",
    )
    assert found.log == "the log on Kafka at a:1 under the prefix farm."
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("before", [True, False])
def test_addresses_that_cannot_be_meant_are_refused(run: Run, before: bool) -> None:
    option = ("--kafka", "localhost")

    ran = run(*option, "status") if before else run("status", *option)

    assert ran.code == 2
    assert "'localhost' must be HOST:PORT, or several of them" in ran.sentence


def test_a_projector_without_kafka_is_refused(run: Run, own: Path) -> None:
    ran = run("projector", "--data", own)

    assert ran.code == 2
    assert "a node without Kafka projects by itself" in ran.sentence


def test_a_library_that_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.logs.kafka_settings.find_spec", lambda _: None)

    ran = run("patterns", "--kafka", "localhost:1")

    assert ran.code == 2
    assert ran.sentence.endswith("pip install 'motif[kafka]'")
