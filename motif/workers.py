"""What a worker is told by its environment."""

import os
from pathlib import Path
from typing import NamedTuple

import platformdirs

from connectors.logs.kafka_settings import KafkaSettings
from motif.settings import from_environment


class WorkerSettings(NamedTuple):
    """How to reach the cluster, the workers' folder, the web endpoint's port, how many learners."""

    kafka: KafkaSettings
    folder: Path
    port: int | None
    learners: int


def worker_settings() -> WorkerSettings:
    """What the environment says.

    Raises:
        WrongUse: a setting holds what it may not.
    """
    stated = from_environment()
    folder = stated.data or Path(platformdirs.user_data_dir("motif")) / "kafka"
    kafka = KafkaSettings(
        os.environ["MOTIF_KAFKA"], prefix=os.environ.get("MOTIF_KAFKA_PREFIX", "")
    )
    return WorkerSettings(kafka, folder, None, int(os.environ.get("MOTIF_LEARNERS", "1")))
