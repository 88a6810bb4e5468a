"""Where a log is, as it is typed: a folder, or a Kafka cluster as `kafka://HOST:PORT`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.logs import sqlite_file
from connectors.logs.kafka_settings import KafkaSettings, check_installed
from connectors.logs.sqlite import SqliteLog
from motif.settings import from_environment
from motif.where import kafka_settings, open_kafka
from schemas.errors import LogIncompatible, WrongUse
from schemas.log import Log
from schemas.topics import TOPICS

KAFKA: Final = "kafka://"

_ADDRESS: Final = r"[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}"
_BOOTSTRAP: Final = re.compile(rf"(?:{_ADDRESS})(?:,(?:{_ADDRESS}))*")
_NO_FOLDER: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://.*|kafka:.*|(?:{_ADDRESS})")
"""What may be meant as a cluster; a folder of such a name is written with `./` before it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or the addresses of a Kafka cluster: exactly one of the two."""

    folder: Path | None = None
    bootstrap: str | None = None

    def __str__(self) -> str:
        """As it is typed."""
        return str(self.folder) if self.bootstrap is None else f"{KAFKA}{self.bootstrap}"

    def is_same(self, other: "Place") -> bool:
        """Whether both are one place."""
        if self.folder is None or other.folder is None:
            return self == other
        return self.folder.resolve() == other.folder.resolve()


def place_of(text: str) -> Place:
    """The place that a text names.

    >>> place_of("kafka://broker:9092").bootstrap, place_of("data").folder
    ('broker:9092', PosixPath('data'))

    Raises:
        WrongUse: it is no such text, or could be a folder and a cluster.
    """
    if text.startswith(KAFKA):
        bootstrap = text.removeprefix(KAFKA).rstrip("/")
        if not _BOOTSTRAP.fullmatch(bootstrap):
            raise WrongUse(f"{text!r} must be {KAFKA}HOST:PORT, more of them behind commas")
        return Place(bootstrap=bootstrap)
    if not text or _NO_FOLDER.fullmatch(text):
        raise WrongUse(
            f"{text!r} may be a cluster or a folder; write {KAFKA}HOST:PORT, or ./ before a folder"
        )
    return Place(folder=Path(text).expanduser())


def source_at(place: Place) -> Log:
    """The log of a place, to be read; another process may be writing it.

    Raises:
        LogError: there is none, or it cannot be reached.
    """
    return _kafka(place) if place.folder is None else SqliteLog.open(place.folder, read_only=True)


def target_at(place: Place, *, partitions: int | None, otherwise: int) -> Log:
    """The log of a place, to be written: one that is there, or a new one.

    A new one has as many `partitions` as are asked for, `otherwise` where none are. On a cluster
    its topics are made, as 'motif topics create' would found a log of its own with them.

    Raises:
        LogIncompatible: it has another number of partitions.
        LogError: it cannot be reached, or another process writes it.
    """
    if place.folder is None:
        _make_topics(place, partitions or otherwise)
        log = _kafka(place)
    elif partitions is None and not sqlite_file.exists(place.folder):
        log = SqliteLog.create(place.folder, partitions=otherwise)
    else:
        log = SqliteLog.open_or_create(place.folder, partitions=partitions)
    if partitions not in {None, log.partitions}:
        found = log.partitions
        log.close()
        raise LogIncompatible(f"{place} has {found} partitions a topic, not {partitions}")
    return log


def _kafka(place: Place) -> Log:
    """The log of a cluster whose topics are there."""
    return open_kafka(_settings(place))


def _make_topics(place: Place, partitions: int) -> None:
    """Make what is missing; the number of partitions counts where nothing is there."""
    check_installed()
    from connectors.logs import kafka_topics  # noqa: PLC0415  # Only where it is installed.

    settings = _settings(place)
    missing = kafka_topics.missing(settings)
    if missing:
        new = len(missing) == len(TOPICS)
        kafka_topics.create(settings, partitions=partitions if new else None)


def _settings(place: Place) -> KafkaSettings:
    """How to reach the cluster of a place: its address, and what else is set."""
    return kafka_settings(place.bootstrap or "", from_environment())
