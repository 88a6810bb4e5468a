"""Rows about a full disk: of the broker, of a worker's store, of the projection.

Each is a small file system in memory that the case mounts itself, which takes the right to.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Signal

from tests.campaign.site import site
from tests.campaign.stage import Skipped, Stage

FULL_S = 15.0
"""How long a disk stays full."""

BROKER_MB = 200
STORE_MB = 40
LEFT_BYTES = 64 << 10


def broker_full(stage: Stage, _: int) -> None:
    """The broker has no room: it ends, as Kafka does, and begins again when there is some."""
    with (
        disk(stage, BROKER_MB) as place,
        stage.own_broker(place / "data", **SMALL) as broker,
        site(stage, broker) as here,
    ):
        here.made.start_worker()
        here.start_projector(stage.folder / "projection")
        here.wait_progress()
        fill(place)
        here.wait_for(lambda: not broker.running, 120, "the broker's end on a full disk")
        Signal().wait(FULL_S)
        stage.notes.append("the broker ended by itself")
        room(place)
        broker.start()
        before = here.progress()
        stage.notes.append(f"learned on after {here.wait_progress(120, since=before):.0f} s")
        here.finish()
        here.check_projector(stage.folder / "projection")
        here.check()


SMALL = {"log_segment_bytes": str(1 << 20), "log_index_size_max_bytes": str(64 << 10)}


def store_full(stage: Stage, _: int) -> None:
    """A worker's store has no room: it is no worse than its death, and nothing wrong is written."""
    with disk(stage, STORE_MB) as place, site(stage, stage.brokers.shared(), new=8) as here:
        environment = {"MOTIF_WORKER_FOLDER": str(place / "store")}
        worker = here.made.start_worker(**environment)
        here.wait_progress()
        fill(place)
        Signal().wait(FULL_S)
        ended = worker.poll() is not None
        stage.notes.append("the worker ended" if ended else "the worker ran on")
        room(place)
        if ended:
            here.made.start_worker(**environment)
        here.check()


def projection_full(stage: Stage, _: int) -> None:
    """The projection's file has no room: what it holds stays right, and it goes on with room."""
    with disk(stage, STORE_MB) as place, site(stage, stage.brokers.shared(), new=8) as here:
        here.made.start_worker()
        folder = place / "projection"
        projector = here.start_projector(folder)
        here.wait_for((folder / "projection.duckdb").exists, 60, "a projection's beginning")
        here.wait_progress()
        fill(place)
        Signal().wait(FULL_S)
        ended = projector.poll() is not None
        stage.notes.append("the projector ended" if ended else "the projector ran on")
        room(place)
        if ended:
            here.start_projector(folder)
        here.finish()
        here.check_projector(folder)
        here.check()


@contextmanager
def disk(stage: Stage, megabytes: int) -> Iterator[Path]:
    """A small file system, gone afterwards.

    Raises:
        Skipped: it may not be mounted here.
    """
    place = stage.folder / "disk"
    place.mkdir()
    options = f"size={megabytes}m"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "motif-campaign", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Skipped(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def fill(place: Path) -> None:
    """Leave no room."""
    with (place / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(LEFT_BYTES)) == LEFT_BYTES:
                continue
        except OSError:
            return


def room(place: Path) -> None:
    """Make room again."""
    (place / "filler").unlink()
