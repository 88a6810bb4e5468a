"""Where a log is, as it is typed: a folder, or a Kafka cluster as `kafka://HOST:PORT/PREFIX`."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from connectors.logs import sqlite_file
from connectors.logs.kafka_settings import KafkaSettings, check_installed
from connectors.logs.sqlite import SqliteLog
from motif.settings import from_environment
from motif.values import NAME_PREFIX, prefix_of
from motif.where import kafka_settings, open_kafka
from schemas.errors import WrongUse
from schemas.log import Log

KAFKA: Final = "kafka://"

_ADDRESS: Final = r"[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}"
_BOOTSTRAP: Final = re.compile(rf"(?:{_ADDRESS})(?:,(?:{_ADDRESS}))*")
_NO_FOLDER: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://.*|kafka:.*|(?:{_ADDRESS})")
"""What may be meant as a cluster; a folder of such a name is written with `./` before it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or the addresses of a Kafka cluster with the prefix of the log's names there."""

    folder: Path | None = None
    bootstrap: str | None = None
    prefix: str = ""

    def __str__(self) -> str:
        """As it may be typed."""
        if self.bootstrap is None:
            return str(self.folder)
        return f"{KAFKA}{self.bootstrap}" + (f"/{self.prefix}" if self.prefix else "")

    def is_same(self, other: "Place") -> bool:
        """Whether both are one place."""
        if self.folder is None or other.folder is None:
            return self == other
        return self.folder.resolve() == other.folder.resolve()


def place_of(text: str, prefix: str = "") -> Place:
    """The place that a text names; `prefix` is that of a cluster where the text names none.

    >>> place_of("data").folder
    PosixPath('data')
    >>> place_of("kafka://broker:9092/farm.", "other.").prefix
    'farm.'
    >>> place_of("kafka://broker:9092", "other.").prefix
    'other.'

    Raises:
        WrongUse: it is no such text, or could be a folder and a cluster.
    """
    if text.startswith(KAFKA):
        bootstrap, slash, named = text.removeprefix(KAFKA).partition("/")
        if not _BOOTSTRAP.fullmatch(bootstrap):
            message = f"{text!r} must be {KAFKA}HOST:PORT/PREFIX, more hosts behind commas"
            raise WrongUse(message)
        return Place(bootstrap=bootstrap, prefix=_prefix(text, named) if slash else prefix)
    if not text or _NO_FOLDER.fullmatch(text):
        raise WrongUse(
            f"{text!r} may be a cluster or a folder; write {KAFKA}HOST:PORT, or ./ before a folder"
        )
    return Place(folder=Path(text).expanduser())


def _prefix(text: str, named: str) -> str:
    """The prefix that stands behind the slash; none where nothing does."""
    try:
        return prefix_of(named) if named else ""
    except ValueError as error:
        message = f"the prefix in {text!r} is {named!r}; it must be {NAME_PREFIX}"
        raise WrongUse(message) from error


def source_at(place: Place) -> Log:
    """The log of a place, to be read; another process may be writing it.

    Raises:
        LogError: there is none, or it cannot be reached.
    """
    return _kafka(place) if place.folder is None else SqliteLog.open(place.folder, read_only=True)


def target_at(
    place: Place, *, partitions: int | None, otherwise: int, replication: int | None = None
) -> Log:
    """The log of a place, to be written: one that is there, or a new one.

    A new one has as many `partitions` as are asked for, `otherwise` where none are; on Kafka
    `replication` brokers hold it.

    Raises:
        LogIncompatible: it has another number of partitions.
        LogError: it cannot be reached, or another process writes it.
    """
    if place.folder is None:
        return _made(place, partitions, otherwise, replication)
    if replication is not None:
        raise WrongUse(f"--replication is for a log on Kafka, and {place} is a folder")
    if partitions is None and not sqlite_file.exists(place.folder):
        return SqliteLog.create(place.folder, partitions=otherwise)
    return SqliteLog.open_or_create(place.folder, partitions=partitions)


def _made(place: Place, partitions: int | None, otherwise: int, replication: int | None) -> Log:
    """The log of a cluster, its topics made where they are missing."""
    check_installed()
    from connectors.logs import kafka_topics  # noqa: PLC0415  # Only where it is installed.

    kafka_topics.create(
        settings_of(place), partitions=partitions, replication=replication, otherwise=otherwise
    )
    return _kafka(place)


def _kafka(place: Place) -> Log:
    """The log of a cluster whose topics are there."""
    return open_kafka(settings_of(place))


def settings_of(place: Place) -> KafkaSettings:
    """How to reach the cluster: the place's prefix, and security as the environment says."""
    stated = kafka_settings(place.bootstrap or "", from_environment())
    return replace(stated, prefix=place.prefix)
