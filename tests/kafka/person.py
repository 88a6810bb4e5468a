"""The same broker for a person to play with: `make kafka`, `make kafka-stop`.

python -m tests.kafka.person start|stop|run
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

from tests.kafka.broker import START_S, Broker
from tests.kafka.jars import can_be_had

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".kafka"
PID, READY = PLACE / "pid", PLACE / "bootstrap"


def running() -> int | None:
    """The process that runs the broker, if it is ours and alive."""
    try:
        pid = int(PID.read_text("ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"tests.kafka.person" in command else None


def start() -> str:
    """Start it in the background; a sentence that says how to reach it."""
    if running():
        return f"It runs already at {READY.read_text('ascii')}; {_how()}"
    if not can_be_had():
        return "Java and Maven are needed (Debian: apt-get install default-jre-headless maven)."
    PLACE.mkdir(exist_ok=True)
    READY.unlink(missing_ok=True)
    with (PLACE / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.kafka.person", "run"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    PID.write_text(str(keeper.pid), "ascii")
    for _ in range(int(2 * START_S / 0.1)):
        if READY.exists():
            keeper.returncode = 0  # It outlives this process on purpose; nobody waits for it.
            return f"Kafka runs at {READY.read_text('ascii')}; {_how()}"
        if keeper.poll() is not None:
            break
        Event().wait(0.1)
    return f"Kafka did not start; see {PLACE / 'keeper.log'}."


def stop() -> str:
    """End it; a sentence that says so."""
    pid = running()
    if pid is None:
        return "No broker of this checkout is running."
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}").exists():
        Event().wait(0.1)
    PID.unlink(missing_ok=True)
    return f"Kafka was stopped; its data are kept in {PLACE}."


def run() -> None:
    """Run it until this process is told to end."""
    ended = Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    port = int(READY.with_name("port").read_text("ascii")) if (PLACE / "port").exists() else None
    broker = Broker(PLACE / "broker", port=port).start()
    (PLACE / "port").write_text(str(broker.port), "ascii")
    READY.write_text(broker.bootstrap, "ascii")
    ended.wait()
    broker.stop()
    READY.unlink()


def _how() -> str:
    where = READY.read_text("ascii")
    return f"export MOTIF_KAFKA={where}, then 'motif topics create'. 'make kafka-stop' ends it."


if __name__ == "__main__":
    if sys.argv[1:] == ["run"]:
        run()
    else:
        sys.stdout.write({"start": start, "stop": stop}[sys.argv[1]]() + "\n")
