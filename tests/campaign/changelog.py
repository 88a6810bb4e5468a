"""Rows about the federator's table: its changelog on Kafka, and its store on disk, damaged."""

import shutil
from collections.abc import Callable
from pathlib import Path

from schemas.clock import monotonic_s
from schemas.topics import PATTERNS
from tests.campaign.compaction import SOON, configure, delete_records, delete_topic
from tests.campaign.site import Site, site
from tests.campaign.stage import Stage

RECOVERY_S = 60.0
"""How long a worker may take to its first new row; the table says 30 s, the machine is shared."""


def damaged(stage: Stage, _: int) -> None:
    """While no worker runs the table is damaged; the next one ends in the rows that are true."""
    damage = DAMAGES[stage.row.partition("/")[2]]
    with site(stage, stage.brokers.shared(), new=8) as here:
        worker = here.made.start_worker()
        here.wait_progress()
        _rows_are_written(here)
        here.made.kill(worker)
        damage(here)
        began_s = monotonic_s()
        here.made.start_worker()
        _rows_are_written(here)
        stage.notes.append(f"wrote rows {monotonic_s() - began_s:.0f} s after its start")
        here.check()


def _rows_are_written(here: Site) -> None:
    """Wait until the federator writes."""
    before = _rows(here)
    here.wait_for(lambda: _rows(here) > before, RECOVERY_S, "writing rows")


def _rows(here: Site) -> int:
    return sum(here.made.log.end(PATTERNS.name, number) for number in range(here.made.partitions))


def _name(here: Site) -> str:
    return f"{here.settings.prefix}motif-federated-changelog"


def _stores(here: Site) -> list[Path]:
    """The RocksDB folders of the table."""
    found = sorted({one.parent for one in here.made.folder.rglob("tables/*.db")})
    assert found, "a worker keeps its table there"
    return found


def _delete(here: Site, share: float) -> None:
    """Cut off the first part of the changelog, which its settings must allow."""
    configure(here.settings, {_name(here): {"cleanup.policy": "compact,delete"}})
    delete_records(here.settings, _name(here), share)
    configure(here.settings, {_name(here): {"cleanup.policy": "compact"}})


def _emptied(here: Site) -> None:
    """All records are cut off: the store is ahead of what stands there."""
    _delete(here, 1.0)


def _emptied_and_lost(here: Site) -> None:
    _emptied(here)
    _local_deleted(here)


def _cut(here: Site) -> None:
    """The older half is gone, and the store too."""
    _delete(here, 0.5)
    _local_deleted(here)


def _deleted(here: Site) -> None:
    """The topic is gone: the store's offset is above its end."""
    delete_topic(here.settings, _name(here))


def _deleted_and_lost(here: Site) -> None:
    _deleted(here)
    _local_deleted(here)


def _compacted(here: Site) -> None:
    """It has holes, and the store is gone."""
    configure(here.settings, {_name(here): {"cleanup.policy": "compact", **SOON}})
    _local_deleted(here)


def _local_deleted(here: Site) -> None:
    for store in _stores(here):
        shutil.rmtree(store)


def _local_of_an_older_time(here: Site) -> None:
    """The store of before a worker had worked on: its offset is below what was written since."""
    kept = [shutil.copytree(store, store.with_name("older")) for store in _stores(here)]
    worker = here.made.start_worker()
    here.wait_progress()
    _rows_are_written(here)
    here.made.kill(worker)
    for older in kept:
        shutil.rmtree(older.with_name("tables"))
        older.rename(older.with_name("tables"))


def _local_of_a_later_time(here: Site) -> None:
    """The topic was deleted and made again by another worker: the store is of another topic."""
    kept = [shutil.copytree(store, store.with_name("later")) for store in _stores(here)]
    _deleted_and_lost(here)
    worker = here.made.start_worker()
    here.wait_progress()
    _rows_are_written(here)
    here.made.kill(worker)
    for later in kept:
        shutil.rmtree(later.with_name("tables"), ignore_errors=True)
        later.rename(later.with_name("tables"))


DAMAGES: dict[str, Callable[[Site], None]] = {
    "emptied": _emptied,
    "emptied-and-lost": _emptied_and_lost,
    "cut": _cut,
    "deleted": _deleted,
    "deleted-and-lost": _deleted_and_lost,
    "compacted": _compacted,
    "store-deleted": _local_deleted,
    "store-older": _local_of_an_older_time,
    "store-of-another": _local_of_a_later_time,
}
