"""A process killed at a named instruction, with a log on disk: the next one ends where it would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.logs.sqlite import SqliteLog
from tests.streams.faulty import outcome
from tests.streams.worlds import CAMPAIGN, NOW, append, disorder, learn, log_of, world

ROOT = Path(__file__).resolve().parents[2]
EVENTS = disorder(8, world(11, sessions=2, calls=9), most=2)

PROGRAM = """
import sys
from pathlib import Path
from connectors.logs.sqlite import SqliteLog
from streams.federator import Federator
from streams.learner import Learner
from tests.streams.worlds import RULES, contributor, NOW
with SqliteLog.open(Path(sys.argv[1]), clock=lambda: NOW) as log:
    learner = Learner(log, contributor("here", 0), RULES, label="here")
    federator = Federator(log, 0)
    while learner.step(6) + federator.step():
        pass
"""

PLACES = [
    "learner.before_commit",
    "log.append.before_commit",
    "log.append.after_commit",
    "learner.after_commit",
    "federator.before_position",
    "federator.after_commit",
]


def killed(folder: Path, place: str) -> None:
    """Run the program until it kills itself at the place."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, "MOTIF_FAILPOINT": place, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("passed", range(1, 6) if CAMPAIGN else [2])
@pytest.mark.parametrize("place", PLACES)
def test_a_process_that_was_killed_is_continued(place: str, passed: int, tmp_path: Path) -> None:
    clean = log_of(1)
    append(clean, EVENTS)
    learn(clean)
    with SqliteLog.create(tmp_path / "log", partitions=1, clock=lambda: NOW) as log:
        append(log, EVENTS)
    killed(tmp_path / "log", f"{place}:{passed}")
    killed(tmp_path / "log", place)
    with SqliteLog.open(tmp_path / "log", clock=lambda: NOW) as log:
        learn(log)
        assert outcome(log) == outcome(clean)
