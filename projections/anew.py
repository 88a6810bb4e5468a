"""The projection made a second time from the log, to take the place of the first or to compare."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projections.projector import Projector
from projections.store import Store
from schemas.log import Log


def rebuild(log: Log, store: Store, reason: str = "somebody asked for it") -> None:
    """Make the projection again from the log.

    It is made beside the live one and takes its place when it is whole: a log that cannot be read,
    or a full disk, costs nothing that was there.
    """
    with made_again(log, store, "rebuilt") as made:
        made.close()
        store.adopt(made.path, reason)


@contextmanager
def made_again(log: Log, store: Store, suffix: str, records: Path | None = None) -> Iterator[Store]:
    """Another projection of the same log in a file beside the live one, gone afterwards.

    With it goes a file of records, where one is named.
    """
    beside = store.path.with_name(f"{store.path.name}.{suffix}")
    _remove(beside, records)
    try:
        with Store.open(beside, log_id=store.log_id) as made:
            projector = Projector(log, made, records)
            projector.catch_up()
            projector.close()
            yield made
    finally:
        _remove(beside, records)


def _remove(*paths: Path | None) -> None:
    for path in filter(None, paths):
        for leftover in path.parent.glob(f"{path.name}*"):
            if leftover.is_dir():  # where the query engine puts what does not fit into memory
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
