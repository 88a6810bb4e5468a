"""The same broker for a person to play with: `make kafka` and `make kafka-stop`.

It runs on in the background. The folder `.kafka/` of the checkout remembers which process it is,
and keeps its data until somebody deletes the folder.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

from schemas.clock import monotonic_s
from tests.kafka.broker import LIMIT_S, POLL_S, Broker, BrokerFailedError
from tests.kafka.configuration import is_free
from tests.kafka.jars import NoJarsError, java_is_here, locked

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".kafka"
USUAL_PORT = 9092
LET_GO_S = 5.0
USAGE = "python -m tests.kafka.person start|stop"
JAVA = "a broker needs Java and Maven (Debian: apt-get install default-jre-headless maven)."


def start(place: Path, port: int = USUAL_PORT) -> str:
    """Start it unless it runs; a sentence that says where it is and what to do with it.

    Raises:
        BrokerFailedError: it did not begin; with its log.
        NoJarsError: Kafka could not be fetched.
    """
    if remembered := running(place):
        return f"Kafka runs already at {remembered['bootstrap']}.\n{_use(remembered['bootstrap'])}"
    if not java_is_here():
        raise NoJarsError(JAVA)
    if (place / "running.json").exists():
        _let_go(port)
    taken = "" if is_free(port) else f"Port {port} is taken by somebody else.\n"
    broker = Broker(place, outlives=True, port=port)
    try:
        broker.start()
    except BaseException:  # Ctrl-C too: nobody would remember what runs on
        broker.kill()
        raise
    assert broker.pid is not None, "it was just started"
    told = {"pid": broker.pid, "is": identity(broker.pid), "bootstrap": broker.bootstrap}
    (place / "running.json").write_text(json.dumps(told), "utf-8")
    return (
        f"{taken}Kafka runs at {broker.bootstrap}, its data and log are in {place}.\n"
        f"{_use(broker.bootstrap)}"
    )


def stop(place: Path) -> str:
    """End exactly the process that `start` began; a sentence that says so."""
    remembered = running(place)
    if remembered is None:
        return "No broker of this checkout runs."
    pid = int(remembered["pid"])
    for number in (signal.SIGTERM, signal.SIGKILL):
        if identity(pid) == remembered["is"]:
            os.kill(pid, number)
        until = monotonic_s() + LIMIT_S
        while identity(pid) == remembered["is"] and monotonic_s() < until:
            Event().wait(POLL_S)
    (place / "running.json").unlink()
    return f"Kafka at {remembered['bootstrap']} has ended; its data stay in {place}."


def running(place: Path) -> dict[str, str] | None:
    """What is remembered of the broker, if it is that process that lives."""
    try:
        remembered: dict[str, str] = json.loads((place / "running.json").read_text("utf-8"))
    except (OSError, ValueError):  # there is none, or it was being written when all ended
        return None
    return remembered if identity(int(remembered["pid"])) == remembered["is"] else None


def identity(pid: int) -> str | None:
    """When a process began and what it runs, which no later process with its number shares."""
    proc = Path(f"/proc/{pid}")
    if not Path("/proc/self").exists():  # macOS has none
        asked = ["ps", "-o", "lstart=,command=", "-p", str(pid)]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        return said.strip() or None
    try:
        status = (proc / "stat").read_text("utf-8").rpartition(")")[2].split()
        command = (proc / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    # What has ended and was not yet waited for has no command any more.
    return f"{status[19]} {command}" if command else None


def _let_go(port: int) -> None:
    """Wait a moment for a port: a process that was killed has no name before it has no sockets."""
    until = monotonic_s() + LET_GO_S
    while not is_free(port) and monotonic_s() < until:
        Event().wait(POLL_S)


def _use(bootstrap: str) -> str:
    return (
        f"To use it: export MOTIF_KAFKA={bootstrap}, then .venv/bin/motif topics create.\n"
        "To end it: make kafka-stop."
    )


def main(words: list[str], place: Path = PLACE) -> int:
    """Do what was asked; 0 when it was done, 1 when it failed, 2 for what is not known."""
    acts = {"start": start, "stop": stop}
    if len(words) != 1 or words[0] not in acts:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place.mkdir(exist_ok=True)
    try:
        with locked(place / "lock"):  # else two could start at once, and one would be forgotten
            said = acts[words[0]](place)
    except (BrokerFailedError, NoJarsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
