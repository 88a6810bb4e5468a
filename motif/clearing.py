"""Clearing what a log held somewhere else, once a log without somebody has taken its place.

The receipt lies beside the copy before that takes the log's place. It names the new log: a folder
that holds this log and the receipt was not cleared to the end, and whoever opens it does so first.
Then the receipt is kept in the folder, with a hash in the place of the id that is forgotten.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from connectors.logs import durable, sqlite_file
from connectors.logs.archive_file import FOLDER as ARCHIVE
from motif.beside import DERIVED
from schemas.errors import LogUnavailable
from schemas.failpoint import reach

BESIDE: Final = "forgetting"
"""The folder within a node's own in which the copy is made."""

RECEIPTS: Final = "forgotten"
"""The folder within a node's own in which receipts are kept, each by the id of the new log."""

_RECEIPT: Final = "receipt.json"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was forgotten, of whom, when, and which log took the place of which.

    `events` stood in so many `records`, as an event that came again is a record again.
    """

    forgot: str
    id: str
    events: int
    records: int
    letters: int
    at: str
    old_log_id: str
    new_log_id: str
    place: str


def write_receipt(folder: Path, receipt: Receipt, digest: str) -> None:
    """Write it beside the copy, durable on return, with a digest in the place of the id."""
    content = msgspec.json.encode(replace(receipt, id=digest, place=""))
    durable.write(folder / BESIDE / _RECEIPT, content)


def clear(folder: Path, log_id: str) -> Receipt | None:
    """Clear what is left to be cleared in the folder of this log; the receipt where it was.

    The caller holds the right to write the log, and nothing of the folder is open.

    Raises:
        LogUnavailable: something cannot be removed.
    """
    beside = folder / BESIDE
    if not beside.exists():
        return None
    receipt = _read(beside / _RECEIPT)
    try:
        if receipt is not None and receipt.new_log_id == log_id:
            _clear(folder, log_id)
            return replace(receipt, place=str(folder))
        if not sqlite_file.exists(beside):  # It ended before there was a copy, or at its very end.
            shutil.rmtree(beside)
    except OSError as error:
        raise LogUnavailable(
            f"what {folder} holds of somebody who was forgotten cannot be removed ({error}); "
            "look for missing rights, then try again"
        ) from error
    return None


def unfinished(folder: Path) -> list[str]:
    """A sentence where somebody was to be forgotten and is not, as that was interrupted."""
    if not sqlite_file.exists(folder / BESIDE):
        return []
    sentence = "a 'motif forget' was interrupted, and nobody was forgotten by it: type it again"
    return [f"{sentence}; the unfinished copy is in {folder / BESIDE}"]


def receipt_of(folder: Path, digest: str) -> Receipt | None:
    """The last receipt for whom this digest stands for."""
    kept = [one for one in _kept(folder) if one.id == digest]
    last = max(kept, key=lambda one: one.at, default=None)
    return None if last is None else replace(last, place=str(folder))


def _kept(folder: Path) -> Iterator[Receipt]:
    for path in (folder / RECEIPTS).glob("*.json"):
        receipt = _read(path)
        if receipt is not None:
            yield receipt


def _read(path: Path) -> Receipt | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Receipt)
    except (OSError, msgspec.MsgspecError):
        return None


def _clear(folder: Path, log_id: str) -> None:
    # All of the archive stands in the copy; it may be a link to a folder elsewhere.
    if (folder / ARCHIVE).is_symlink() and not (folder / ARCHIVE).exists():
        raise OSError(f"{folder / ARCHIVE} is a link to what is not there")
    for left in (*(folder / ARCHIVE).glob("*"), *chain.from_iterable(map(folder.glob, DERIVED))):
        _remove(left)
    reach("forget.before_receipt")
    (folder / RECEIPTS).mkdir(exist_ok=True)
    (folder / BESIDE / _RECEIPT).replace(folder / RECEIPTS / f"{log_id}.json")
    reach("forget.after_receipt")
    shutil.rmtree(folder / BESIDE)


def _remove(path: Path) -> None:
    """Remove a file or a folder, such as DuckDB leaves where it was killed on a large question."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
