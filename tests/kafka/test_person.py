"""The broker for a person: it runs on, is found again, and is never left where nobody knows it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event as Signal
from typing import Any, Final

import pytest

from schemas.clock import monotonic_s
from tests.kafka.person import running, start
from tests.kafka.workers import ROOT

pytestmark = pytest.mark.needs_own_kafka

MAKE: Final = (
    "import sys; from pathlib import Path; from tests.kafka.person import main; "
    "sys.exit(main(sys.argv[1:2], Path(sys.argv[2])))"
)
"""What `make kafka` runs, with a place of the test's own."""

LIMIT_S: Final = 90.0


def begun(word: str, place: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", MAKE, word, str(place)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def said(word: str, place: Path) -> str:
    with begun(word, place) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    return out


def processes_of(place: Path) -> list[str]:
    """The command lines of brokers that live there."""
    asked = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in asked.stdout.splitlines() if f"motif.log={place}" in line]


def test_a_broker_is_found_again_until_it_is_stopped(tmp_path: Path) -> None:
    place = tmp_path / "kafka"
    try:
        first = said("start", place)
        (address,) = re.findall(r"Kafka runs at (\S+:\d+),", first)
        assert f"export MOTIF_KAFKA={address}, then" in first
        assert said("start", place).startswith(f"Kafka runs already at {address}.\n")

        known = running(place)
        assert known is not None
        os.kill(int(known["pid"]), signal.SIGKILL)
        assert f"Kafka runs at {address}," in said("start", place)
        assert len(processes_of(place)) == 1
    finally:
        ended = said("stop", place)
    assert ended.startswith(f"Kafka at {address} has ended;")
    assert processes_of(place) == []
    assert said("stop", place) == "No broker of this checkout runs.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_no_broker(
    tmp_path: Path, number: signal.Signals
) -> None:
    place = tmp_path / "kafka"
    with begun("start", place) as starting:
        until = monotonic_s() + LIMIT_S
        while not (place / "console.txt").exists():
            assert monotonic_s() < until
            Signal().wait(0.05)
        starting.send_signal(number)
        _, err = starting.communicate(timeout=LIMIT_S)

    assert (starting.returncode, err) == (130, "Interrupted.\n")
    assert processes_of(place) == []


def test_an_interruption_while_the_process_is_made_leaves_no_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = subprocess.Popen

    def interrupted(command: list[str], **told: Any) -> "subprocess.Popen[bytes]":
        made = make(command, **told)
        if "kafka.Kafka" in command:
            signal.raise_signal(signal.SIGINT)
        return made

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    place = tmp_path / "kafka"

    with pytest.raises(KeyboardInterrupt):
        start(place, port=0)

    monkeypatch.undo()
    assert processes_of(place) == []
