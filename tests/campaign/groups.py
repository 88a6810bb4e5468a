"""Rows about who learns what: workers that come and go, and one that was asleep."""

import signal
import subprocess
from threading import Event as Signal

from schemas.clock import monotonic_s
from tests.campaign.compaction import compact
from tests.campaign.site import site
from tests.campaign.stage import Stage

STORM_S = 600.0
EVERY_S = 5.0
WORKERS = (1, 4)
PROGRESS_S = 60.0
"""Within so long something is learned, whoever comes and goes."""

ASLEEP_S = 90.0


def storm(stage: Stage, _: int) -> None:
    """Every five seconds a worker comes, or one goes, in whatever way."""
    rng = stage.chance()
    running: list[subprocess.Popen[bytes]] = []
    least, most = WORKERS
    moves, longest_s = 0, 0.0
    with site(stage, stage.brokers.shared(), partitions=4) as here:
        running.append(here.made.start_worker())
        here.wait_progress()
        began_s = moved_s = monotonic_s()
        known = here.progress()
        while monotonic_s() - began_s < STORM_S / stage.share:
            if len(running) <= least or (len(running) < most and rng.random() < 0.5):
                running.append(here.made.start_worker())
            else:
                gone = running.pop(rng.randrange(len(running)))
                here.made.kill_softly(gone, rng.choice((signal.SIGTERM, signal.SIGKILL)))
            moves += 1
            Signal().wait(EVERY_S)
            if here.progress() > known:
                known, moved_s = here.progress(), monotonic_s()
            longest_s = max(longest_s, monotonic_s() - moved_s)
            assert longest_s < PROGRESS_S, f"nothing was learned for that long:\n{here.made.said()}"
        stage.notes.append(
            f"{moves} workers came or went; the longest without progress was {longest_s:.0f} s"
        )
        here.check()


def asleep(stage: Stage, _: int) -> None:
    """A worker sleeps beyond its session, all is compacted meanwhile, it wakes, all is rebuilt."""
    with site(stage, stage.brokers.shared()) as here:
        sleeper = here.made.start_worker()
        here.wait_progress()
        here.made.kill_softly(sleeper, signal.SIGSTOP)
        began_s = monotonic_s()
        other = here.made.start_worker()
        here.wait_progress()
        Signal().wait(max(0.0, ASLEEP_S - (monotonic_s() - began_s)))
        stage.notes.append(compact(here))
        here.made.kill_softly(sleeper, signal.SIGCONT)
        Signal().wait(15)
        here.check()
        for worker in (sleeper, other):
            here.made.kill(worker)
        here.made.start_worker(MOTIF_WORKER_FOLDER=str(stage.folder / "another"))
        here.check()
