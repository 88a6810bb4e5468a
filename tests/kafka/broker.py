"""A real Apache Kafka broker in a process of its own, for whoever makes it: begun, killed, ended.

It needs Java and Maven. It never outlives its owner, however the owner ends (`keeper.py`), unless
it is made to.
"""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.clock import monotonic_s, new_id
from tests.kafka.configuration import STARTED, free_ports, is_free, log4j_properties, settings
from tests.kafka.jars import kafka_jars

KEEPER = Path(__file__).with_name("keeper.py")
LIMIT_S = 90.0
"""How long a broker may take to begin or to end: three seconds where nothing else runs."""

POLL_S = 0.05
SERVING = ("-Xmx768m",)
QUICK = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""What lets Java begin sooner and run slower: right for a second of work."""

LINES = 40
"""Lines of the log of a broker that did not begin: enough for its first error and its cause."""

ERROR = re.compile(r" (ERROR|FATAL) |^\S*(Exception|Error)\b")


class BrokerFailedError(Exception):
    """A broker did not begin; says with which log."""


class Broker:
    """One broker with a port and a data folder that stay the same over every restart.

    `folder` holds its configuration and its log, and its data unless `data` names another place.
    A folder that was used before is used again with what it holds, and with its ports but for
    those that somebody else has taken; `port` is the one for clients, wherever it is free.
    `properties` go before ours. `protocol` is what clients speak, `scram` names users with their
    passwords. With `outlives=True` it runs on when its owner ends.
    """

    def __init__(
        self,
        folder: Path,
        *,
        data: Path | None = None,
        properties: Mapping[str, str] | None = None,
        protocol: str = "PLAINTEXT",
        scram: Mapping[str, str] | None = None,
        port: int | None = None,
        outlives: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = data or folder / "data"
        self.log = folder / "server.log"
        self.pid: int | None = None
        self._console = folder / "console.txt"
        self._configuration = folder / "server.properties"
        self._properties = dict(properties or {})
        self._protocol = protocol
        self._scram = dict(scram or {})
        self._outlives = outlives
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = _ports(folder / "ports.json", port)

    @property
    def bootstrap(self) -> str:
        """The address for clients, the same before, during and after every restart."""
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def running(self) -> bool:
        """Whether the broker's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, limit_s: float = LIMIT_S) -> Self:
        """Begin, and wait until clients are served.

        Raises:
            BrokerFailedError: it ended, or was not there in time; with its log.
        """
        if self.running:
            return self
        self._release()
        self._configure()
        if not (self.data / "meta.properties").exists():
            self._format()
        files = (self._console, self.log)
        before = {one: one.stat().st_size if one.exists() else 0 for one in files}
        self._launch()
        if not self._wait(lambda: STARTED in _text(self.log, before[self.log]), limit_s):
            ended = not self.running
            self.kill()
            what = "ended" if ended else f"was not there within {limit_s:.0f} s"
            said = _telling("".join(_text(one, size) for one, size in before.items()))
            raise BrokerFailedError(f"the broker in {self.folder} {what}; {self.log}:\n{said}")
        return self

    def kill(self) -> None:
        """Kill it at once, as a power cut would; what it holds stays as it is."""
        self.signal(signal.SIGKILL)
        self._ends(LIMIT_S)

    def stop(self, *, limit_s: float = LIMIT_S) -> None:
        """Let it end in order; what has not ended in time is killed."""
        self.signal(signal.SIGTERM)
        self.resume()  # else what hangs would not hear of it
        if not self._ends(limit_s):
            self.kill()

    def restart(self) -> None:
        """Begin again on the same port and data, after ending in order if it still ran."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let it hang where it is: its connections stay open, and nobody answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the broker itself."""
        if self.running and self.pid is not None:
            os.kill(self.pid, number)

    def log_text(self) -> str:
        """What the broker logged, and what Java said itself."""
        return _text(self._console) + _text(self.log)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def _configure(self) -> None:
        clients, itself, controller = (f"127.0.0.1:{port}" for port in self._ports)
        advertised = {"CLIENTS": clients, "ITSELF": itself}
        told = {
            **settings(
                {**advertised, "CONTROLLER": controller}, advertised, protocol=self._protocol
            ),
            "log.dirs": str(self.data),
            **self._properties,
        }
        text = "".join(f"{name}={value}\n" for name, value in told.items())
        self._configuration.write_text(text, "utf-8")
        (self.folder / "log4j2.properties").write_text(log4j_properties(), "utf-8")

    def _format(self) -> None:
        """Make the data folder, with the users that only exist if they are there from the start."""
        cluster = base64.urlsafe_b64encode(bytes.fromhex(new_id())).decode().rstrip("=")
        # A leading '-' would be read as an option.
        words = ["format", "-t", cluster.replace("-", "_"), "-c", str(self._configuration)]
        for user, password in self._scram.items():
            words += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", words, log="format.log", options=QUICK),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise BrokerFailedError(
                f"no data folder was made at {self.data}: {done.stdout}{done.stderr}"
            )

    def _java(
        self, program: str, words: list[str], *, log: str, options: tuple[str, ...]
    ) -> list[str]:
        return [
            "java",
            *options,
            f"-Dmotif.log={self.folder / log}",
            f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
            "-cp",
            f"{kafka_jars()}/*",
            program,
            *words,
        ]

    def _launch(self) -> None:
        command = self._java(
            "kafka.Kafka", [str(self._configuration)], log=self.log.name, options=SERVING
        )
        keeper = [] if self._outlives else [sys.executable, "-I", str(KEEPER)]
        with self._console.open("ab") as console, _held_back(self._outlives):
            self._process = subprocess.Popen(
                [*keeper, *command],
                stdin=subprocess.DEVNULL if self._outlives else subprocess.PIPE,
                stdout=console if self._outlives else subprocess.PIPE,
                stderr=console,
                start_new_session=True,  # Ctrl-C is for the tests; they end their broker themselves
            )
            said = self._process.stdout.readline() if self._process.stdout else b""
            self.pid = int(said or self._process.pid)

    def _wait(self, happened: Callable[[], bool], limit_s: float) -> bool:
        """Wait until it happened; False when the process ended or the time is up before."""
        until = monotonic_s() + limit_s
        while not happened():
            if monotonic_s() > until or self._ends(POLL_S):
                return happened()
        return True

    def _ends(self, limit_s: float) -> bool:
        """Wait for the process to end; whether it has, or never was."""
        if self._process is None:
            return True
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        self._release()
        return True

    def _release(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout) if self._process else ():
            if pipe:
                pipe.close()
        self._process = self.pid = None


@contextmanager
def _held_back(needed: bool) -> Iterator[None]:
    """Let an interruption wait until what was begun is known: nobody else would end it."""
    if not needed:
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda one, _: came.append(one)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    for one in came:
        signal.raise_signal(one)


def _ports(remembered: Path, wished: int | None) -> tuple[int, int, int]:
    """The ports for clients, for the broker itself, and for the controller."""
    kept: list[int] = json.loads(remembered.read_text("utf-8")) if remembered.exists() else []
    ports: list[int] = []
    for place in range(3):
        wishes = [wished] if wished and not place else []
        candidates = [*wishes, *kept[place : place + 1], *free_ports(3)]
        ports.append(next(one for one in candidates if one not in ports and is_free(one)))
    remembered.write_text(json.dumps(ports), "utf-8")
    clients, itself, controller = ports
    return clients, itself, controller


def _telling(log: str) -> str:
    """The lines of a log that say what went wrong: from the first error on, else the last."""
    lines = log.splitlines()
    first = next((at for at, line in enumerate(lines) if ERROR.search(line)), len(lines) - LINES)
    return "\n".join(lines[max(first, 0) :][:LINES])


def _text(path: Path, start: int = 0) -> str:
    """What a file holds from a place on; nothing where it is missing."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")
