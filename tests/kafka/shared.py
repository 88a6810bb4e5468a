"""One broker for all processes of a test run, gone when the last of them is.

Each process that uses it holds a shared lock on a file. The keeper, a process of its own, runs the
broker and tries to get that lock for itself: when it does, nobody uses the broker any more. The
system drops locks with processes, so a run that is killed leaves nothing behind either.

    python -m tests.kafka.shared FOLDER
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import IO

from tests.kafka import containers
from tests.kafka.broker import START_S, Broker

READY, USERS, STARTING = "bootstrap", "users.lock", "starting.lock"
ROOT = Path(__file__).resolve().parents[2]


def use(folder: Path) -> tuple[str, IO[str]]:
    """Bootstrap servers of the run's broker, and a file to keep open while it is used."""
    folder.mkdir(parents=True, exist_ok=True)
    users = (folder / USERS).open("w")
    with (folder / STARTING).open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        ready = folder / READY
        if not ready.exists():
            _start(folder)
        return ready.read_text("ascii"), users


def _start(folder: Path) -> None:
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.kafka.shared", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    for _ in range(int(2 * START_S / 0.1)):
        if (folder / READY).exists():
            keeper.returncode = 0  # It outlives this process on purpose; nobody waits for it.
            return
        if keeper.poll() is not None:
            break
        Event().wait(0.1)
    said = (folder / "keeper.log").read_text("utf-8", "replace")
    raise RuntimeError(f"the broker of this run did not start:\n{said[-4_000:]}")


def keep(folder: Path) -> None:
    """Run the broker until nobody uses it: in a container where there is an engine for it."""
    broker = containers.Contained() if containers.can_be_had() else Broker(folder / "kafka")
    broker.start()
    try:
        whole = folder / f"{READY}.part"
        whole.write_text(broker.bootstrap, "ascii")
        whole.rename(folder / READY)
        with (folder / USERS).open("w") as users:
            while True:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    Event().wait(0.5)
                    continue
                return
    finally:
        broker.kill()


if __name__ == "__main__":
    os.chdir(ROOT)
    keep(Path(sys.argv[1]))
