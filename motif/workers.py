"""What a worker is told: by its environment, as Faust starts it without options of ours."""

import os
import sys
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from connectors.logs.kafka_settings import KafkaSettings
from motif.settings import from_environment
from motif.where import where
from schemas.errors import WrongUse

LEARNERS: Final = 1
"""Learner processes of a worker, unless more are asked for."""


class WorkerSettings(NamedTuple):
    """How to reach the cluster, the workers' folder, the web endpoint's port, how many learners."""

    kafka: KafkaSettings
    folder: Path
    port: int | None
    learners: int


def worker_settings() -> WorkerSettings:
    """What the environment says.

    Raises:
        WrongUse: a setting holds what it may not, or none names a cluster.
    """
    stated = from_environment()
    meant = where(None, None, stated)
    if meant.kafka is None:
        raise WrongUse("a worker is for a log on Kafka: name one by --kafka, or in MOTIF_KAFKA")
    folder = stated.worker_folder or meant.folder
    return WorkerSettings(meant.kafka, folder, stated.worker_port, stated.learners or LEARNERS)


def become_worker(kafka: KafkaSettings, data: Path | None) -> NoReturn:
    """Go on as a Faust worker, which reads what it is told from the environment."""
    environment = os.environ | {"MOTIF_KAFKA": kafka.bootstrap}
    if data is not None:
        environment["MOTIF_WORKER_FOLDER"] = str(data)
    faust = ["-P", "-m", "faust", "--app", "streams.app", "worker", "--loglevel", "warn"]
    os.execve(sys.executable, [sys.executable, *faust], environment)  # noqa: S606  # ourselves
