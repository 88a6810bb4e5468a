"""Rows about workers that die: killed at any moment, at a failpoint, or asked to end."""

import os
import signal
import subprocess
from contextlib import suppress
from threading import Event as Signal

from schemas.clock import monotonic_s
from tests.campaign.site import Site, site
from tests.campaign.stage import Stage

BEGINNING_S = 8.0
"""Within this time of its start a worker may be killed, whatever it does."""

WORKING_S = 1.5
"""Within this time of a commit it may be."""

END_S = 5.0
"""How long a worker may take to end when it is asked to."""

DIED = "learner process 0 died"


def worker_kill(stage: Stage, faults: int) -> None:
    """Workers are killed while they begin, learn and take over; one or two run at a time."""
    rng = stage.chance()
    with site(stage, stage.brokers.shared()) as here:
        running: list[subprocess.Popen[bytes]] = []
        for _ in range(faults):
            while len(running) < rng.choice((1, 1, 2)):
                running.append(here.made.start_worker())
            if rng.random() < 0.3:
                Signal().wait(rng.uniform(0, BEGINNING_S))
            else:
                here.wait_progress()
                Signal().wait(rng.uniform(0, WORKING_S))
            here.made.kill(running.pop(rng.randrange(len(running))))
        here.made.start_worker()
        stage.notes.append(f"learned on within {here.wait_progress():.0f} s of the last kill")
        here.check()


def sigterm(stage: Stage, faults: int) -> None:
    """A worker under load ends within five seconds, and its learners with it."""
    rng = stage.chance()
    longest_s = 0.0
    with site(stage, stage.brokers.shared()) as here:
        for _ in range(faults):
            worker = here.made.start_worker()
            here.wait_progress()
            Signal().wait(rng.uniform(0, WORKING_S))
            began_s = monotonic_s()
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
            took_s = monotonic_s() - began_s
            longest_s = max(longest_s, took_s)
            assert took_s < END_S, f"it took {took_s:.1f} s to end:\n{here.made.said()}"
            assert worker.returncode == 0, here.made.said()
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, 0)
                raise AssertionError("a learner outlived its worker")
        stage.notes.append(f"the longest took {longest_s:.1f} s")
        here.made.start_worker()
        here.check()


def worker_failpoint(stage: Stage, faults: int) -> None:
    """The worker or its learner dies at one step, again and again, then all goes on without."""
    name = stage.row.partition("/")[2]
    rng = stage.chance()
    deaths = 0
    with site(stage, stage.brokers.shared()) as here:
        while deaths < faults:
            here.made.start_worker(MOTIF_FAILPOINT=f"{name}:{rng.randint(1, 3)}")
            deaths += _deaths_of(here, faults - deaths)
        here.made.start_worker()
        here.wait_progress()
        here.check()


def _deaths_of(here: Site, most: int) -> int:
    """How often the last worker or its learner died: until it is dead itself, or often enough."""
    worker = here.made.workers[-1]
    log = here.made.folder / f"worker-{len(here.made.workers) - 1}.log"

    def deaths() -> int:
        gone = worker.poll() is not None
        return gone + log.read_text("utf-8", "replace").count(DIED)

    here.wait_for(
        lambda: deaths() >= most or worker.poll() is not None, 60 + 30 * most, "dying at it"
    )
    assert worker.poll() in {None, -signal.SIGKILL}, here.made.said()
    found = deaths()
    here.made.kill(worker)
    return found
