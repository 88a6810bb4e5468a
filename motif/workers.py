"""What a worker is told by its environment."""

import os
from pathlib import Path

from connectors.logs.kafka_settings import KafkaSettings
from motif.opening import default_folder


def worker_settings() -> tuple[KafkaSettings, Path, int | None]:
    """How to reach the cluster, the folder of workers, and the port of the web endpoint."""
    kafka = KafkaSettings(os.environ["MOTIF_KAFKA"], prefix=os.environ.get("MOTIF_KAFKA_PREFIX", ""))
    return kafka, default_folder(), None
