"""A broker that asks for TLS, a certificate and a password: who has them, and who lacks one."""

import gc
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Signal
from typing import Any, Final

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

import motif
from connectors.generate import sessions
from connectors.logs import kafka_topics
from connectors.logs.kafka import KafkaLog
from connectors.logs.kafka_settings import KafkaSettings
from motif.settings import from_environment
from motif.where import kafka_settings
from schemas.clock import monotonic_s
from schemas.envelope import Event, to_structured
from schemas.errors import LogUnavailable
from tests.kafka.fixtures import OWN_REMEDY
from tests.kafka.jars import java_is_here
from tests.kafka.secured import USER, SecuredBroker, secured_broker
from tests.kafka.workers import TIED

pytestmark = pytest.mark.needs_own_kafka

MOTIF: Final = str(Path(sys.executable).with_name("motif"))

REFUSED_S: Final = 20.0
"""How long a refusal may take; it takes one, where nothing else runs."""

LIMIT_S: Final = 90.0

TOTALS: Final = """
    SELECT tool, count(*) AS calls, count(*) FILTER (ok) AS well FROM tool_calls
    GROUP BY tool ORDER BY tool
"""
PATTERNS: Final = """
    SELECT * EXCLUDE (version, site_count, contributor_count) FROM patterns ORDER BY pattern_id
"""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    if not java_is_here():
        pytest.fail(f"a broker cannot be made: {OWN_REMEDY}")
    with secured_broker(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@dataclass(frozen=True)
class Person:
    """Somebody at a machine with these settings."""

    settings: dict[str, str]

    def types(self, *words: object) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [*TIED, MOTIF, *map(str, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=LIMIT_S,
            check=False,
        )

    def gets(self, *words: object) -> Any:
        """What a command says in JSON; it must not fail."""
        ran = self.types(*words, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def asks_a_projector(self) -> bool:
        """Whether one answers."""
        ran = self.types("status", "--json")
        return ran.returncode == 0 and json.loads(ran.stdout)["projector"]["pid"] is not None

    def is_refused(self, *words: object) -> str:
        """The sentence with which a command fails, in bounded time."""
        began_s = monotonic_s()
        ran = self.types(*words)
        assert monotonic_s() - began_s < REFUSED_S
        assert ran.returncode in {1, 2}
        (sentence,) = ran.stderr.splitlines()
        assert sentence.startswith("motif: Kafka at ")
        return sentence

    @contextmanager
    def runs(self, command: str, said: Path) -> Iterator[None]:
        """A command that runs meanwhile, and ends well when it is told to."""
        with said.open("wb") as file:
            process = subprocess.Popen(
                [*TIED, MOTIF, command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=self._environment(),
            )
        try:
            yield
            process.terminate()
            assert process.wait(LIMIT_S) == 0, said.read_text()
        finally:
            process.kill()
            process.wait(LIMIT_S)

    def _environment(self) -> dict[str, str]:
        mine = {name: os.environ[name] for name in os.environ if name[:6] != "MOTIF_"}
        return mine | self.settings


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(sessions(6, 4))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> Person:
    """Who learned the same without Kafka."""
    folder = tmp_path_factory.mktemp("embedded")
    with motif.open(folder) as node:
        node.publish(events)
        node.settle()
    return Person({"MOTIF_DATA": str(folder)})


def wait_for(what: Callable[[], bool], said: Path) -> None:
    began_s = monotonic_s()
    while not what():
        assert monotonic_s() - began_s < LIMIT_S, said.read_text()
        Signal().wait(0.2)


def test_the_whole_way_is_open_to_who_is_let_in(
    secured: SecuredBroker, embedded: Person, events: list[Event], tmp_path: Path
) -> None:
    person = Person(secured.environment("whole.") | {"MOTIF_DATA": str(tmp_path / "data")})
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(to_structured(event) + b"\n" for event in events))

    assert person.gets("topics", "create", "--partitions", 2)["founded"]
    with person.runs("worker", tmp_path / "worker.log"):
        imported = person.types("import", "jsonl", file)
        assert imported.returncode == 0, imported.stderr
        assert f"{len(events):,} new" in imported.stdout
        assert "not learned yet" not in imported.stdout

        state = person.gets("status")
        assert {one["lag"] for one in state["partitions"]} == {0}
        assert all("motif-" in one["owner"] for one in state["partitions"])

        with person.runs("projector", tmp_path / "projector.log"):
            wait_for(person.asks_a_projector, tmp_path / "projector.log")
            assert person.gets("sql", TOTALS) == embedded.gets("sql", TOTALS) != []
            assert person.gets("sql", PATTERNS) == embedded.gets("sql", PATTERNS) != []


def test_a_log_is_copied_in_and_out(
    secured: SecuredBroker, embedded: Person, tmp_path: Path
) -> None:
    person = Person(secured.environment("copy."))
    cluster, back = f"kafka://{secured.bootstrap}", tmp_path / "back"

    brought = person.gets("copy", embedded.settings["MOTIF_DATA"], cluster, "--partitions", 3)
    fetched = person.gets("copy", cluster, back)

    assert brought["partitions"] == fetched["partitions"] == 3
    assert brought["log_id"] == fetched["copied_log_id"]
    copied = Person({"MOTIF_DATA": str(back)})
    assert copied.gets("sql", TOTALS) == embedded.gets("sql", TOTALS) != []


REFUSED: Final[dict[str, tuple[dict[str, str], str]]] = {
    "a password that is wrong": (
        {"SASL_PASSWORD": "another"},
        f"does not let in user '{USER}' with this password; set MOTIF_KAFKA_SASL_USERNAME and",
    ),
    "a mechanism that it does not take": (
        {"SASL_MECHANISM": "PLAIN"},
        "does not take passwords by PLAIN; set MOTIF_KAFKA_SASL_MECHANISM to SCRAM-SHA-256 or",
    ),
    "an authority that did not sign its certificate": (
        {"CA": "{foreign_ca}"},
        "foreign_ca.pem: unable to get local issuer certificate; set MOTIF_KAFKA_CA to",
    ),
    "no certificate": (
        {"CERTIFICATE": "", "KEY": ""},
        "asks for a certificate, and was shown none",
    ),
    "plain text": (
        {"SECURITY_PROTOCOL": "PLAINTEXT"},
        "speaks TLS, which PLAINTEXT is without; set MOTIF_KAFKA_SECURITY_PROTOCOL to SSL or",
    ),
    "no user": (
        {"SECURITY_PROTOCOL": "SSL"},
        "broke off when it was spoken to in SSL; set MOTIF_KAFKA_SECURITY_PROTOCOL to PLAINTEXT",
    ),
}


@pytest.fixture(params=REFUSED)
def refused(request: pytest.FixtureRequest, secured: SecuredBroker) -> tuple[Person, str]:
    """Somebody who lacks one thing, and what is said of it."""
    changes, reason = REFUSED[request.param]
    settings = secured.environment("refused.")
    for name, value in changes.items():
        settings[f"MOTIF_KAFKA_{name}"] = value.format(foreign_ca=secured.foreign_ca)
    return Person(settings), reason


def test_who_lacks_something_is_told_what(refused: tuple[Person, str], tmp_path: Path) -> None:
    person, reason = refused

    for words in (("topics", "create"), ("worker", "--data", tmp_path)):
        assert reason in person.is_refused(*words)


def test_what_a_refusal_opened_is_closed(refused: tuple[Person, str]) -> None:
    settings = settings_of(refused[0])

    with left_nothing():
        with pytest.raises(LogUnavailable, match="MOTIF_KAFKA"):
            KafkaLog.open(settings)
        with pytest.raises(LogUnavailable, match="MOTIF_KAFKA"):
            kafka_topics.check(settings)


def test_a_broker_is_called_as_its_certificate_says(secured: SecuredBroker) -> None:
    person = Person(secured.environment("refused."))
    address = secured.bootstrap.replace("127.0.0.1", "localhost")

    sentence = person.is_refused("topics", "check", "--kafka", address)

    assert "is called otherwise in its certificate: Hostname mismatch" in sentence


def test_what_was_let_in_and_then_failed_is_closed(
    secured: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(Person(secured.environment("none.")))

    with left_nothing(), pytest.raises(LogUnavailable, match="make them with: motif topics create"):
        KafkaLog.open(settings)

    async def fail(*_: object) -> None:
        raise KafkaError("just now")

    monkeypatch.setattr(AIOKafkaClient, "set_topics", fail)
    with left_nothing(), pytest.raises(LogUnavailable, match="just now"):
        KafkaLog.open(settings)


def settings_of(person: Person) -> KafkaSettings:
    stated = from_environment(person.settings)
    return kafka_settings(stated.kafka or "", stated)


@contextmanager
def left_nothing() -> Iterator[None]:
    """Whatever is opened within is closed, and its threads end."""
    threads = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert not [str(one.message) for one in said if issubclass(one.category, ResourceWarning)]
    for thread in set(threading.enumerate()) - threads:
        thread.join(REFUSED_S)
        assert not thread.is_alive()
