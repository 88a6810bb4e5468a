"""A real Kafka broker of one node, from Apache's jars: started, killed, started again.

Its process dies with the one that started it. Whatever it has to say goes into a file beside its
data, which is shown when it does not start.
"""

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from schemas.clock import monotonic_s
from tests.kafka.jars import HERE, jars

START_S = 60.0
_CLUSTER = "bW90aWYtdGVzdHMtMDAwMQ"
_DEATH_SIGNAL = 1

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(20 << 20),
    "replica.fetch.max.bytes": str(20 << 20),
    "log.cleaner.backoff.ms": "1000",
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
}


class Broker:
    """A broker of its own in a folder; `start` it, and `stop` it in the end."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        format_options: tuple[str, ...] = (),
    ) -> None:
        """Choose ports and write its settings; nothing runs yet."""
        self.folder = folder
        self.port = port or free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._format_options = format_options
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        controller = free_port()
        here = {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(folder / "data"),
        }
        whole = SETTINGS | here | self._filled(settings or {})
        lines = [f"{name}={value}" for name, value in whole.items()]
        self._config.write_text("\n".join(lines) + "\n", "utf-8")

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> "Broker":
        """Start it, on the data it has if it ran before; returns when it answers."""
        if not (self.folder / "data").exists():
            self._java(
                "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", *self._formatted()
            )
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command("kafka.Kafka", heap="768m"), str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # one call that takes no lock
            )
        began_s = monotonic_s()
        while not self._answers():
            if self._process.poll() is not None or monotonic_s() - began_s > START_S:
                self.kill()
                raise RuntimeError(f"the broker did not start:\n{self.log_text()[-4_000:]}")
            Event().wait(0.1)
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start it again on the same port and data."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop its process where it is."""
        assert self._process is not None, "it runs"
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let its process go on."""
        assert self._process is not None, "it runs"
        self._process.send_signal(signal.SIGCONT)

    def log_text(self) -> str:
        """What it had to say so far."""
        path = self.folder / "broker.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def _filled(self, settings: Mapping[str, str]) -> dict[str, str]:
        return {name: value.replace("{port}", str(self.port)) for name, value in settings.items()}

    def _formatted(self) -> tuple[str, ...]:
        return (str(self._config), *self._format_options)

    def _java(self, main: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._command(main, heap="256m"), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{main} failed: {done.stdout[-2_000:]}{done.stderr[-2_000:]}")

    @staticmethod
    def _command(main: str, *, heap: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.yaml'}"
        return ["java", f"-Xmx{heap}", logging, "-cp", f"{jars()}/*", main]


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    os.setsid()
