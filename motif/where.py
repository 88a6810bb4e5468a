"""Which log is meant, and which folder its tables are in: options before settings before defaults.

Without Kafka a folder holds both. With Kafka the folder holds the tables only, and nobody's log:
the tables of one log never take the place of another's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from connectors.logs import sqlite_file
from connectors.logs.archive_file import FOLDER
from connectors.logs.kafka_settings import KafkaSettings
from motif.settings import Settings
from schemas.errors import WrongUse
from streams.identity import identity_of

if TYPE_CHECKING:
    from connectors.logs.archived import ArchivedLog
    from connectors.logs.kafka import KafkaLog

BELOW: Final = "kafka"
"""The folder of the tables of a Kafka installation, within the folder of the user's data."""


@dataclass(frozen=True, slots=True)
class Where:
    """A folder, and the cluster that holds its log, where it is not in the folder itself."""

    folder: Path
    kafka: KafkaSettings | None = None

    @property
    def log(self) -> str:
        """The log, for people."""
        if self.kafka is None:
            return f"the log in {self.folder}"
        prefix = f" under the prefix {self.kafka.prefix}" if self.kafka.prefix else ""
        return f"the log on Kafka at {self.kafka.bootstrap}{prefix}"


def where(data: Path | None, kafka: str | None, stated: Settings) -> Where:
    """What the command line and the environment name together.

    Raises:
        WrongUse: the folder for the tables of Kafka holds a log of its own.
    """
    own = stated.data or Path(platformdirs.user_data_dir("motif"))
    if kafka is None and data is not None and sqlite_file.exists(data):
        return Where(data)  # What was typed goes before what is set: this folder's log is meant.
    bootstrap = kafka or stated.kafka
    if bootstrap is None:
        return Where(data or own)
    folder = data or own / BELOW
    if sqlite_file.exists(folder):
        raise WrongUse(
            f"{folder} holds a log of its own, which is not the one on Kafka at {bootstrap}; "
            "name another folder by --data, or leave out --kafka"
        )
    return Where(folder, kafka_settings(bootstrap, stated))


def kafka_settings(bootstrap: str, stated: Settings) -> KafkaSettings:
    """The addresses, with what the environment says about security."""
    return KafkaSettings(
        bootstrap=bootstrap,
        prefix=stated.kafka_prefix or "",
        security_protocol=stated.kafka_security_protocol or "PLAINTEXT",
        sasl_mechanism=stated.kafka_sasl_mechanism,
        sasl_username=stated.kafka_sasl_username,
        sasl_password=stated.kafka_sasl_password,
        ca=stated.kafka_ca,
        certificate=stated.kafka_certificate,
        key=stated.kafka_key,
        key_password=stated.kafka_key_password,
    )


def open_archived(settings: KafkaSettings, folder: Path) -> "KafkaLog | ArchivedLog":
    """The log on Kafka with what of it was archived in a node's folder, once it says who it is.

    Raises:
        WrongUse: the library for it is not installed.
        LogUnavailable: the cluster does not answer, or has no such topics.
    """
    log = open_kafka(settings)
    try:
        identity = identity_of(log)
        if identity is None:
            return log
        from connectors.logs.archived import ArchivedLog  # noqa: PLC0415  # Only where it is used.

        return ArchivedLog(log, folder / FOLDER, identity.log_id)
    except BaseException:
        log.close()
        raise


def open_kafka(settings: KafkaSettings) -> "KafkaLog":
    """The log on Kafka.

    Raises:
        WrongUse: the library for it is not installed.
        LogUnavailable: the cluster does not answer, or has no such topics.
    """
    from connectors.logs.kafka_settings import check_installed  # noqa: PLC0415

    check_installed()
    from connectors.logs.kafka import KafkaLog  # noqa: PLC0415  # Only where it is installed.

    return KafkaLog.open(settings)
