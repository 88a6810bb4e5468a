"""The one broker that all tests of a run share, whatever the number of processes they run in.

Whoever needs the broker first starts a *holder* in a process of its own, and everybody who needs it
keeps the writing end of one named pipe open. The holder reads: the pipe ends when the last of them
has let go or was killed, and then the broker ends too. Nobody has to count, and nothing is left.

`python -m tests.kafka.shared FOLDER` is the holder; it reads the pipe as its standard input.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.clock import monotonic_s
from tests.kafka.broker import POLL_S, Broker, BrokerFailedError
from tests.kafka.containers import ContainedBroker, NoContainerError, engine_answers
from tests.kafka.jars import NoJarsError, java_is_here, locked

ROOT = Path(__file__).resolve().parents[2]
GIVEN = "MOTIF_TEST_KAFKA"
REMEDY = (
    "install Java and Maven (Debian: apt-get install default-jre-headless maven) "
    f"or start a Docker engine, or set {GIVEN} to the address of a broker"
)
LIMIT_S = 900.0
"""How long the first start may take, fetching included."""

# The holder is let go, not waited for: others may still need it. Kept here so that Python does not
# complain about a process that nobody has waited for.
_holders: list["subprocess.Popen[bytes]"] = []


@dataclass(frozen=True)
class SharedBroker:
    """A broker that belongs to all tests of a run: none of them may stop it."""

    bootstrap: str
    origin: str
    """What it was made from: the environment's word, an image, or jars."""


def some_broker_is_here() -> bool:
    """Whether this machine has something a broker can come from."""
    return bool(os.environ.get(GIVEN)) or java_is_here() or engine_answers()


@contextmanager
def shared_broker(folder: Path) -> Iterator[SharedBroker]:
    """The broker of the run whose shared folder this is.

    Raises:
        BrokerFailedError: there is nothing to make one from, or it did not begin.
    """
    if given := os.environ.get(GIVEN):
        yield SharedBroker(given, GIVEN)
        return
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        lifeline = _taken(folder / "lifeline")
        if lifeline is None:
            lifeline = _begun(folder)
    try:
        told = json.loads((folder / "broker.json").read_text("utf-8"))
        if "failed" in told:
            raise BrokerFailedError(told["failed"])
        yield SharedBroker(told["bootstrap"], told["origin"])
    finally:
        os.close(lifeline)


def _taken(lifeline: Path) -> int | None:
    """Take hold of the broker that runs; None where none does."""
    try:
        return os.open(lifeline, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # there is no pipe, or nobody reads it
        return None


def _begun(folder: Path) -> int:
    """Start a holder and wait until it has told how it went; the end of the pipe that is held."""
    told = folder / "broker.json"
    told.unlink(missing_ok=True)
    lifeline = folder / "lifeline"
    lifeline.unlink(missing_ok=True)
    os.mkfifo(lifeline)
    reading = os.open(lifeline, os.O_RDONLY | os.O_NONBLOCK)
    held = os.open(lifeline, os.O_WRONLY)
    fcntl.fcntl(reading, fcntl.F_SETFL, 0)  # it was opened so only because nobody wrote yet
    with (folder / "holder.txt").open("ab") as console:
        holder = subprocess.Popen(
            [sys.executable, "-m", "tests.kafka.shared", str(folder)],
            cwd=ROOT,
            stdin=reading,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
    os.close(reading)
    _holders.append(holder)
    until = monotonic_s() + LIMIT_S
    while not told.exists():
        try:
            holder.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if monotonic_s() < until:
                continue
        if not told.exists():
            os.close(held)
            said = (folder / "holder.txt").read_text("utf-8", "replace")
            raise BrokerFailedError(f"the process that holds the broker failed: {said}")
    return held


def hold(folder: Path) -> None:
    """Run a broker until nobody holds the pipe any more."""
    broker, told = _any_broker(folder)
    try:
        _tell(folder, told)
        while not _abandoned(folder):
            pass
    finally:
        if broker:
            broker.kill()
        shutil.rmtree(folder / "kafka" / "data", ignore_errors=True)  # gigabytes, in the end


def _any_broker(folder: Path) -> tuple[Broker | ContainedBroker | None, dict[str, str]]:
    """A broker from the first thing that gives one, and what to tell of it."""
    reasons = []
    if engine_answers():
        contained = ContainedBroker()
        try:
            contained.start()
            return contained, {"bootstrap": contained.bootstrap, "origin": contained.image}
        except NoContainerError as error:  # an engine that can reach no registry, most often
            reasons.append(str(error))
    if java_is_here():
        broker = Broker(folder / "kafka")
        try:
            broker.start()
            return broker, {"bootstrap": broker.bootstrap, "origin": "jars"}
        except (BrokerFailedError, NoJarsError) as error:
            reasons.append(str(error))
    return None, {"failed": "\n".join(reasons) or f"there is no Kafka broker: {REMEDY}"}


def _tell(folder: Path, told: dict[str, str]) -> None:
    """Write it beside and rename it: who waits for the file finds all of it."""
    beside = folder / "broker.json.new"
    beside.write_text(json.dumps(told), "utf-8")
    beside.rename(folder / "broker.json")


def _abandoned(folder: Path) -> bool:
    """Wait for the pipe to end, and then whether really nobody holds it.

    Between its end and our ending somebody may have taken hold again; under the lock nobody can.
    """
    while os.read(0, 1):
        pass
    with locked(folder / "lock"):
        pipe = select.poll()
        pipe.register(0, select.POLLIN)
        abandoned = any(event & select.POLLHUP for _, event in pipe.poll(0))
        if abandoned:
            (folder / "lifeline").unlink(missing_ok=True)
        return abandoned


if __name__ == "__main__":
    hold(Path(sys.argv[1]))
