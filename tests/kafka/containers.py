"""The shared broker in a container, where a Docker engine answers.

testcontainers has a class for the images of one vendor only, with scripts of its own inside. The
image of Apache Kafka itself takes every setting as a variable `KAFKA_...` and says when it has
started; what keeps to that will do (`tests/kafka/image/` makes such a one without a registry).
"""

import gc
import os
import warnings
from functools import cache
from typing import Any

from tests.kafka.configuration import STARTED, free_ports, settings

IMAGE_VARIABLE = "MOTIF_TEST_KAFKA_IMAGE"
OFFICIAL = "apache/kafka:4.1.1"
PORT = 9092
LIMIT_S = 120


class NoContainerError(Exception):
    """No container with a broker could be run; says why."""


@cache
def engine_answers() -> bool:
    """Whether a Docker engine is there."""
    import docker  # here, because most runs of pytest need none of it

    with warnings.catch_warnings():
        # Its client forgets the socket on which nobody answered, and whichever test runs when that
        # is found out would fail.
        warnings.simplefilter("ignore", ResourceWarning)
        answers = True
        try:
            docker.from_env(timeout=5).close()  # asks the engine for its version
        except docker.errors.DockerException:
            answers = False
        gc.collect()
    return answers


class ContainedBroker:
    """One broker in a container, its port mapped to this machine; removed when it is killed."""

    def __init__(self) -> None:
        self.image = os.environ.get(IMAGE_VARIABLE, OFFICIAL)
        self.bootstrap = ""
        self._container: Any = None

    @property
    def name(self) -> str:
        """What Docker calls the container."""
        return str(self._container.get_wrapped_container().name)

    def start(self) -> None:
        """Begin, and wait until it says that it has started.

        Raises:
            NoContainerError: the image cannot be had, or the broker did not begin; with its log.
        """
        import docker

        try:
            self._describe()
            self._container.start()
        except (docker.errors.DockerException, RuntimeError, TimeoutError) as error:
            log = self.log_text()
            self.kill()
            raise NoContainerError(f"no container of {self.image}: {error}\n{log}") from error

    def kill(self) -> None:
        """End and remove it with all it holds."""
        if self._container is not None:
            self._container.stop()

    def log_text(self) -> str:
        """What it logged so far."""
        made = self._container is not None and self._container._container
        return made.logs().decode(errors="replace") if made else ""

    def _describe(self) -> None:
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        # Its reaper is one more image to pull. The process that runs this ends with the last test
        # process, however that ended, and removes the container itself.
        testcontainers_config.ryuk_disabled = True
        container = DockerContainer(self.image)
        self._container = container
        host = container.get_docker_client().host()
        (port,) = free_ports(1)
        local = host in {"localhost", "127.0.0.1"}
        self.bootstrap = f"{'127.0.0.1' if local else host}:{port}"
        # Docker takes a pair too, and without it the port would be open to the whole network.
        ports: dict[str, Any] = container.ports
        ports[f"{PORT}/tcp"] = ("127.0.0.1", port) if local else port
        inside = {"CLIENTS": f":{PORT}", "ITSELF": ":9094", "CONTROLLER": ":9093"}
        told = settings(inside, {"CLIENTS": self.bootstrap, "ITSELF": "localhost:9094"})
        told["controller.quorum.voters"] = "1@localhost:9093"
        for setting, value in told.items():
            container.with_env("KAFKA_" + setting.replace(".", "_").upper(), value)
        container.with_env("KAFKA_HEAP_OPTS", "-Xmx768m")
        container.waiting_for(LogMessageWaitStrategy(STARTED).with_startup_timeout(LIMIT_S))
