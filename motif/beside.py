"""Projecting beside learning: another thread, as DuckDB and Arrow work without Python's lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from projections.projector import Projector
from schemas.collector import uncollected

PAUSE_S = 0.05
"""How long the thread waits when it has caught up with the learner."""


@contextmanager
def projecting(projector: Projector) -> Iterator[None]:
    """Keep projecting what is learned until the block ends; an error there is raised here.

    Inside the block nobody else may use the projector.
    """
    done = Event()
    failed: list[BaseException] = []
    thread = Thread(target=_run, args=(projector, done, failed), name="projector")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if failed:
        raise failed[0]


def _run(projector: Projector, done: Event, failed: list[BaseException]) -> None:
    try:
        while not done.is_set():
            with uncollected():
                moved = projector.step()
            if not moved:
                done.wait(PAUSE_S)
    except BaseException as error:  # noqa: BLE001  # It is raised again where somebody waits for it.
        failed.append(error)
