"""Rows about the projector that dies."""

import signal
from contextlib import suppress
from threading import Event as Signal

from projections.remote import NobodyAnswers, RemoteStore
from tests.campaign.site import Site, site
from tests.campaign.stage import Stage

BEGINNING_S = 2.0
SERVING_S = 1.0


def projector_kill(stage: Stage, faults: int) -> None:
    """The projector is killed while it begins and while it projects; its file goes on."""
    rng = stage.chance()
    with site(stage, stage.brokers.shared(), new=12, again=12) as here:
        here.made.start_worker()
        folder = stage.folder / "projection"
        for _ in range(faults):
            projector = here.start_projector(folder)
            if rng.random() < 0.3:
                Signal().wait(rng.uniform(0, BEGINNING_S))
            else:
                here.wait_for(lambda: _answers(here, folder.name), 60, "the projector's start")
                Signal().wait(rng.uniform(0, SERVING_S))
            here.made.kill(projector)
        _end(here)


def projector_failpoint(stage: Stage, faults: int) -> None:
    """It dies beside its commit, again and again."""
    name = stage.row.partition("/")[2]
    rng = stage.chance()
    with site(stage, stage.brokers.shared(), new=12, again=12) as here:
        here.made.start_worker()
        folder = stage.folder / "projection"
        for _ in range(faults):
            times = rng.randint(1, 4)
            projector = here.start_projector(folder, MOTIF_FAILPOINT=f"{name}:{times}")
            assert projector.wait(120) == -signal.SIGKILL, here.made.said()
        _end(here)


def _end(here: Site) -> None:
    here.start_projector(here.stage.folder / "projection")
    here.finish()
    here.check_projector(here.stage.folder / "projection")
    here.check()


def _answers(here: Site, name: str) -> bool:
    with suppress(NobodyAnswers):
        RemoteStore(here.stage.folder / name).about()
        return True
    return False
