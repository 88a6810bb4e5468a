"""A broker in a container, where a Docker engine answers and has, or can get, an image of Kafka."""

import os
import socket
from functools import cache
from pathlib import Path
from typing import Any

import docker
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from tests.kafka.broker import SETTINGS, free_port

IMAGE = os.environ.get("MOTIF_TEST_KAFKA_IMAGE", "apache/kafka:4.1.1")


@cache
def can_be_had() -> bool:
    """Whether an engine answers and has the image, or was told which one to get."""
    if not os.environ.get("DOCKER_HOST") and not _listens(Path("/var/run/docker.sock")):
        return False

    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    try:
        client.images.get(IMAGE)
        return True
    except docker.errors.DockerException:
        return bool(os.environ.get("MOTIF_TEST_KAFKA_IMAGE"))
    finally:
        client.close()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class Contained:
    """One broker in a container, its port mapped to loopback; settings come as environment."""

    def __init__(self) -> None:
        """Describe the container; nothing runs yet."""
        port = free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        stated = SETTINGS | {
            "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "controller.quorum.voters": "1@localhost:9093",
        }
        self._container: Any = DockerContainer(IMAGE).with_bind_ports(9092, port)
        for name, value in stated.items():
            self._container.with_env("KAFKA_" + name.replace(".", "_").upper(), value)

    def start(self) -> "Contained":
        """Start it; returns when it says that it has started."""
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        self._container.start()
        wait_for_logs(self._container, "Kafka Server started", timeout=60)
        return self

    def kill(self) -> None:
        """End and remove it."""
        self._container.stop()
