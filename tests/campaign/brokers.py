"""Rows about the broker: killed and begun again, and gone for minutes."""

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event as Signal
from urllib.error import URLError
from urllib.request import urlopen

from schemas.clock import monotonic_s
from tests.campaign.site import Site, site
from tests.campaign.stage import Stage
from tests.kafka.configuration import free_ports

GONE_S = 600.0
"""How long the broker is gone, where nobody asks for a share."""

RESUME_S = 15.0
"""How long workers may take to learn on when the broker is back."""

GROWTH_KB = 100 * 1024
"""By how much a process may grow while the broker is gone."""


def broker_kill(stage: Stage, faults: int) -> None:
    """The broker dies under load and comes back on its data; what it acknowledged is there."""
    rng = stage.chance()
    longest_s = 0.0
    with stage.own_broker() as broker, site(stage, broker) as here:
        here.made.start_worker()
        here.start_projector(stage.folder / "projection")
        for _ in range(faults):
            here.wait_progress()
            Signal().wait(rng.uniform(0, 2))
            broker.kill()
            Signal().wait(rng.uniform(0, 3))
            broker.start()
            before = here.progress()
            longest_s = max(longest_s, here.wait_progress(60, since=before))
        stage.notes.append(f"learned on within {longest_s:.0f} s of the broker's return")
        here.finish()
        here.check_projector(stage.folder / "projection")
        here.check()


def broker_gone(stage: Stage, _: int) -> None:
    """Nobody dies or grows while it is gone, a worker says it is not ready, and all resumes."""
    gone_s = GONE_S / stage.share
    (port,) = free_ports(1)
    with stage.own_broker() as broker, site(stage, broker) as here:
        worker = here.made.start_worker(MOTIF_WORKER_PORT=str(port))
        projector = here.start_projector(stage.folder / "projection")
        here.wait_progress()
        here.wait_for(lambda: _ready(port) == 200, 60, "being ready")
        family = [worker.pid, projector.pid, *_children(worker.pid)]
        before_kb = _memory_kb(family)
        broker.kill()
        here.wait_for(lambda: _ready(port) == 503, 60, "saying that it is not ready")
        began_s = monotonic_s()
        while monotonic_s() - began_s < gone_s:
            Signal().wait(1)
            assert worker.poll() is None, here.made.said()
            assert projector.poll() is None, here.made.said()
        assert [*_children(worker.pid)] == family[2:], "a learner died while the broker was gone"
        grown_kb = _memory_kb(family) - before_kb
        assert grown_kb < GROWTH_KB, f"they grew by {grown_kb} KiB"
        broker.start()
        before = here.progress()
        resumed_s = here.wait_progress(120, since=before)
        stage.notes.append(
            f"gone for {gone_s:.0f} s, grown by {grown_kb / 1024:.0f} MiB, "
            f"learned on after {resumed_s:.1f} s"
        )
        assert resumed_s < RESUME_S, f"it took {resumed_s:.1f} s to learn on"
        here.wait_for(lambda: _ready(port) == 200, 60, "being ready again")
        _alive(here, (worker, projector))
        here.finish()
        here.check_projector(stage.folder / "projection")
        here.check()


def _alive(here: Site, processes: "Iterable[subprocess.Popen[bytes]]") -> None:
    assert all(one.poll() is None for one in processes), here.made.said()


def _ready(port: int) -> int:
    """What the worker's page of readiness answers; 0 where nobody does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready/", timeout=5) as answer:  # our own
            return int(answer.status)
    except URLError as error:
        with suppress(AttributeError):
            return int(error.code)  # type: ignore[attr-defined]  # where it is an answer
        return 0
    except OSError:
        return 0


def _children(pid: int) -> list[int]:
    """The processes that any thread of a process has started."""
    texts = [
        (thread / "children").read_text("utf-8") for thread in Path(f"/proc/{pid}/task").iterdir()
    ]
    return sorted(int(child) for text in texts for child in text.split())


def _memory_kb(pids: Iterable[int]) -> int:
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total
